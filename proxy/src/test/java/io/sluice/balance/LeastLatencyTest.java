package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LeastLatencyTest implements BalancerContract {
  private final ThreadLocal<SplittableRandom> random =
      ThreadLocal.withInitial(() -> new SplittableRandom(SEED));

  @Override
  public Balancer.Factory factory() {
    return members -> new LeastLatency(members, random::get);
  }

  @Override
  public double unevenness() {
    return 0;
  }

  @Test
  void picksTheLeastLatencyTimesFlowsForTheWeight() {
    List<FakeMember> members = members(3, i -> i + 1); // weights 1, 2, 3
    Balancer balancer = factory().over(members);
    latencies(members, 10, 10, 10);
    assertThat(balancer.pick(0)).isEqualTo(2);
    latencies(members, 10, 19, 31); // 10, 9.5 and 10.3 a unit of weight
    assertThat(balancer.pick(0)).isEqualTo(1);
    members.get(1).flows().set(1); // 19 now
    assertThat(balancer.pick(0)).isZero();
    members.get(0).flows().set(1);
    assertThat(balancer.pick(0)).isEqualTo(2);
  }

  @Test
  void theLargestLatenciesAndLoadsStillCompare() {
    List<FakeMember> members = members(2, i -> 1);
    Balancer balancer = factory().over(members);
    latencies(members, Long.MAX_VALUE, Long.MAX_VALUE / 2);
    members.forEach(member -> member.flows().set(Integer.MAX_VALUE));
    assertThat(balancer.pick(0)).isEqualTo(1);
  }

  @Test
  void oneThatHasNotAnsweredYetCountsAsTheFastest() {
    List<FakeMember> members = members(3, i -> 1);
    Balancer balancer = factory().over(members);
    latencies(members, 30, 10, 0);
    members.get(1).flows().set(1);
    assertThat(balancer.pick(0)).isEqualTo(2);
    members.get(2).flows().set(2); // 3 x 10, and the first costs 30, the second 20
    assertThat(balancer.pick(0)).isEqualTo(1);
  }

  @Test
  void aMemberThriceAsFastCarriesThriceTheFlows() {
    List<FakeMember> members = members(2, i -> 1);
    latencies(members, 30, 10);
    Balancer balancer = factory().over(members);
    for (int i = 0; i < 4_000; i++) {
      members.get(balancer.pick(i)).flows().incrementAndGet();
    }
    assertThat(members.get(0).load()).isBetween(999, 1_001);
  }

  @Test
  void tiesAreDrawnByWeight() {
    List<FakeMember> members = members(2, i -> i + 1);
    latencies(members, 10, 20);
    Balancer balancer = factory().over(members);
    int[] counts = new int[2];
    for (int i = 0; i < 30_000; i++) {
      counts[balancer.pick(i)]++;
    }
    assertShares(counts, members);
  }

  private static void latencies(List<FakeMember> members, long... nanos) {
    for (int i = 0; i < nanos.length; i++) {
      members.get(i).nanos().set(nanos[i]);
    }
  }
}
