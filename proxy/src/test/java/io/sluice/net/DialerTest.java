package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.Client;
import io.sluice.metrics.Drop;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Links from a few ports of loopback addresses that nobody else uses, to backends that need not be
 * there.
 */
class DialerTest {
  private static final int PORTS = 20;
  private static final int FIRST = 20_000;
  private static final Address X = address("127.0.0.1", 7);
  private static final Address Y = address("127.0.0.1", 8);
  private static final Address Z = address("127.0.0.2", 7);

  private final Random random = new Random();

  /** Another test run on the same machine will hardly choose the same. */
  private final String ip = "127.%d.%d.1".formatted(random.nextInt(10, 255), random.nextInt(256));

  private final Fds fds = new Fds(1_000);
  private final Ports ports = ports();
  private final Dialer dialer = dialer(ports, ip);
  private final List<AutoCloseable> open = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    assertThat(fds.free()).isEqualTo(1_000);
  }

  @Test
  void everyPortServesEveryBackendOnce() throws Exception {
    for (Address peer : List.of(X, Y, Z)) {
      assertThat(localPorts(dialAll(dialer, peer)))
          .containsExactlyInAnyOrderElementsOf(
              IntStream.range(FIRST, FIRST + PORTS).boxed().toList());
    }
    assertThat(fds.free()).isEqualTo(1_000 - 3 * PORTS);
    assertThat(dialer.free()).isEqualTo(Map.of(ip, 0));
  }

  @Test
  void aPortIsFreeAgainOnceItsLinkIsClosed() throws Exception {
    List<UdpSocket> links = dialAll(dialer, X);
    UdpSocket gone = links.get(7);
    int port = gone.localAddress().port();
    gone.close();
    gone.close(); // gives nothing back twice
    assertThat(dialer.free()).isEqualTo(Map.of(ip, 1));
    assertThat(localPorts(dialAll(dialer, X))).containsExactly(port);
  }

  @Test
  void twoPoolsThatNameOneBackendShareItsPorts() throws Exception {
    Dialer other = dialer(ports, ip);
    UdpSocket one = dial(dialer, X);
    List<UdpSocket> others = dialAll(other, address("127.0.0.1", 7));
    assertThat(others).hasSize(PORTS - 1);
    assertThat(localPorts(others)).doesNotContain(one.localAddress().port());
  }

  @Test
  void portsOfSeveralLocalAddressesAddUpAndAreUsedEvenly() throws Exception {
    String second = "127.9.9.9";
    Dialer both = dialer(ports, ip, second);
    for (int i = 0; i < 6; i++) {
      dial(both, X);
    }
    assertThat(both.free()).isEqualTo(Map.of(ip, PORTS - 3, second, PORTS - 3));
    assertThat(dialAll(both, X)).hasSize(2 * PORTS - 6);
  }

  @Test
  void theGaugeIsOfTheScarcestBackend() throws Exception {
    dial(dialer, X);
    dial(dialer, X);
    dial(dialer, Y);
    assertThat(dialer.free()).isEqualTo(Map.of(ip, PORTS - 2));
  }

  @Test
  void aLocalAddressThatIsGoneCostsNothingWhileThereIsAnother() throws Exception {
    Dialer both = dialer(ports, ip, "192.0.2.77");
    assertThat(dialAll(both, X)).hasSize(PORTS);
    assertThat(both.free()).isEqualTo(Map.of(ip, 0, "192.0.2.77", PORTS));
  }

  @Test
  void whatTheSystemRefusesCostsNeitherPortNorDescriptor() {
    Address elsewhere = address("192.0.2.1", 7); // not from a loopback address
    assertThatThrownBy(() -> dialer.dial(elsewhere))
        .isInstanceOf(OsException.class)
        .hasMessageStartingWith("cannot open a UDP socket from " + ip + ":0 to 192.0.2.1:7: ");
    assertThat(dialer.free()).isEqualTo(Map.of(ip, PORTS));
    assertThat(fds.free()).isEqualTo(1_000);
  }

  @Test
  void noMoreLinksAreOpenedThanThereAreDescriptors() throws Exception {
    Fds few = new Fds(3);
    Dialer poor = dialer(new Ports(range(), few), ip);
    List<UdpSocket> links = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      links.add(dial(poor, X));
    }
    assertThatThrownBy(() -> poor.dial(X))
        .isInstanceOfSatisfying(
            OsException.class, e -> assertThat(Errno.ofDial(e.errno())).isEqualTo(Drop.NO_FD));
    assertThat(poor.free()).isEqualTo(Map.of(ip, PORTS - 3));
    links.getFirst().close();
    dial(poor, X);
    assertThat(few.free()).isZero();
  }

  @Test
  void whereNoAddressIsOfTheBackendsFamilyTheRouteChooses() throws Exception {
    // Real ones: on the wildcard, anybody's socket is in the way.
    Ports real = new Ports(KernelFeatures.localPorts(), fds);
    Dialer mixed = dialer(real, ip);
    assertThat(dial(mixed, address("::1", 7)).localAddress().toInetSocketAddress().getAddress())
        .isEqualTo(InetAddress.ofLiteral("::1"));
    assertThat(mixed.free()).isEqualTo(Map.of("any", real.count() - 1));
    assertThat(dial(mixed, X).localAddress().toInetSocketAddress().getAddress())
        .isEqualTo(InetAddress.ofLiteral(ip));
  }

  @Test
  void ipv6LinksFromTheWildcardLeaveIpv4sPortsAlone() throws Exception {
    BitSet one = new BitSet();
    try (DatagramSocket somebody = new DatagramSocket(0)) {
      one.set(somebody.getLocalPort()); // nobody's, after this
    }
    Dialer both = new Ports(one, fds).dialer(List.of(), List.of());
    assertThat(dial(both, address("::1", 7)).localAddress().port())
        .isEqualTo(dial(both, X).localAddress().port());
  }

  @Test
  void portsThatSomebodyElseHasAreLeftAloneUntilTheyAreFree() throws Exception {
    // SO_REUSEADDR or not: neither is ours to share.
    open.add(new DatagramSocket(new InetSocketAddress(ip, FIRST + 3)));
    DatagramChannel sharing = DatagramChannel.open();
    open.add(sharing);
    sharing
        .setOption(StandardSocketOptions.SO_REUSEADDR, true)
        .bind(new InetSocketAddress(ip, FIRST + 4));

    List<UdpSocket> links = dialAll(dialer, X);
    assertThat(localPorts(links)).hasSize(PORTS - 2).doesNotContain(FIRST + 3, FIRST + 4);
    sharing.close();
    // One of two that nobody knows to be free is tried at each newcomer.
    List<Integer> now = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      now.addAll(localPorts(dialAll(dialer, X)));
    }
    assertThat(now).containsExactly(FIRST + 4);
  }

  @Test
  void twoAppliancesOnOneHostShareNoPort() throws Exception {
    Dialer other = dialer(ports(), ip);
    for (Address peer : List.of(X, Y)) { // the second from ports that are held already
      Set<Integer> ours = new HashSet<>();
      Set<Integer> theirs = new HashSet<>();
      for (int i = 0; i < PORTS / 2; i++) {
        ours.addAll(localPorts(List.of(dial(dialer, peer))));
        theirs.addAll(localPorts(List.of(dial(other, peer))));
      }
      assertThat(ours).hasSize(PORTS / 2).doesNotContainAnyElementsOf(theirs);
      assertThat(theirs).hasSize(PORTS / 2);
      assertThat(dialAll(dialer, peer)).isEmpty();
      assertThat(dialAll(other, peer)).isEmpty();
    }
  }

  /** Few ports and short lives, so that ports are shared, deserted and taken over all the time. */
  @Test
  void noTwoLinksEverHaveTheSameEndsWhateverTheThreadsAndAppliancesDo() {
    long seed = random.nextLong();
    Set<String> live = ConcurrentHashMap.newKeySet();
    BitSet few = new BitSet();
    few.set(FIRST, FIRST + 3);
    List<Dialer> appliances =
        List.of(dialer(new Ports(few, fds), ip), dialer(new Ports(few, fds), ip));
    List<CompletableFuture<Integer>> threads =
        IntStream.range(0, 4)
            .mapToObj(
                i ->
                    CompletableFuture.supplyAsync(
                        () -> dialAndClose(appliances.get(i % 2), live, new Random(seed + i)),
                        run -> Thread.ofPlatform().start(run)))
            .toList();
    int dialed = threads.stream().mapToInt(CompletableFuture::join).sum();
    assertThat(dialed).as("seed %d", seed).isGreaterThan(1_000);
    assertThat(live).isEmpty();
  }

  private static int dialAndClose(Dialer dialer, Set<String> live, Random random) {
    record Link(String ends, UdpSocket socket) {
      void close(Set<String> live) {
        assertThat(live.remove(ends)).isTrue();
        socket.close();
      }
    }
    List<Address> peers = List.of(X, Y, Z);
    List<Link> mine = new ArrayList<>();
    int dialed = 0;
    for (int i = 0; i < 20_000; i++) {
      if (random.nextInt(3) > 0) {
        Address peer = peers.get(random.nextInt(peers.size()));
        try {
          UdpSocket socket = dialer.dial(peer);
          Link link = new Link(socket.localAddress() + " " + peer, socket);
          assertThat(live.add(link.ends)).as("%s twice", link.ends).isTrue();
          mine.add(link);
          dialed++;
        } catch (OsException e) {
          assertThat(e.errno()).isEqualTo(Errno.EADDRNOTAVAIL);
        }
      } else if (!mine.isEmpty()) {
        mine.remove(random.nextInt(mine.size())).close(live);
      }
    }
    mine.forEach(link -> link.close(live));
    return dialed;
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void whatStrangersSentBetweenBindAndConnectIsToldApart(String host) throws Exception {
    try (Client stranger = new Client(host);
        Client backend = new Client(host);
        Workers workers = Workers.start(1)) {
      Address at = address(host, 0);
      Address peer = Address.of(backend.address());
      UdpSocket link = UdpSocket.openFor(at);
      open.add(link);
      assertThat(link.tryBind(at)).isZero();
      InetSocketAddress bound = link.localAddress().toInetSocketAddress();
      stranger.send(bound, (byte) 1);
      backend.send(bound, (byte) 2); // to whoever had the port before
      for (int i = 0; i < Batch.SLOTS; i++) {
        stranger.send(bound, (byte) 3);
      }
      assertThat(link.tryConnect(peer)).isZero();
      stranger.send(bound, (byte) 4); // which the kernel keeps out
      backend.send(bound, (byte) 5);
      backend.send(bound, (byte) 6);
      workers.onEach(
          worker -> {
            Batch batch = worker.batch();
            assertThat(link.receive(batch)).isEqualTo(Batch.SLOTS);
            assertThat(batch.upToLastNotFrom(peer, 0, Batch.SLOTS)).isEqualTo(Batch.SLOTS);
            batch.clear();
            assertThat(link.receive(batch)).isEqualTo(4);
            assertThat(batch.upToLastNotFrom(peer, 0, 4)).isEqualTo(2);
            assertThat(batch.payload(2).getByte(0)).isEqualTo((byte) 5);
            assertThat(batch.payload(3).getByte(0)).isEqualTo((byte) 6);
          });
    }
  }

  private Ports ports() {
    return new Ports(range(), fds);
  }

  private static BitSet range() {
    BitSet range = new BitSet();
    range.set(FIRST, FIRST + PORTS);
    return range;
  }

  private static Dialer dialer(Ports ports, String... sources) {
    return ports.dialer(
        List.of(sources).stream().map(source -> address(source, 0)).toList(), List.of());
  }

  private UdpSocket dial(Dialer from, Address peer) throws OsException {
    UdpSocket link = from.dial(peer);
    open.add(link);
    return link;
  }

  /** Until there is no port left. */
  private List<UdpSocket> dialAll(Dialer from, Address peer) {
    List<UdpSocket> links = new ArrayList<>();
    try {
      while (true) {
        links.add(dial(from, peer));
      }
    } catch (OsException e) {
      assertThat(Errno.ofDial(e.errno())).isEqualTo(Drop.NO_PORT);
      return links;
    }
  }

  private static List<Integer> localPorts(List<UdpSocket> links) throws OsException {
    List<Integer> ports = new ArrayList<>();
    for (UdpSocket link : links) {
      ports.add(link.localAddress().port());
    }
    return ports;
  }

  private static Address address(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
