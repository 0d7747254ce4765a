package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.sluice.balance.Balancer;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * What loops see while control ejects one of many backends and tries it again, or removes it and
 * adds it anew, over and over.
 *
 * <p>Both promises are void across the very change they speak of, so control keeps a count around
 * each kind, odd while it happens, and a loop judges only what lies within one even count.
 */
final class SnapshotOrderTest {
  private static final int ROUNDS = 5_000;
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 53);

  /** The many that come after the first keep control busy in the middle of its swap. */
  private static final List<Pool.Spec.Server> SERVERS =
      IntStream.range(0, 200)
          .mapToObj(i -> new Pool.Spec.Server("%03d".formatted(i), ADDRESS, 1))
          .toList();

  private static final Balancer.Factory FIRST = _ -> _ -> 0;
  private static final Rules RULES =
      new Rules(true, 1, Duration.ofMillis(1), Duration.ofMillis(100), Duration.ofMillis(100));

  private final VirtualControl control = new VirtualControl();
  private final AtomicLong leaving = new AtomicLong();
  private final AtomicLong joining = new AtomicLong();
  private final AtomicLong contradictions = new AtomicLong();
  private final AtomicLong judged = new AtomicLong();
  private final Logger room = (Logger) LoggerFactory.getLogger("io.sluice.pool");
  private volatile boolean done;

  @BeforeEach
  void hush() {
    room.setLevel(Level.OFF);
  }

  @AfterEach
  void speak() {
    room.setLevel(null);
  }

  @Test
  void noLoopIsEverDealtTheBackendItJustFoundNotEligible() throws InterruptedException {
    Pool pool = open();
    Backend a = pool.backends().getFirst();
    onLoops(
        () -> watch(pool, a),
        () -> {
          around(
              leaving,
              () -> {
                a.refused(1);
                control.runDue();
              });
          around(joining, () -> control.advance(Duration.ofMillis(100)));
        });
  }

  @Test
  void norOneThatHasBeenRemoved() throws InterruptedException {
    Pool pool = open();
    AtomicReference<Backend> last = new AtomicReference<>(pool.backends().getFirst());
    onLoops(
        () -> watch(pool, last.get()),
        () -> {
          last.set(pool.backends().getFirst());
          around(leaving, () -> become(pool, SERVERS.subList(1, SERVERS.size())));
          around(joining, () -> become(pool, SERVERS));
        });
  }

  private void become(Pool pool, List<Pool.Spec.Server> servers) {
    Future<?> done = pool.reconfigure(new Pool.Spec("p", FIRST, servers, RULES, false));
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
  }

  private Pool open() {
    return Pool.open(
        new Pool.Spec("p", FIRST, SERVERS, RULES, false),
        2,
        control,
        control::nanoTime,
        control.wallClock(),
        LongUnaryOperator.identity(),
        new Journal(control.wallClock()));
  }

  /** Two of them, while control changes things until they have judged often enough. */
  private void onLoops(Runnable look, Runnable change) throws InterruptedException {
    List<Thread> loops = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      loops.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (!done) {
                      look.run();
                    }
                  }));
    }
    for (int round = 0; round < ROUNDS || judged.get() < ROUNDS; round++) {
      change.run();
    }
    done = true;
    for (Thread loop : loops) {
      loop.join();
    }
    assertThat(contradictions).hasValue(0);
  }

  private void watch(Pool pool, Backend a) {
    long joins = joining.get();
    long leaves = leaving.get();
    boolean eligible = a.eligible();
    Backend dealt = pool.pick(0);
    if (!eligible) {
      judge(a.equals(dealt), joins, joining);
    }
    if (dealt != null) {
      judge(!dealt.eligible(), leaves, leaving);
    }
  }

  private void judge(boolean contradiction, long before, AtomicLong count) {
    if (before % 2 == 0 && count.get() == before) {
      judged.incrementAndGet();
      if (contradiction) {
        contradictions.incrementAndGet();
      }
    }
  }

  private static void around(AtomicLong count, Runnable change) {
    count.incrementAndGet();
    change.run();
    count.incrementAndGet();
  }
}
