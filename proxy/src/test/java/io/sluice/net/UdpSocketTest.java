package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.Client;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The structure offsets and numbers in {@link Linux}, held against the kernel's own answers by
 * datagrams on loopback.
 */
class UdpSocketTest {
  private final Workers workers = Workers.start(1);
  private final Account account = new Account();
  private final List<AutoCloseable> open = new ArrayList<>();

  @BeforeEach
  void supported() {
    Workers.requireSupported();
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    workers.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void echoesEverySizeByteForByteAndInOrder(String ip) throws Exception {
    InetSocketAddress echo = echo(address(ip, 0));
    try (Client client = new Client(ip)) {
      Random random = new Random(42);
      for (int size : new int[] {0, 1, 2, 20, 512, 1_472, 1_473, 9_000, 65_506, 65_507}) {
        byte[] payload = new byte[size];
        random.nextBytes(payload);
        assertThat(client.ask(echo, payload)).as("%d bytes", size).isEqualTo(payload);
      }
      int burst = 3 * Batch.SLOTS + 1;
      for (int i = 0; i < burst; i++) {
        client.send(echo, (byte) i);
      }
      for (int i = 0; i < burst; i++) {
        assertThat(client.receive().payload()).containsExactly(i);
      }
      workers.onEach(worker -> {}); // the loop may not have booked yet what has arrived already
      assertThat(account.forwarded()).isEqualTo(10 + burst);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void tellsTheSenderAsTheKernelKnowsIt(String ip) throws Exception {
    BlockingQueue<InetSocketAddress> senders = new LinkedBlockingQueue<>();
    InetSocketAddress socket =
        listening(address(ip, 0), batch -> senders.add(source(batch).toInetSocketAddress()));
    try (Client client = new Client(ip)) {
      client.send(socket, (byte) 1);
      assertThat(senders.poll(5, TimeUnit.SECONDS)).isEqualTo(client.address());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.9", "::1"})
  void wildcardSocketsAnswerFromTheAddressThatWasAsked(String ip) throws Exception {
    boolean ipv6 = ip.contains(":");
    int port = echo(address(ipv6 ? "::" : "0.0.0.0", 0)).getPort();
    try (Client client = new Client(ipv6 ? "::1" : "127.0.0.1")) {
      InetSocketAddress asked = new InetSocketAddress(InetAddress.ofLiteral(ip), port);
      client.send(asked, (byte) 1);
      assertThat(client.receive().from()).isEqualTo(asked);
    }
  }

  @Test
  void aSpecificSocketReportsNoLocalAddress() throws Exception {
    BlockingQueue<Long> locals = new LinkedBlockingQueue<>();
    InetSocketAddress socket =
        listening(
            address("127.0.0.1", 0), batch -> locals.add(batch.localHi(0) | batch.localLo(0)));
    try (Client client = new Client("127.0.0.1")) {
      client.send(socket, (byte) 1);
      assertThat(locals.poll(5, TimeUnit.SECONDS)).isZero();
    }
  }

  @Test
  void anIcmpErrorIsToldAndNeverCostsTheDatagramBeingSent() throws Exception {
    Client backend = new Client("127.0.0.1");
    Address address = Address.of(backend.address());
    backend.close();
    UdpSocket link =
        new Ports(KernelFeatures.localPorts(), new Fds(1))
            .dialer(List.of(), List.of())
            .dial(address);
    open.add(link);
    BlockingQueue<Integer> errors = new LinkedBlockingQueue<>();
    onLoop(
        worker -> {
          // Not registered for events: the error must stay pending until the next send meets it.
          link.own(owner(() -> {}, errors::add));
          Batch batch = worker.batch();
          batch.load(new byte[] {1}, 0);
          link.send(batch, 0, 1, account);
        });
    assertThat(account.forwarded()).isEqualTo(1);
    try (Client back = new Client("127.0.0.1", address.port())) {
      onLoop(
          worker -> {
            worker.batch().load(new byte[] {2}, 0);
            link.send(worker.batch(), 0, 1, account);
          });
      assertThat(back.receive().payload()).containsExactly(2);
    }
    assertThat(errors).containsExactly(Errno.ECONNREFUSED);
    assertThat(account.forwarded()).isEqualTo(2);
    assertThat(Arrays.stream(Drop.values()).mapToLong(account::dropped).sum()).isZero();
  }

  @Test
  void whatTheKernelRefusesIsBookedUnderItsReason() throws Exception {
    UdpSocket socket = FrontSockets.listen(address("127.0.0.1", 0), 1 << 20);
    open.add(socket);
    onLoop(
        worker -> {
          Batch batch = worker.batch();
          batch.load(new byte[65_508], 0); // one byte more than fits an IPv4 datagram
          Address self = address("127.0.0.1", 9);
          batch.to(0, 1, self.head(), self.hi(), self.lo(), self.scope());
          socket.send(batch, 0, 1, account);
        });
    assertThat(account.dropped(Drop.OVERSIZE)).isEqualTo(1);
    assertThat(account.forwarded()).isZero();
  }

  @Test
  void kernelDropsAreCounted() throws Exception {
    UdpSocket socket = FrontSockets.listen(address("127.0.0.1", 0), 4096); // registered by nobody
    open.add(socket);
    InetSocketAddress address = socket.localAddress().toInetSocketAddress();
    try (Client client = new Client("127.0.0.1")) {
      assertThat(socket.kernelDrops()).isZero();
      for (int i = 0; i < 1_000; i++) {
        client.send(address, new byte[1_000]);
      }
      int dropped = socket.kernelDrops();
      int received = onLoopGet(worker -> drain(socket, worker.batch()));
      assertThat(dropped).isPositive();
      assertThat(received + dropped).isEqualTo(1_000);
    }
  }

  @Test
  void saysWhatBufferTheKernelGranted() throws Exception {
    UdpSocket socket = FrontSockets.listen(address("127.0.0.1", 0), 64 << 10);
    open.add(socket);
    assertThat(socket.receiveBufferBytes()).isEqualTo(64 << 10);
  }

  @Test
  void socketsOfOneGroupShareAnAddressAndOthersMayNot() throws Exception {
    UdpSocket first = FrontSockets.listen(address("127.0.0.1", 0), 1 << 20);
    open.add(first);
    Address taken = first.localAddress();
    open.add(FrontSockets.listen(taken, 1 << 20));

    assertThatThrownBy(() -> FrontSockets.claim(taken))
        .isInstanceOf(OsException.class)
        .hasMessage("cannot bind " + taken + ": EADDRINUSE, address already in use");
  }

  @Test
  void ipv4AndIpv6WildcardsOfOnePortLiveSideBySide() throws Exception {
    UdpSocket v4 = FrontSockets.listen(address("0.0.0.0", 0), 1 << 20);
    open.add(v4);
    open.add(FrontSockets.listen(address("::", v4.localAddress().port()), 1 << 20));
  }

  @Test
  void anAddressThatIsNotOursIsRefusedWithTheKernelsReason() {
    assertThatThrownBy(() -> FrontSockets.listen(address("192.0.2.1", 0), 4096))
        .isInstanceOfSatisfying(
            OsException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EADDRNOTAVAIL));
  }

  @Test
  void knowsTheKernelsFeaturesAndPorts() {
    assertThat(KernelFeatures.found()).contains("SO_REUSEPORT", "IP_PKTINFO");
    assertThat(KernelFeatures.localPorts().cardinality()).isBetween(1_000, 65_536);
  }

  /** In one epoll answer both are ready; whoever is told first has the other one leave. */
  @Test
  void whatHasLeftIsToldNothingNotEvenWhatWasReadyAndBackAgainAllOfIt() throws Exception {
    UdpSocket[] both = {listen(), listen()};
    BlockingQueue<Integer> told = new LinkedBlockingQueue<>();
    try (Client client = new Client("127.0.0.1")) {
      workers.onEach(
          worker -> {
            for (int i = 0; i < 2; i++) {
              int me = i;
              register(
                  both[me],
                  worker,
                  owner(
                      () -> {
                        told.add(me);
                        assertThat(both[me].receive(worker.batch())).isEqualTo(1);
                        both[1 - me].detach();
                      },
                      errno -> {}));
              send(client, both[me]); // while the loop is here, it cannot look
            }
          });
      int first = Objects.requireNonNull(told.poll(5, TimeUnit.SECONDS));
      workers.onEach(worker -> {}); // it goes through all that is ready before it runs a task
      assertThat(told).isEmpty();
      UdpSocket left = both[1 - first];
      assertThat(left.isAttached()).isFalse();
      assertThat(both[first].isAttached()).isTrue();
      BlockingQueue<Integer> now = new LinkedBlockingQueue<>();
      workers.onEach(
          worker ->
              register(
                  left, worker, owner(() -> now.add(left.receive(worker.batch())), errno -> {})));
      assertThat(now.poll(5, TimeUnit.SECONDS)).isEqualTo(1);
      workers.onEach(worker -> left.detach());
      workers.onEach(worker -> left.detach()); // which is no harm
    }
  }

  private UdpSocket listen() throws OsException {
    UdpSocket socket = FrontSockets.listen(address("127.0.0.1", 0), 1 << 16);
    open.add(socket);
    return socket;
  }

  private static void send(Client client, UdpSocket to) {
    try {
      client.send(to.localAddress().toInetSocketAddress(), (byte) 1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private InetSocketAddress echo(Address address) throws Exception {
    return listening(address, batch -> {});
  }

  /** A registered socket that shows each datagram to {@code look} and then sends it back. */
  private InetSocketAddress listening(Address address, Consumer<Batch> look) throws Exception {
    UdpSocket socket = FrontSockets.listen(address, 4 << 20);
    boolean wildcard = address.isWildcard();
    workers.onEach(
        worker ->
            register(
                socket,
                worker,
                owner(
                    () -> {
                      Batch batch = worker.batch();
                      batch.clear();
                      int n = socket.receive(batch);
                      for (int slot = 0; slot < n; slot++) {
                        look.accept(batch);
                        Address client = source(batch);
                        batch.to(slot, 1, client.head(), client.hi(), client.lo(), client.scope());
                        if (wildcard) {
                          batch.from(slot, 1, batch.localHi(slot), batch.localLo(slot));
                        }
                        socket.send(batch, slot, 1, account);
                      }
                    },
                    errno -> {})));
    open.add(() -> workers.onEach(worker -> socket.close()));
    return socket.localAddress().toInetSocketAddress();
  }

  private static void register(UdpSocket socket, Worker worker, UdpSocket.Owner owner) {
    try {
      socket.register(worker, owner);
    } catch (OsException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Address source(Batch batch) {
    boolean ipv6 = Address.isIpv6(batch.sourceHead(0));
    return new Address(
        batch.sourceHead(0),
        ipv6 ? batch.sourceHi(0) : 0,
        ipv6 ? batch.sourceLo(0) : 0,
        ipv6 ? batch.sourceScope(0) : 0);
  }

  private static UdpSocket.Owner owner(Runnable readable, Consumer<Integer> failed) {
    return new UdpSocket.Owner() {
      @Override
      public void readable() {
        readable.run();
      }

      @Override
      public void failed(int errno) {
        failed.accept(errno);
      }
    };
  }

  private static int drain(UdpSocket socket, Batch batch) {
    int total = 0;
    batch.clear();
    for (int n = socket.receive(batch); n > 0; n = socket.receive(batch)) {
      total += n;
      batch.clear();
    }
    return total;
  }

  private void onLoop(Consumer<Worker> task) {
    workers.onEach(task);
  }

  private int onLoopGet(java.util.function.ToIntFunction<Worker> task) {
    int[] result = new int[1];
    workers.onEach(worker -> result[0] = task.applyAsInt(worker));
    return result[0];
  }

  private static Address address(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
