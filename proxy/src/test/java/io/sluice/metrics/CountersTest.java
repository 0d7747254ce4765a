package io.sluice.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class CountersTest {
  @Test
  void aTallyCountsEachOfItsCountersAlone() {
    Tally tally = new Tally(3);
    tally.add(0, 1);
    tally.add(2, Long.MAX_VALUE - 5);
    tally.add(2, 5);
    assertThat(new long[] {tally.get(0), tally.get(1), tally.get(2)})
        .containsExactly(1, 0, Long.MAX_VALUE);
  }

  @Test
  void booksAreConservedOverTheLoopsThatHandOverToEachOther() {
    Account here = new Account();
    Account there = new Account();
    here.received(10, 1_000);
    here.forwarded(4);
    here.dropped(Drop.OVERSIZE, 2);
    here.dropped(Drop.FAULT, 1);
    for (int i = 0; i < 3; i++) {
      here.handed(1);
    }
    there.taken(1);
    there.forwarded(1);
    there.taken(1);
    there.dropped(Drop.NO_BACKEND, 1);

    long dropped =
        Arrays.stream(Drop.values())
            .mapToLong(drop -> here.dropped(drop) + there.dropped(drop))
            .sum();
    assertThat(dropped).isEqualTo(4);
    assertThat(here.bytes()).isEqualTo(1_000);
    assertThat(here.handOvers()).isEqualTo(3);
    assertThat(here.underWay() + there.underWay()).isEqualTo(1);
    assertThat(here.received() + there.received())
        .isEqualTo(here.forwarded() + there.forwarded() + dropped + 1);
  }

  @Test
  void aDurationFallsIntoTheFirstBucketThatHoldsIt() {
    Latency latency = new Latency();
    latency.record(0);
    latency.record(100_000); // a bound belongs to the bucket below it, as Prometheus has it
    latency.record(100_001);
    latency.record(5_000_000_000L);
    latency.record(5_000_000_001L);

    long[] counts = new long[Latency.BUCKETS];
    Arrays.setAll(counts, latency::count);
    long[] expected = new long[Latency.BUCKETS];
    expected[0] = 2;
    expected[1] = 1;
    expected[Latency.BUCKETS - 2] = 1;
    expected[Latency.BUCKETS - 1] = 1;
    assertThat(counts).isEqualTo(expected);
    assertThat(latency.sumNanos()).isEqualTo(10_000_200_002L);
    assertThat(Latency.boundSeconds(0)).isEqualTo(0.0001);
    assertThat(Latency.boundSeconds(Latency.BUCKETS - 2)).isEqualTo(5);
    assertThat(Latency.boundSeconds(Latency.BUCKETS - 1)).isInfinite();
  }
}
