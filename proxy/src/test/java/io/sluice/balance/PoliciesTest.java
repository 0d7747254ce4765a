package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class PoliciesTest {
  @Test
  void builtInsHaveTheirContractNames() {
    assertThat(Policies.builtIn())
        .hasEntrySatisfying("maglev", f -> assertThat(built(f)).isInstanceOf(Maglev.class))
        .hasEntrySatisfying("ketama", f -> assertThat(built(f)).isInstanceOf(Ketama.class))
        .hasEntrySatisfying("least-load", f -> assertThat(built(f)).isInstanceOf(LeastLoad.class))
        .hasEntrySatisfying(
            "weighted-round-robin",
            f -> assertThat(built(f)).isInstanceOf(WeightedRoundRobin.class))
        .hasEntrySatisfying("random", f -> assertThat(built(f)).isInstanceOf(WeightedRandom.class))
        .hasSize(5);
  }

  @Test
  void everyBuiltInPicksOverTheProcessOwnRandomness() {
    for (Map.Entry<String, Balancer.Factory> policy : Policies.builtIn().entrySet()) {
      Balancer balancer = policy.getValue().over(members(3, i -> i + 1));
      for (long key = 0; key < 1_000; key++) {
        assertThat(balancer.pick(key)).as(policy.getKey()).isBetween(0, 2);
      }
    }
  }

  private static Balancer built(Balancer.Factory factory) {
    return factory.over(members(2, i -> 1));
  }
}
