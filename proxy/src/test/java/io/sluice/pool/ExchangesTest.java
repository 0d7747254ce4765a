package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Held against a list of all open ones. */
final class ExchangesTest {
  private static final long YOUNG_NS = 3_000_000_000L;

  /** A period is at most an eighth of that. */
  private static final long PERIOD_NS = YOUNG_NS / 8;

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void countsWhatIsOpenAndYoungWhateverTheClockSays(long seed) {
    Random random = new Random(seed);
    Exchanges exchanges = new Exchanges(YOUNG_NS);
    List<Long> open = new ArrayList<>();
    long nowNs = seed == 1 ? -60_000_000_000L : random.nextLong();
    for (int i = 0; i < 20_000; i++) {
      nowNs += random.nextLong(random.nextInt(100) == 0 ? 2 * YOUNG_NS : 20_000_000);
      if (open.isEmpty() || random.nextInt(100) < 52) {
        exchanges.begun(nowNs);
        open.add(nowNs);
      } else {
        int last = open.size() - 1;
        int which = random.nextBoolean() ? random.nextInt(open.size()) : last;
        exchanges.ended(open.set(which, open.getLast()));
        open.removeLast();
      }
      assertThat(exchanges.young(nowNs))
          .as("seed %d, event %d", seed, i)
          .isBetween(younger(open, nowNs, YOUNG_NS - PERIOD_NS), younger(open, nowNs, YOUNG_NS));
    }
  }

  private static long younger(List<Long> open, long nowNs, long than) {
    return open.stream().filter(at -> nowNs - at < than).count();
  }
}
