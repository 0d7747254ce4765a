package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.affinity.KeyExtractor;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.Steering;
import io.sluice.net.TrainSocket;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Trains (UDP_SEGMENT in, UDP_GRO and UDP_SEGMENT through, UDP_GRO out): whatever the kernel joins
 * and parts on the way, every datagram arrives as it was sent.
 */
@ParameterizedClass(name = "own front sockets: {0}")
@ValueSource(booleans = {false, true})
class TrainTest {
  private static final int MAX_DATAGRAM = 1_500;
  private static final int RUNS = 60;

  @Parameter private boolean connected;

  private final Workers workers = Workers.start(2);
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private TrainSocket backend;
  private Pool pool;
  private Front front;
  private TrainSocket client;

  @BeforeEach
  void open() throws Exception {
    backend = TrainSocket.on(loopback());
    pool =
        Pool.open(
            new Pool.Spec(
                "pool",
                members -> key -> 0,
                List.of(new Pool.Spec.Server("b", backend.address(), 1)),
                new Rules(
                    true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5)),
                true),
            workers.count(),
            control,
            System::nanoTime);
    KeyExtractor any = (from, payload) -> 0;
    Limits limits =
        new Limits(100, Duration.ofSeconds(60), Duration.ofSeconds(60), 100, 1_000, false);
    front =
        Front.open(
            new Front.Spec(
                "test", List.of(Address.of(loopback())), MAX_DATAGRAM, limits, connected),
            workers,
            pool,
            new Ports(KernelFeatures.localPorts(), new Fds(100)).dialer(List.of(), List.of()),
            any,
            System::nanoTime);
    client = TrainSocket.to(at());
  }

  @AfterEach
  void close() {
    client.close();
    front.close();
    pool.close();
    backend.close();
    workers.close();
    control.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void everyDatagramOfEveryTrainArrivesAsItWasSentBothWays(long seed) {
    Random random = new Random(seed);
    for (int run = 0; run < RUNS; run++) {
      List<ByteBuffer> sent = new ArrayList<>();
      int trains = 1 + random.nextInt(4);
      for (int i = 0; i < trains; i++) {
        sent.addAll(sendTrain(random));
      }
      int echoed = 0;
      while (echoed < sent.size()) {
        echoed += backend.echo();
      }
      assertThat(client.receive(sent.size())).as("seed %d, run %d", seed, run).isEqualTo(sent);
    }
    assertThat(drops(Lane::requests)).isZero();
    assertThat(drops(Lane::replies)).isZero();
    assertThat(front.peerSockets()).isEqualTo(connected ? 1 : 0);
  }

  /** One datagram, equal ones sent singly, or a train. */
  private List<ByteBuffer> sendTrain(Random random) {
    int segment = 1 + random.nextInt(MAX_DATAGRAM);
    byte[] payload =
        new byte[Math.min(20_000, random.nextInt(40) * segment) + random.nextInt(segment)];
    random.nextBytes(payload);
    List<ByteBuffer> datagrams = new ArrayList<>();
    for (int at = 0; at == 0 || at < payload.length; at += segment) {
      int end = Math.min(payload.length, at + segment);
      datagrams.add(ByteBuffer.wrap(Arrays.copyOfRange(payload, at, end)));
    }
    if (random.nextBoolean()) {
      datagrams.forEach(each -> assertThat(client.send(bytes(each), 0)).isEqualTo(1));
    } else {
      assertThat(client.send(payload, segment)).isEqualTo(datagrams.size());
    }
    return datagrams;
  }

  private static byte[] bytes(ByteBuffer datagram) {
    byte[] bytes = new byte[datagram.remaining()];
    datagram.duplicate().get(bytes);
    return bytes;
  }

  @Test
  void ofATrainOfTooLongDatagramsOnlyAShorterLastOneIsSentOn() {
    client.send(new byte[4 * (MAX_DATAGRAM + 1) + 7], MAX_DATAGRAM + 1);
    assertThat(backend.receive(1)).containsExactly(ByteBuffer.wrap(new byte[7]));
    assertThat(requests(account -> account.dropped(Drop.OVERSIZE))).isEqualTo(4);
    client.send(new byte[3 * (MAX_DATAGRAM + 1)], MAX_DATAGRAM + 1);
    await().until(() -> requests(account -> account.dropped(Drop.OVERSIZE)) == 7);
    assertThat(requests(Account::received)).isEqualTo(8);
    assertThat(requests(Account::forwarded)).isEqualTo(1);
  }

  @Test
  void aTrainThatArrivesOnAnotherWorkerIsHandedOverWhole() throws Throwable {
    Steering.all(front.lanes().getFirst().socket(), 0);
    client.send(new byte[] {1}, 0);
    backend.receive(1);
    Steering.all(front.lanes().getFirst().socket(), 1);
    byte[] train = new byte[4_321];
    new Random(7).nextBytes(train);
    assertThat(client.send(train, 1_000)).isEqualTo(5);
    assertThat(backend.receive(5)).hasSize(5).endsWith(ByteBuffer.wrap(train, 4_000, 321));
    assertThat(requests(Account::handOvers)).isEqualTo(5);
    assertThat(requests(Account::underWay)).isZero();
    assertThat(requests(Account::forwarded)).isEqualTo(6);
  }

  @Test
  void aTrainTheKernelRefusesToPartGoesOutOneByOne() throws Exception {
    try (TrainSocket to = TrainSocket.on(loopback());
        TrainSocket from = TrainSocket.to(to.address())) {
      byte[] payload = new byte[20_000];
      new Random(3).nextBytes(payload);
      assertThat(from.parts(100)).isTrue();
      // 200 datagrams: more than UDP_MAX_SEGMENTS of any kernel
      assertThat(from.send(payload, 100)).isEqualTo(200);
      assertThat(from.parts(100)).isFalse();
      assertThat(from.parts(99)).isTrue();
      List<ByteBuffer> received = to.receive(200);
      for (int i = 0; i < 200; i++) {
        assertThat(received.get(i)).isEqualTo(ByteBuffer.wrap(payload, 100 * i, 100));
      }
    }
  }

  @Test
  void clientsThatKnowNothingOfTrainsGetDatagrams() throws Exception {
    try (Client plain = new Client("127.0.0.1")) {
      for (int i = 0; i < 40; i++) {
        plain.send(at(), (byte) i);
      }
      int echoed = 0;
      while (echoed < 40) {
        echoed += backend.echo();
      }
      for (int i = 0; i < 40; i++) {
        assertThat(plain.receive().payload()).containsExactly(i);
      }
    }
  }

  private InetSocketAddress at() {
    return front.bound().getFirst().toInetSocketAddress();
  }

  private static InetSocketAddress loopback() {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
  }

  private long requests(ToLongFunction<Account> what) {
    workers.onEach(worker -> {}); // whatever has arrived has been booked then
    return front.lanes().stream().map(Lane::requests).mapToLong(what).sum();
  }

  private long drops(Function<Lane, Account> side) {
    workers.onEach(worker -> {});
    long dropped = 0;
    for (Drop drop : Drop.values()) {
      dropped += front.lanes().stream().map(side).mapToLong(a -> a.dropped(drop)).sum();
    }
    return dropped;
  }
}
