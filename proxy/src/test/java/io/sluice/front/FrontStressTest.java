package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.Client;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.Steering;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.ToLongFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random bursts of many clients, while what arrives is steered from one worker to another and flows
 * are closed from outside: nothing is lost but replies to flows that have ended, nothing is
 * doubled, changed or overtaken, and the books stay exact.
 */
@Timeout(60)
class FrontStressTest {
  private static final int WORKERS = 3;
  private static final int CLIENTS = 150;
  private static final int ROUNDS = 30;
  private static final int BURSTS = 60;
  private static final int BURST = 20;
  private static final int MAX_BYTES = 1_200;

  /**
   * Of 2,304 bytes in the kernel each, into a backend's receive buffer of 212,992 (Linux's
   * default), of which as much as a quarter can be spoken for: no kernel need drop any.
   */
  private static final int UNDER_WAY = 60;

  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private final ExecutorService outsider = Executors.newSingleThreadExecutor();
  private final Workers workers = Workers.start(WORKERS);
  private final Arrivals arrivals = new Arrivals();
  private final List<RecordingEcho> backends = new ArrayList<>();
  private final List<Client> clients = new ArrayList<>();

  /** By client: how many it has sent, and how many of those are answered or given up. */
  private final int[] sent = new int[CLIENTS];

  private final int[] done = new int[CLIENTS];
  private final Set<Flow> closedByUs = ConcurrentHashMap.newKeySet();
  private int sentByAll;
  private long heard;

  @SuppressWarnings("NullAway.Init") // by the test
  private Front front;

  @AfterEach
  void close() throws Exception {
    for (Client client : clients) {
      client.close();
    }
    for (RecordingEcho backend : backends) {
      backend.close();
    }
    workers.close();
    outsider.shutdownNow();
    control.shutdownNow();
  }

  @ParameterizedTest(name = "seed {0}, own front sockets: {1}")
  @CsvSource({"1, false", "2, false", "3, false", "4, true", "5, true"})
  void nothingIsLostDoubledOrOvertakenAndTheBooksAreExact(long seed, boolean connected)
      throws Throwable {
    Random random = new Random(seed);
    for (int i = 0; i < 3; i++) {
      backends.add(new RecordingEcho(arrivals));
    }
    for (int i = 0; i < CLIENTS; i++) {
      clients.add(new Client("127.0.0.1"));
    }
    Pool pool = pool();
    front = front(pool, connected);
    for (int round = 0; round < ROUNDS; round++) {
      round(random, random.nextInt(3) == 0, random.nextInt(3) == 0, connected);
    }
    front.close();
    assertBooks(pool, connected);
    pool.close();
  }

  /**
   * Some bursts, each of one client, and then a check of all that came of them.
   *
   * @param wild steering changes in the middle: then a client's datagrams wait in several sockets,
   *     and which of those is read first is not ours to say
   * @param closing flows are closed in the middle: of those only the requests must all arrive
   * @param connected flows have peer sockets: then the order is kept, however wild it gets, of
   *     those that had one before; others' datagrams may be caught by one that is being opened
   */
  private void round(Random random, boolean wild, boolean closing, boolean connected)
      throws Throwable {
    Set<Integer> disturbed = new HashSet<>();
    await("peer sockets", () -> !connected || front.peerSockets() == front.flows().count());
    Set<Integer> settled =
        front.flows().all().stream()
            .map(flow -> flow.key().client().port())
            .collect(Collectors.toSet());
    steer(random);
    for (int burst = 0; burst < BURSTS; burst++) {
      int client = random.nextInt(CLIENTS);
      for (int n = 1 + random.nextInt(BURST); n > 0; n--) {
        send(client, random);
      }
      if (wild && random.nextInt(4) == 0) {
        steer(random);
      }
      if (closing && random.nextBoolean()) {
        int victim = random.nextBoolean() ? client : random.nextInt(CLIENTS);
        disturbed.add(victim);
        outsider.execute(() -> closeFlow(victim));
      }
    }
    await("all requests at the backends", () -> arrivals.count() == sentByAll);
    outsider.submit(() -> {}).get();
    await(
        "no flow ending",
        () -> front.flows().count() == front.flows().all().size()); // none is ending
    for (int client = 0; client < CLIENTS; client++) {
      boolean kept = connected ? settled.contains(clients.get(client).address().getPort()) : !wild;
      boolean inOrder = kept && !disturbed.contains(client);
      if (disturbed.contains(client)) {
        hearWhatIsLeft(client, random);
      } else {
        hear(client, inOrder);
      }
      assertNumbers(arrivals.take(client), done[client], sent[client], inOrder);
      done[client] = sent[client];
    }
  }

