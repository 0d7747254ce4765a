package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.metrics.Account;
import io.sluice.net.Workers;
import io.sluice.pool.Backend;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
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
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
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

  @AutoClose
  private final ServedFront served = new ServedFront(Workers.start(WORKERS)).inRealTime();

  private final ExecutorService outsider = Executors.newSingleThreadExecutor();
  private final Arrivals arrivals = new Arrivals();
  private final List<Client> clients = new ArrayList<>();

  /** By client: how many it has sent, and how many of those are answered or given up. */
  private final int[] sent = new int[CLIENTS];

  private final int[] done = new int[CLIENTS];
  private final Set<Flow> closedByUs = ConcurrentHashMap.newKeySet();
  private int sentByAll;
  private long heard;

  @SuppressWarnings("NullAway.Init") // by the test
  private Front front;

  @SuppressWarnings("NullAway.Init") // by the test
  private InetSocketAddress at;

  @AfterEach
  void stop() {
    outsider.shutdownNow();
  }

  @ParameterizedTest(name = "seed {0}, own front sockets: {1}")
  @CsvSource({"1, false", "2, false", "3, false", "4, true", "5, true"})
  void nothingIsLostDoubledOrOvertakenAndTheBooksAreExact(long seed, boolean connected)
      throws Throwable {
    Random random = new Random(seed);
    EchoServer[] backends = new EchoServer[3];
    for (int i = 0; i < backends.length; i++) {
      backends[i] = served.add(new EchoServer("127.0.0.1", arrivals::takeAndAnswer));
    }
    clients.addAll(served.clients(CLIENTS));
    int max = 2 * CLIENTS; // a closed flow counts until its socket is closed too
    at =
        served
            .connected(connected)
            .maxDatagram(MAX_BYTES + Numbered.HEADER_BYTES)
            .limits(ServedFront.noLimits(max))
            .serve(backends);
    front = served.front();
    for (int round = 0; round < ROUNDS; round++) {
      round(random, random.nextInt(3) == 0, random.nextInt(3) == 0, connected);
    }
    front.close();
    assertBooks(connected);
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
    while (sentByAll - arrivals.count() >= Recorder.UNDER_WAY) {
      if (Thread.interrupted()) { // by the time-out
        throw new InterruptedException();
      }
      Thread.onSpinWait();
    }
    byte[] payload = Numbered.payload(client, sent[client], random.nextInt(MAX_BYTES));
    clients.get(client).send(at, payload);
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

  private void assertBooks(boolean connected) {
    assertThat(served.requests(Account::received)).isEqualTo(sentByAll);
    assertThat(served.requests(Account::forwarded)).isEqualTo(sentByAll);
    if (!connected) { // else only what came before a flow had a socket of its own
      assertThat(served.requests(Account::handOvers)).isGreaterThan(sentByAll / 4);
    }
    assertThat(served.replies(Account::received)).isEqualTo(heard);
    assertThat(served.replies(Account::forwarded)).isEqualTo(heard);
    assertThat(served.drops()).isEmpty();
    assertThat(front.kernelDrops()).isZero();

    assertThat(front.flows().closed(CloseReason.IDLE)).isEqualTo(closedByUs.size()).isPositive();
    assertThat(front.flows().closed(CloseReason.REFUSED)).isZero();
    assertThat(front.flows().count()).isZero();
    assertThat(front.flows().assuredCount()).isZero();
    List<Backend> backends = front.pool().backends();
    assertThat(backends).allMatch(backend -> backend.load() == 0);
    assertThat(backends.stream().mapToLong(backend -> backend.view().requests()).sum())
        .isEqualTo(sentByAll);
  }

  /** Without Awaitility's tenth of a second before the first look. */
  private static void await(String what, Callable<Boolean> condition) {
    Awaitility.await(what)
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(condition);
  }

  private void steer(Random random) throws Throwable {
    served.steer(random.nextInt(WORKERS));
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

    /** What counts has been answered. */
    void takeAndAnswer(ByteBuffer payload, EchoServer.Answer answer) throws IOException {
      answer.send(payload);
      add(payload.rewind());
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // within the lock
    private synchronized void add(ByteBuffer payload) {
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
}
