package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.buffer.ByteBuf;
import io.netty.util.internal.PlatformDependent;
import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.filter.DatagramFilter;
import io.sluice.filter.Filters;
import io.sluice.filter.FlowRequest;
import io.sluice.filter.Network;
import io.sluice.flow.CloseReason;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Fds;
import io.sluice.net.TrainSocket;
import io.sluice.pool.Backend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What filters do to datagrams, whatever way these go. */
@EitherSocket
@Timeout(60)
class FiltersTest {
  private static final byte OPEN = 0;
  private static final byte BAD_REQUEST = 1;
  private static final byte BAD_REPLY = 2;
  private static final byte BUG = 3;
  private static final byte CHECKED_BUG = 4;
  private static final byte RELEASE = 5;
  private static final byte WRITE = 6;

  /** Their opened and closed ones. */
  private final AtomicInteger opened = new AtomicInteger();

  private final AtomicInteger closed = new AtomicInteger();
  private final boolean connected;
  @AutoClose private final ServedFront served;

  FiltersTest(boolean connected) {
    this.connected = connected;
    served = new ServedFront().connected(connected);
  }

  /** By the first byte of each datagram. */
  private final class ByFirstByte implements DatagramFilter {
    ByFirstByte() {
      opened.incrementAndGet();
    }

    @Override
    public boolean onRequest(ByteBuf payload, long nowNs) {
      int first = payload.readByte();
      switch (first) {
        case BUG -> throw new IllegalStateException("a test's");
        // As other languages throw what Java would have declared.
        case CHECKED_BUG -> PlatformDependent.throwException(new IOException("a test's"));
        case RELEASE -> payload.release();
        case WRITE -> payload.setByte(0, OPEN);
        default -> {}
      }
      return first != BAD_REQUEST;
    }

    @Override
    public boolean onReply(ByteBuf payload, long nowNs) {
      return payload.readByte() != BAD_REPLY;
    }

    @Override
    public void close() {
      closed.incrementAndGet();
    }
  }

  private ServedFront filteringByFirstByte() {
    return served.filters(request -> new ByFirstByte());
  }

  @Test
  void whoIsDeniedOpensNoFlowAndSpendsNothingOfTheBudget() throws Exception {
    EchoServer echo = served.echo();
    var from1 = Filters.accessList(List.of(), List.of(network("127.0.0.2", 32)));
    InetSocketAddress at = served.filters(from1).limits(ServedFront.limits(9, 9, 1)).serve(echo);
    Client denied = served.client("127.0.0.2");
    for (int i = 0; i < 20; i++) {
      denied.send(at, (byte) 1);
    }
    await().until(() -> served.drops().equals(Map.of(Drop.FILTER, 20L)));
    assertThat(served.client().ask(at, (byte) 1)).containsExactly(1);
    assertThat(served.front().filterDrops()).isEqualTo(Map.of("f0", 20L));
    assertThat(served.front().flows().opened()).isEqualTo(1);
    assertThat(served.flow().sieve()).isNull(); // who passes is not asked again
  }

  @Test
  void eachDatagramIsAskedForInBothDirectionsAndTheRestGoesOn() throws Exception {
    EchoServer echo = served.echo();
    InetSocketAddress at = filteringByFirstByte().serve(echo);
    Client client = served.client();
    client.ask(at, OPEN, (byte) 1);
    served.awaitPeerSockets(1);
    client.send(at, BAD_REQUEST, (byte) 2);
    client.send(at, BAD_REPLY, (byte) 3);
    client.send(at, BUG, (byte) 4);
    assertThat(client.ask(at, OPEN, (byte) 5)).containsExactly(OPEN, 5);
    await()
        .untilAsserted(
            () -> assertThat(served.drops()).isEqualTo(Map.of(Drop.FILTER, 2L, Drop.FAULT, 1L)));
    assertThat(served.requests(account -> account.dropped(Drop.FILTER))).isEqualTo(1);
    assertThat(served.front().filterDrops()).isEqualTo(Map.of("f0", 2L));
    assertThat(echo.received()).isEqualTo(3);
    assertThat(served.flow().requests()).isEqualTo(3);
    assertThat(served.flow().replies()).isEqualTo(3);
  }

  @Test
  void whateverTheyDoWithAPayloadCostsThatDatagramAlone() throws Exception {
    InetSocketAddress at = filteringByFirstByte().serve(served.echo());
    Client client = served.client();
    assertThat(client.ask(at, OPEN)).containsExactly(OPEN);
    served.awaitPeerSockets(1);
    for (int i = 0; i < 3; i++) {
      assertThat(client.ask(at, RELEASE, (byte) i)).containsExactly(RELEASE, i);
      client.send(at, WRITE);
      client.send(at, CHECKED_BUG);
      assertThat(client.ask(at, OPEN, (byte) i)).containsExactly(OPEN, i);
    }
    assertThat(served.drops()).isEqualTo(Map.of(Drop.FAULT, 6L));
  }

