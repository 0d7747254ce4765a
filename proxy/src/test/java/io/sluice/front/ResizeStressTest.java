package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.UnixOperatingSystemMXBean;
import io.sluice.flow.Flow;
import io.sluice.metrics.Account;
import io.sluice.net.Worker;
import io.sluice.net.Workers;
import io.sluice.pool.Backend;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Listeners that move between workers while many clients keep datagrams under way: nothing is lost
 * or overtaken, no flow changes its worker or its backend, and the books stay exact.
 */
@Timeout(120)
class ResizeStressTest {
  private static final int WORKERS = 3;
  private static final int CLIENTS = 24;
  private static final int ROUNDS = 50;

  /** Answers between two changes, so that each state carries load: some three of each client. */
  private static final int ANSWERS = 3 * CLIENTS;

  private final Workers workers = Workers.start(1, WORKERS);

  private final ServedFront served =
      new ServedFront(workers).inRealTime().limits(ServedFront.noLimits(1_000));

  private final List<Recorder> backends = new ArrayList<>();
  private final ConcurrentLinkedQueue<Throwable> bugs = new ConcurrentLinkedQueue<>();

  @SuppressWarnings("NullAway.Init") // by the test
  private Front front;

  @BeforeEach
  void open() throws Exception {
    Thread.setDefaultUncaughtExceptionHandler((thread, bug) -> bugs.add(bug));
    workers.onEach(worker -> {}); // whatever a loop opens at its first work is open now
    for (int i = 0; i < 3; i++) {
      backends.add(served.add(new Recorder(number -> true)));
    }
  }

  @AfterEach
  void close() {
    served.close();
    Thread.setDefaultUncaughtExceptionHandler(null);
    assertThat(bugs).isEmpty();
  }

  @Test
  void fiftyTimesFromOneWorkerToAllAndBackCostsNothing() throws Exception {
    try (PingPong load = new PingPong(CLIENTS)) {
      long fdsBefore = fds();
      front = front(false);
      InetSocketAddress at = front.bound().getFirst().toInetSocketAddress();
      load.start(0, CLIENTS / 3, at); // flows on worker 0
      front.spread(WORKERS);
      load.start(CLIENTS / 3, CLIENTS, at); // flows wherever their listeners are now
      load.awaitAnswers(ANSWERS);
      Map<Long, List<Object>> flows = flows();
      long fds = fds();
      front.spread(1);
      for (int round = 0; round < ROUNDS; round++) {
        for (int active : new int[] {2, WORKERS, 1}) {
          front.spread(active);
          assertListeners(active);
          load.awaitAnswers(ANSWERS);
        }
      }
      assertThat(fds()).isEqualTo(fds);
      assertThat(flows()).isEqualTo(flows).hasSize(CLIENTS);
      assertThat(flows.values().stream().map(List::getFirst).distinct()).hasSize(WORKERS);

      load.stop(); // has checked every answer: none lost, each in its place
      front.close();
      assertThat(fds()).isEqualTo(fdsBefore);
      assertArrivals(load);
      assertBooks(load.sent());
    }
  }

  /** So that moves meet streams whose next datagrams come in by another socket than the last. */
  @Test
  void peerSocketsOpenWhileListenersMoveAndNothingIsLostOrOvertaken() throws Exception {
    long handOvers = 0;
    for (int round = 0; round < ROUNDS; round++) {
      long seed = System.nanoTime();
      Random random = new Random(seed);
      try (PingPong load = new PingPong(CLIENTS)) {
        front = front(true);
        AtomicBoolean enough = new AtomicBoolean();
        Future<?> moving =
            served.control.submit(
                () -> {
                  while (!enough.get()) {
                    front.spread(1 + random.nextInt(WORKERS));
                  }
                });
        InetSocketAddress at = front.bound().getFirst().toInetSocketAddress();
        for (int client = 0; client < CLIENTS; client++) {
          load.start(client, client + 1, at);
          while (front.peerSockets() <= client) { // or it might catch what the next one sends
            Thread.onSpinWait();
          }
          workers.onEach(worker -> {}); // counted before it is connected
        }
        load.awaitAnswers(ANSWERS);
        load.stop();
        enough.set(true);
        moving.get();
        front.close();
        assertThat(front.peerSockets()).isZero();
        assertArrivals(load);
        assertNothingLost(load.sent());
        backends.forEach(Recorder::forget);
        handOvers += served.requests(Account::handOvers);
      } catch (AssertionError | Exception e) {
        throw new AssertionError("round %d, seed %d".formatted(round, seed), e);
      }
    }
    assertThat(handOvers).as("else no flow was elsewhere than its listener").isPositive();
  }