  private void send(int client, Random random) throws IOException, InterruptedException {
    while (sentByAll - arrivals.count() >= UNDER_WAY) {
      if (Thread.interrupted()) { // by the time-out
        throw new InterruptedException();
      }
      Thread.onSpinWait();
    }
    byte[] payload = Numbered.payload(client, sent[client], random.nextInt(MAX_BYTES));
    clients.get(client).send(front.bound().getFirst().toInetSocketAddress(), payload);
    sent[client]++;
    sentByAll++;
  }

  /** Twice, of which the second must not count. */
  private void closeFlow(int client) {
    int port = clients.get(client).address().getPort();
    front.flows().all().stream()
        .filter(flow -> flow.key().client().port() == port)
        .findAny()
        .ifPresent(
            flow -> {
              closedByUs.add(flow);
              flow.close(CloseReason.IDLE);
              flow.close(CloseReason.REFUSED);
            });
  }

  /** All replies of this round. */
  private void hear(int client, boolean inOrder) throws IOException {
    List<Integer> numbers = new ArrayList<>();
    while (numbers.size() < sent[client] - done[client]) {
      numbers.add(hear(client));
    }
    assertNumbers(numbers, done[client], sent[client], inOrder);
  }

  /** The replies that are there: what comes before the answer to one request more. */
  private void hearWhatIsLeft(int client, Random random) throws IOException, InterruptedException {
    int last = sent[client];
    send(client, random);
    Set<Integer> numbers = new HashSet<>();
    int number;
    do {
      number = hear(client);
      assertThat(numbers.add(number)).as("reply %d came once", number).isTrue();
      assertThat(number).isBetween(done[client], last);
    } while (number != last);
    await("all requests at the backends", () -> arrivals.count() == sentByAll);
  }

  private int hear(int client) throws IOException {
    ByteBuffer reply = ByteBuffer.wrap(clients.get(client).receive().payload());
    assertThat(Numbered.isIntact(reply)).isTrue();
    assertThat(Numbered.client(reply)).isEqualTo(client);
    heard++;
    return Numbered.number(reply);
  }

  /** Exactly {@code from} to {@code to - 1}. */
  private static void assertNumbers(List<Integer> numbers, int from, int to, boolean inOrder) {
    List<Integer> expected = IntStream.range(from, to).boxed().toList();
    if (inOrder) {
      assertThat(numbers).isEqualTo(expected);
    } else {
      assertThat(numbers).containsExactlyInAnyOrderElementsOf(expected);
    }
  }

  private void assertBooks(Pool pool, boolean connected) {
    List<Account> requests = front.lanes().stream().map(Lane::requests).toList();
    assertThat(sum(requests, Account::received)).isEqualTo(sentByAll);
    assertThat(sum(requests, Account::forwarded)).isEqualTo(sentByAll);
    assertThat(sum(requests, Account::underWay)).isZero();
    if (!connected) { // else only what came before a flow had a socket of its own
      assertThat(sum(requests, Account::handOvers)).isGreaterThan(sentByAll / 4);
    }
    assertThat(front.peerSockets()).isZero();
    List<Account> replies = front.lanes().stream().map(Lane::replies).toList();
    assertThat(sum(replies, Account::received)).isEqualTo(heard);
    assertThat(sum(replies, Account::forwarded)).isEqualTo(heard);
    for (Drop drop : Drop.values()) {
      assertThat(sum(requests, account -> account.dropped(drop))).as(drop.name()).isZero();
      assertThat(sum(replies, account -> account.dropped(drop))).as(drop.name()).isZero();
    }
    assertThat(front.kernelDrops()).isZero();

    assertThat(front.flows().closed(CloseReason.IDLE)).isEqualTo(closedByUs.size()).isPositive();
    assertThat(front.flows().closed(CloseReason.REFUSED)).isZero();
    assertThat(front.flows().count()).isZero();
    assertThat(front.flows().assuredCount()).isZero();
    assertThat(pool.backends()).allMatch(backend -> backend.load() == 0);
    long toBackends =
        pool.backends().stream().mapToLong(backend -> backend.view().requests()).sum();
    assertThat(toBackends).isEqualTo(sentByAll);
  }

