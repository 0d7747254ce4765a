package io.sluice.flow;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetTest {
  private static final long SECOND = 1_000_000_000L;

  @ParameterizedTest
  @ValueSource(longs = {0, -5 * SECOND, Long.MAX_VALUE - SECOND / 2})
  void grantsASecondsWorthAtOnceThenTheRate(long start) {
    Budget budget = new Budget(10, start);
    assertThat(taken(budget, 100, start)).isEqualTo(10);
    assertThat(taken(budget, 100, start + SECOND / 10)).isEqualTo(1);
    assertThat(taken(budget, 100, start + SECOND / 2)).isEqualTo(4);
    assertThat(taken(budget, 100, start + 100 * SECOND)).isEqualTo(10);
  }

  @Test
  void theFastestRateThereIs() {
    Budget budget = new Budget(1_000_000_000, 0);
    assertThat(taken(budget, 1_000, 0)).isEqualTo(1_000);
  }

  @Test
  void threadsShareItExactly() throws Exception {
    Budget budget = new Budget(1_000, 0);
    AtomicInteger granted = new AtomicInteger();
    List<Thread> threads =
        Stream.generate(() -> new Thread(() -> granted.addAndGet(taken(budget, 1_000, 0))))
            .limit(4)
            .toList();
    threads.forEach(Thread::start);
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(granted).hasValue(1_000);
  }

  private static int taken(Budget budget, int tries, long now) {
    int taken = 0;
    for (int i = 0; i < tries; i++) {
      taken += budget.take(now) ? 1 : 0;
    }
    return taken;
  }
}
