package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class LeastLoadTest implements BalancerContract {
  private final ThreadLocal<SplittableRandom> random =
      ThreadLocal.withInitial(() -> new SplittableRandom(SEED));

  @Override
  public Balancer.Factory factory() {
    return members -> new LeastLoad(members, random::get);
  }

  @Override
  public double unevenness() {
    return 0;
  }

  @Test
  void picksTheFewestFlowsForTheWeight() {
    List<FakeMember> members = members(3, i -> i + 1); // weights 1, 2, 3
    Balancer balancer = factory().over(members);
    load(members, 10, 19, 31); // 10, 9.5 and 10.3 a unit of weight
    assertThat(balancer.pick(0)).isEqualTo(1);
    load(members, 9, 19, 31);
    assertThat(balancer.pick(0)).isEqualTo(0);
    load(members, 9, 19, 26);
    assertThat(balancer.pick(0)).isEqualTo(2);
  }

  @Test
  void comparesTheLargestLoadsAndWeightsExactly() {
    List<FakeMember> members = members(2, i -> Integer.MAX_VALUE - i);
    Balancer balancer = factory().over(members);
    load(members, Integer.MAX_VALUE, Integer.MAX_VALUE); // the second has less weight to bear it
    assertThat(balancer.pick(0)).isEqualTo(0);
    load(members, Integer.MAX_VALUE, Integer.MAX_VALUE - 2); // now less for its weight by 1 in 2^62
    assertThat(balancer.pick(0)).isEqualTo(1);
  }

  @Test
  void flowsThatStayAreSharedToTheFlow() {
    List<FakeMember> members = members(4, i -> i + 1);
    Balancer balancer = factory().over(members);
    for (int i = 0; i < 1_000; i++) {
      members.get(balancer.pick(i)).flows().incrementAndGet();
    }
    assertThat(members).extracting(FakeMember::load).containsExactly(100, 200, 300, 400);
  }

  @Test
  void tiesAreDrawnByWeightSoThatAnIdlePoolFollowsIt() {
    List<FakeMember> members = members(5, i -> i % 2 == 0 ? 1 : 10);
    Balancer balancer = factory().over(members);
    int[] counts = new int[5];
    for (int i = 0; i < 100_000; i++) {
      counts[balancer.pick(i)]++; // no load is ever left
    }
    assertShares(counts, members);
  }

  @Test
  void tiesOfLoadedMembersLeaveTheBusierOut() {
    List<FakeMember> members = members(4, i -> 1);
    load(members, 3, 4, 3, 3);
    Balancer balancer = factory().over(members);
    int[] counts = new int[4];
    for (int i = 0; i < 30_000; i++) {
      counts[balancer.pick(i)]++;
    }
    assertThat(counts[1]).isZero();
    assertThat(counts[0]).isBetween(9_500, 10_500);
    assertThat(counts[2]).isBetween(9_500, 10_500);
  }

  private static void load(List<FakeMember> members, int... flows) {
    for (int i = 0; i < flows.length; i++) {
      members.get(i).flows().set(flows[i]);
    }
  }
}