  private static long sum(List<Account> accounts, ToLongFunction<Account> what) {
    return accounts.stream().mapToLong(what).sum();
  }

  /** Without Awaitility's tenth of a second before the first look. */
  private static void await(String what, Callable<Boolean> condition) {
    Awaitility.await(what)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(condition);
  }

  private void steer(Random random) throws Throwable {
    Steering.all(front.lanes().getFirst().socket(), random.nextInt(WORKERS));
  }

  private Front front(Pool pool, boolean connected) throws Exception {
    int max = 2 * CLIENTS; // a closed flow counts until its socket is closed too
    Limits limits =
        new Limits(max, Duration.ofHours(1), Duration.ofHours(1), max, 1_000_000, false);
    Address any = Address.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
    return Front.open(
        new Front.Spec(
            "stress", List.of(any), MAX_BYTES + Numbered.HEADER_BYTES, limits, connected),
        workers,
        pool,
        new Ports(KernelFeatures.localPorts(), new Fds(10_000)).dialer(List.of(), List.of()),
        (client, payload) -> client.getPort(),
        System::nanoTime);
  }

  private Pool pool() {
    Rules rules =
        new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));
    List<Pool.Spec.Server> servers =
        backends.stream()
            .map(RecordingEcho::address)
            .map(at -> new Pool.Spec.Server("b" + at.getPort(), at, 1))
            .toList();
    return Pool.open(
        new Pool.Spec(
            "pool",
            members -> key -> (int) Long.remainderUnsigned(key, members.size()),
            servers,
            rules,
            true),
        workers.count(),
        control,
        System::nanoTime);
  }

  /** A payload that says whose it is and which, and shows a changed byte. */
  private static final class Numbered {
    static final int HEADER_BYTES = 12;

    static byte[] payload(int client, int number, int bodyBytes) {
      ByteBuffer payload = ByteBuffer.allocate(HEADER_BYTES + bodyBytes);
      payload.putInt(client).putInt(number).putInt(payload.capacity());
      while (payload.hasRemaining()) {
        payload.put(body(client, number, payload.position()));
      }
      return payload.array();
    }

    static boolean isIntact(ByteBuffer payload) {
      return payload.limit() == payload.getInt(8)
          && IntStream.range(HEADER_BYTES, payload.limit())
              .allMatch(i -> payload.get(i) == body(client(payload), number(payload), i));
    }

    static int client(ByteBuffer payload) {
      return payload.getInt(0);
    }

    static int number(ByteBuffer payload) {
      return payload.getInt(4);
    }

    private static byte body(int client, int number, int position) {
      return (byte) (client * 31 + number * 7 + position);
    }
  }

  /** What has come in at the backends unchanged, by client in the order of arrival. */
  private static final class Arrivals {
    private final List<List<Integer>> numbers = new ArrayList<>();
    private volatile int count;

    Arrivals() {
      for (int i = 0; i < CLIENTS; i++) {
        numbers.add(new ArrayList<>());
      }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // within the lock
    synchronized void add(ByteBuffer payload) {
      if (Numbered.isIntact(payload)) {
        numbers.get(Numbered.client(payload)).add(Numbered.number(payload));
      }
      count++;
    }

    /** Changed ones too. */
    int count() {
      return count;
    }

    /** Those of a client since the last time. */
    synchronized List<Integer> take(int client) {
      return numbers.set(client, new ArrayList<>());
    }
  }

  /** A backend that records what it gets and sends it back. */
  private static final class RecordingEcho implements AutoCloseable {
    private final DatagramChannel channel =
        DatagramChannel.open(StandardProtocolFamily.INET)
            .bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));

    RecordingEcho(Arrivals arrivals) throws IOException {
      Thread.ofPlatform().daemon().start(() -> serve(arrivals));
    }

    InetSocketAddress address() {
      try {
        return (InetSocketAddress) channel.getLocalAddress();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void serve(Arrivals arrivals) {
      ByteBuffer payload = ByteBuffer.allocateDirect(65_536);
      try {
        while (true) {
          SocketAddress link = channel.receive(payload.clear());
          channel.send(payload.flip(), link);
          arrivals.add(payload.rewind());
        }
      } catch (ClosedChannelException closed) {
        return; // by close()
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }
}