  @Test
  void repliesMeetThemInReverseOrder() throws Exception {
    List<String> asked = new CopyOnWriteArrayList<>();
    EchoServer echo = served.echo();
    InetSocketAddress at = served.filters(noting("a", asked), noting("b", asked)).serve(echo);
    served.client().ask(at, OPEN);
    assertThat(asked).containsExactly("a>", "b>", "<b", "<a");
  }

  private static DatagramFilter.Factory noting(String name, List<String> asked) {
    return request ->
        new DatagramFilter() {
          @Override
          public boolean onRequest(ByteBuf payload, long nowNs) {
            return asked.add(name + ">");
          }

          @Override
          public boolean onReply(ByteBuf payload, long nowNs) {
            return asked.add("<" + name);
          }
        };
  }

  @Test
  void filtersSeeWhoAsksWhereAndWhat() throws Exception {
    List<String> seen = new CopyOnWriteArrayList<>();
    EchoServer echo = served.echo();
    InetSocketAddress at =
        served
            .listen(ServedFront.any("0.0.0.0"))
            .filters(
                request -> {
                  seen.add(seen(request));
                  return Filters.PASS;
                })
            .serve(echo);
    Client client = served.client("127.0.0.3");
    var to = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.4"), at.getPort());
    client.ask(to, (byte) 7, (byte) 8);
    assertThat(seen)
        .containsExactly(
            "test 127.0.0.3:%d 127.0.0.4:%d 2".formatted(client.address().getPort(), at.getPort()));
  }

  private static String seen(FlowRequest r) {
    return "%s %s:%d %s:%d %d"
        .formatted(
            r.front(),
            r.client().getAddress().getHostAddress(),
            r.client().getPort(),
            r.local().getAddress().getHostAddress(),
            r.local().getPort(),
            r.payload().readableBytes());
  }

  @Test
  void whatAFactoryThrowsCostsTheDatagramAndNoFilterStaysOpen() throws Exception {
    EchoServer echo = served.echo();
    InetSocketAddress at =
        served
            .filters(
                request -> new ByFirstByte(),
                request -> {
                  if (request.payload().readByte() == BUG) {
                    throw new IllegalStateException("a test's");
                  }
                  return Filters.PASS;
                })
            .serve(echo);
    Client client = served.client();
    client.send(at, BUG);
    assertThat(client.ask(at, OPEN)).containsExactly(OPEN);
    assertThat(served.drops()).isEqualTo(Map.of(Drop.FAULT, 1L));
    served.front().close();
    assertThat(closed).hasValue(2);
    assertThat(opened).hasValue(2);
  }

  @Test
  void aFlowThatIsNotOpenedAfterAllClosesItsFilters() throws Exception {
    InetSocketAddress at = filteringByFirstByte().fds(new Fds(1)).serve(served.echo());
    served.client().ask(at, OPEN);
    served.client().send(at, OPEN);
    await().until(() -> served.drops().equals(Map.of(Drop.NO_FD, 1L)));
    assertThat(opened).hasValue(2);
    assertThat(closed).hasValue(1);
  }

