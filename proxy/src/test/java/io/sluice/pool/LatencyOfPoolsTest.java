package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.pool.Simulation.Manner;
import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link PeakLatency} makes of whole pools. */
final class LatencyOfPoolsTest {
  /** One in a hundred requests is sent again after a second. */
  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void lossesDoNotMakeABackendLookSlow(long seed) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(new Manner(0.99, 0.2, 20));
    pool.regulars(60, 1_000);
    for (int i = 0; i < 100; i++) {
      pool.run(Duration.ofSeconds(1), 0);
      assertThat(pool.pool.backends())
          .allMatch(b -> b.latencyNanos() > 5_000_000 && b.latencyNanos() < 300_000_000);
    }
  }
}
