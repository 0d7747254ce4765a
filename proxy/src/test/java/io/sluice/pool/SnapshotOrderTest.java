package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/**
 * What loops see while control ejects one of many backends and tries it again, over and over.
 *
 * <p>Both promises are void across the very change they speak of, so control keeps a count around
 * each kind, odd while it happens, and a loop judges only what lies within one even count.
 */
final class SnapshotOrderTest {
  private static final int ROUNDS = 5_000;
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 53);

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
    Rules rules =
        new Rules(true, 1, Duration.ofMillis(1), Duration.ofMillis(100), Duration.ofMillis(100));
    // The many that come after the first keep control busy in the middle of its swap.
    List<Pool.Spec.Server> servers =
        IntStream.range(0, 200)
            .mapToObj(i -> new Pool.Spec.Server("%03d".formatted(i), ADDRESS, 1))
            .toList();
    Pool pool =
        Pool.open(
            new Pool.Spec("p", _ -> _ -> 0, servers, rules, false),
            2,
            control,
            control::nanoTime,
            control.wallClock(),
            LongUnaryOperator.identity(),
            new Journal(control.wallClock()));
    Backend a = pool.backends().getFirst();

    List<Thread> loops = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      loops.add(Thread.ofPlatform().start(() -> watch(pool, a)));
    }
    for (int round = 0; round < ROUNDS || judged.get() < ROUNDS; round++) {
      around(
          leaving,
          () -> {
            a.refused(1);
            control.runDue();
          });
      around(joining, () -> control.advance(Duration.ofMillis(100)));
    }
    done = true;
    for (Thread loop : loops) {
      loop.join();
    }
    assertThat(contradictions).hasValue(0);
  }

  private void watch(Pool pool, Backend a) {
    while (!done) {
      long joins = joining.get();
      long leaves = leaving.get();
      boolean eligible = a.eligible();
      boolean dealt = a.equals(pool.pick(0));
      boolean still = a.eligible();
      if (!eligible) {
        judge(dealt, joins, joining);
      }
      if (dealt) {
        judge(!still, leaves, leaving);
      }
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
