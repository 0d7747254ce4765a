package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class WeightedRandomTest implements BalancerContract {
  private final ThreadLocal<SplittableRandom> random =
      ThreadLocal.withInitial(() -> new SplittableRandom(SEED));

  @Override
  public Balancer.Factory factory() {
    return members -> new WeightedRandom(members, random::get);
  }

  @Override
  public double unevenness() {
    return 0;
  }

  @Test
  void eachPointOfTheLineBelongsToOneMember() {
    int[] point = new int[1];
    RandomGenerator drawn =
        new RandomGenerator() {
          @Override
          public long nextLong() {
            throw new AssertionError("only drawn within the sum of the weights");
          }

          @Override
          public long nextLong(long bound) {
            assertThat(bound).isEqualTo(6);
            return point[0]++;
          }
        };
    Balancer balancer = new WeightedRandom(members(3, i -> i + 1), () -> drawn);
    int[] picks = new int[6];
    for (int i = 0; i < 6; i++) {
      picks[i] = balancer.pick(7);
    }
    assertThat(picks).containsExactly(0, 1, 1, 2, 2, 2);
  }
}