  /** Which is not to say that nothing is lost: who closes a front has no use for more. */
  @Test
  void aFrontClosesWhileItsListenersMove() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 30; round++) {
      try (PingPong load = new PingPong(CLIENTS)) {
        long fdsBefore = fds();
        front = front(false);
        load.start(0, CLIENTS, front.bound().getFirst().toInetSocketAddress());
        Random moves = new Random(random.nextLong());
        Future<?> moving = served.control.submit(() -> moveUntilClosed(moves));
        load.awaitAnswers(random.nextInt(10 * CLIENTS));
        front.close();
        moving.get();
        load.abandon();
        assertThat(fds()).isEqualTo(fdsBefore);
        assertThat(front.flows().count()).isZero();
        assertListeners(0);
        served.assertConserved();
      } catch (AssertionError | Exception e) {
        throw new AssertionError("round %d, seed %d".formatted(round, seed), e);
      }
    }
  }

  private void moveUntilClosed(Random random) {
    do {
      front.spread(1 + random.nextInt(WORKERS));
    } while (front.listenersOn(workers.get(0)) > 0); // which is always active
  }

  /** All, as evenly as can be, on the active workers. */
  private void assertListeners(int active) {
    for (Worker worker : workers) {
      long share =
          IntStream.range(0, WORKERS)
              .filter(i -> active > 0 && i % active == worker.index())
              .count();
      assertThat(front.listenersOn(worker)).as("worker %d", worker.index()).isEqualTo(share);
    }
  }

  /** By id, the worker and the backend of each. */
  private Map<Long, List<Object>> flows() {
    return front.flows().all().stream()
        .collect(
            Collectors.toMap(
                Flow::id, flow -> List.of(flow.worker().index(), flow.backend().name())));
  }

  /** All of a client's datagrams at one backend, as they were sent. */
  private void assertArrivals(PingPong load) {
    for (int client = 0; client < CLIENTS; client++) {
      int of = client;
      List<List<Integer>> arrivals =
          backends.stream()
              .map(backend -> backend.numbers(of))
              .filter(numbers -> !numbers.isEmpty())
              .toList();
      assertThat(arrivals).as("client %d", client).hasSize(1);
      assertThat(arrivals.getFirst())
          .as("client %d", client)
          .isEqualTo(IntStream.range(0, load.sent(client)).boxed().toList());
    }
  }

  private void assertBooks(long sent) {
    assertThat(sent).isGreaterThanOrEqualTo(3L * ROUNDS * ANSWERS);
    assertNothingLost(sent);
    // Two thirds of the flows or so are read by worker 0 alone for a third of the time.
    assertThat(served.requests(Account::handOvers)).isGreaterThan(sent / 10);
    assertThat(front.flows().opened()).isEqualTo(CLIENTS);
    assertThat(front.pool().backends().stream().mapToLong(Backend::load).sum()).isZero();
    for (Worker worker : workers) {
      assertThat(front.flowsOn(worker)).isZero();
    }
  }

  private void assertNothingLost(long sent) {
    assertThat(served.requests(Account::received)).isEqualTo(sent);
    assertThat(served.requests(Account::forwarded)).isEqualTo(sent);
    assertThat(served.replies(Account::received)).isEqualTo(sent);
    assertThat(served.replies(Account::forwarded)).isEqualTo(sent);
    assertThat(served.drops()).isEmpty();
    assertThat(front.kernelDrops()).isZero();
  }

  private static long fds() {
    return ((UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getOpenFileDescriptorCount();
  }

  private Front front(boolean connected) throws Exception {
    served
        .connected(connected)
        .serve(backends.stream().map(Recorder::address).toArray(InetSocketAddress[]::new));
    return served.front();
  }
}