  @Test
  void aFloodBeyondTheBudgetIsNoWorkForThem() throws Exception {
    InetSocketAddress at =
        filteringByFirstByte().limits(ServedFront.limits(9, 9, 1)).serve(served.echo());
    served.client().ask(at, OPEN);
    Client flood = served.client();
    for (int i = 0; i < 20; i++) {
      flood.send(at, OPEN);
    }
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_RATE, 20L)));
    assertThat(opened).hasValue(1);
  }

  @Test
  void aClientAboveItsRateIsRelayedAtItsRateWhateverPortsItUses() throws Exception {
    EchoServer echo = served.echo();
    var limit = Filters.rateLimit(Filters.Per.SOURCE_IP, 10, 4, 0);
    InetSocketAddress at = served.filters(limit).serve(echo);
    Client client = served.client();
    client.ask(at, (byte) 1);
    client.ask(at, (byte) 2);
    served.awaitPeerSockets(1);
    Client sameHost = served.client();
    sameHost.ask(at, (byte) 3);
    sameHost.ask(at, (byte) 4);
    client.send(at, (byte) 5);
    served.client().send(at, (byte) 6);
    await().until(() -> served.drops().equals(Map.of(Drop.FILTER, 2L)));
    assertThat(served.front().flows().opened()).isEqualTo(2);
    assertThat(served.client("127.0.0.9").ask(at, (byte) 7)).containsExactly(7);
    served.pass(Duration.ofMillis(100));
    assertThat(client.ask(at, (byte) 8)).containsExactly(8);
    assertThat(served.front().filterDrops()).isEqualTo(Map.of("f0", 2L));
  }

  private TrainSocket backendOfTrains() throws Exception {
    return served.add(TrainSocket.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)));
  }

  private TrainSocket clientOf(TrainSocket backend) throws Exception {
    return served.add(
        TrainSocket.to(
            filteringByFirstByte()
                .inRealTime()
                .limits(ServedFront.noLimits(10))
                .serve(backend.address())));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void ofTrainsExactlyWhatIsRefusedIsMissing(long seed) throws Exception {
    Random random = new Random(seed);
    TrainSocket backend = backendOfTrains();
    TrainSocket client = clientOf(backend);
    client.send(new byte[] {OPEN}, 0);
    assertThat(backend.receive(1)).hasSize(1);
    long refused = 0;
    for (int run = 0; run < 60; run++) {
      List<ByteBuffer> passing = new ArrayList<>();
      for (int trains = 1 + random.nextInt(4); trains > 0; trains--) {
        refused += sendTrain(client, random, passing);
      }
      assertThat(backend.receive(passing.size()))
          .as("seed %d, run %d", seed, run)
          .isEqualTo(passing);
    }
    long sent = refused;
    await().until(() -> served.front().filterDrops().equals(Map.of("f0", sent)));
    assertThat(served.drops()).isEqualTo(Map.of(Drop.FILTER, sent));
    assertThat(refused).isPositive();
    assertThat(served.front().peerSockets()).isZero();
  }

  /** Each datagram is marked as one that passes, or does not; returns how many do not. */
  private static long sendTrain(TrainSocket client, Random random, List<ByteBuffer> passing) {
    int segment = 1 + random.nextInt(1_400);
    byte[] payload = new byte[Math.min(20_000, random.nextInt(40) * segment) + segment];
    random.nextBytes(payload);
    long refused = 0;
    for (int at = 0; at < payload.length; at += segment) {
      boolean passes = random.nextInt(3) > 0;
      payload[at] = passes ? OPEN : BAD_REQUEST;
      if (passes) {
        passing.add(
            ByteBuffer.wrap(
                Arrays.copyOfRange(payload, at, Math.min(payload.length, at + segment))));
      } else {
        refused++;
      }
    }
    client.send(payload, segment < payload.length ? segment : 0);
    return refused;
  }

  @Test
  void ofTrainsOfRepliesExactlyWhatIsRefusedIsMissing() throws Exception {
    TrainSocket backend = backendOfTrains();
    TrainSocket client = clientOf(backend);
    byte[] train = new byte[10 * 100 + 30];
    for (int i = 0; i <= 10; i++) {
      train[100 * i] = i % 3 == 1 ? BAD_REPLY : OPEN;
      train[100 * i + 1] = (byte) i;
    }
    assertThat(client.send(train, 100)).isEqualTo(11);
    int echoed = 0;
    while (echoed < 11) {
      echoed += backend.echo();
    }
    List<Integer> arrived = new ArrayList<>();
    client.receive(7).forEach(each -> arrived.add((int) each.get(1)));
    assertThat(arrived).containsExactly(0, 2, 3, 5, 6, 8, 9);
    assertThat(served.replies(account -> account.dropped(Drop.FILTER))).isEqualTo(4);
  }

  @Test
  void whatIsHandedOverMeetsThemOnItsFlowsWorker() throws Throwable {
    EchoServer echo = served.echo();
    InetSocketAddress at = filteringByFirstByte().serve(echo);
    served.steer(0);
    Client client = served.client();
    client.ask(at, OPEN);
    served.awaitPeerSockets(1);
    served.steer(1);
    client.send(at, BAD_REQUEST);
    assertThat(client.ask(at, OPEN)).containsExactly(OPEN);
    assertThat(served.drops()).isEqualTo(Map.of(Drop.FILTER, 1L));
    assertThat(served.requests(Account::handOvers)).isEqualTo(connected ? 0 : 2);
    assertThat(opened).hasValue(1);
  }

  @Test
  void whoTakesAFlowsPlaceHasItsFiltersAndTheLastOneClosesThem() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = filteringByFirstByte().serve(a, b);
    a.close();
    Refusing.await(a.address());
    Client client = served.clients(1, 0).getFirst();
    assertThat(client.ask(at, OPEN)).containsExactly(OPEN); // rescued
    await().until(() -> served.front().flows().closed(CloseReason.RESCUED) == 1);
    served.awaitPeerSockets(1);
    client.send(at, BAD_REQUEST);
    await().until(() -> served.drops().equals(Map.of(Drop.FILTER, 1L)));
    assertThat(closed).hasValue(0);
    Backend second = served.front().pool().backends().getLast();
    served.front().pool().drain(second.name(), java.util.Optional.of(Duration.ZERO)).get();
    served.front().close();
    assertThat(opened).hasValue(1);
    assertThat(closed).hasValue(1);
  }

  private static Network network(String address, int bits) {
    return Network.of(InetAddress.ofLiteral(address), bits);
  }
}
