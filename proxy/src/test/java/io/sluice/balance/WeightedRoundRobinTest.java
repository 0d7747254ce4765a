package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;

class WeightedRoundRobinTest implements BalancerContract {
  @Override
  public Balancer.Factory factory() {
    return members -> new WeightedRoundRobin(members, 0);
  }

  @Override
  public double unevenness() {
    return 0;
  }

  @Test
  void equalMembersTakeTurns() {
    assertThat(picks(8, 3, 3, 3)).containsExactly(0, 1, 2, 0, 1, 2, 0, 1);
  }

  @Test
  void heavyMemberIsSpreadOut() {
    assertThat(picks(14, 5, 1, 1)).containsExactly(0, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 2, 0);
  }

  @Test
  void weightsThatShareADivisorMakeTheSameCycle() {
    assertThat(picks(20, 500, 100, 100)).isEqualTo(picks(20, 5, 1, 1));
  }

  @Test
  void startsWhereToldTo() {
    List<FakeMember> members = members(3, i -> i == 0 ? 5 : 1);
    Balancer balancer = new WeightedRoundRobin(members, 7 + 5);
    assertThat(new int[] {balancer.pick(0), balancer.pick(0), balancer.pick(0)})
        .containsExactly(2, 0, 0);
  }

  @Test
  void everyWholeCycleIsExact() {
    SplittableRandom random = new SplittableRandom(SEED);
    int[] weights = random.ints(200, 1, 1_001).toArray();
    weights[0] = 1; // no divisor to shorten it
    int[] counts = new int[200];
    for (int pick : picks(Arrays.stream(weights).sum(), weights)) {
      counts[pick]++;
    }
    assertThat(counts).as("seed %d", SEED).isEqualTo(weights);
  }

  @Test
  void noMemberIsAheadOfOrBehindItsDueByTwoPicksAtAnyMoment() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 50; round++) {
      int[] weights = random.ints(random.nextInt(2, 12), 1, 21).toArray();
      int sum = Arrays.stream(weights).sum();
      int[] counts = new int[weights.length];
      int[] picks = picks(sum, weights);
      for (int t = 0; t < sum; t++) {
        counts[picks[t]]++;
        for (int i = 0; i < weights.length; i++) {
          double due = (t + 1.0) * weights[i] / sum;
          assertThat(Math.abs(counts[i] - due))
              .as("member %d of %s after %d picks", i, Arrays.toString(weights), t + 1)
              .isLessThan(2);
        }
      }
    }
  }

  @Test
  void weightsThatWouldMakeTooLongACycleAreRounded() {
    int[] weights = new int[5_000];
    Arrays.setAll(weights, i -> i % 1_000 + 1); // sum 2,502,500, divisor 1
    List<FakeMember> members = members(weights.length, i -> weights[i]);
    WeightedRoundRobin balancer = new WeightedRoundRobin(members, 0);
    assertThat(balancer.cycle.length).isBetween(260_000, 265_000);
    int[] counts = new int[weights.length];
    for (int i = 0; i < balancer.cycle.length; i++) {
      counts[balancer.pick(0)]++;
    }
    assertThat(counts[0]).isEqualTo(1); // due: 0.1
    assertThat(counts[499]).isEqualTo(52); // due: 52.4
    assertThat(counts[999]).isEqualTo(105); // due: 104.8
  }

  @Test
  void wholeCyclesAreExactWhicheverLoopsTakePart() throws Exception {
    int loops = 4;
    int cycles = 1_000;
    List<FakeMember> members = members(7, i -> i + 1); // 28 picks a cycle
    Balancer balancer = factory().over(members);
    Callable<Void> loop =
        () -> {
          for (int i = 0; i < 28 * cycles / loops; i++) {
            members.get(balancer.pick(0)).flows().incrementAndGet();
          }
          return null;
        };
    try (var threads = Executors.newFixedThreadPool(loops)) {
      for (var done : threads.invokeAll(new ArrayList<>(List.of(loop, loop, loop, loop)))) {
        done.get();
      }
    }
    assertThat(members)
        .extracting(FakeMember::load)
        .containsExactly(1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000);
  }

  private static int[] picks(int n, int... weights) {
    Balancer balancer = new WeightedRoundRobin(members(weights.length, i -> weights[i]), 0);
    int[] picks = new int[n];
    Arrays.setAll(picks, i -> balancer.pick(i));
    return picks;
  }
}
