package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MaglevTest implements ConsistentBalancerContract {
  @Override
  public Balancer.Factory factory() {
    return Policies.maglev();
  }

  @Override
  public double unevenness() {
    return 0.035; // of a share of 33 slots, one slot
  }

  @Override
  public double strays() {
    return 0.01; // seen: 0.3 % with 10 members, 0.6 % with 1,000
  }

  @Test
  void thousandEqualMembersHold65Or66SlotsEach() {
    assertThat(slots(members(1_000, i -> 1))).hasSize(1_000).containsOnly(65, 66);
  }

  @Test
  void slotsFollowTheWeightsToWithinOne() {
    // Six rounds deal 65,537 slots of 1 + 2 + 3 each, so 10,922 rounds and five slots.
    assertThat(slots(members(3, i -> i + 1))).containsExactly(10_923, 21_846, 32_768);
  }

  @Test
  void lightestMemberHoldsASlotHoweverHeavyTheOthers() {
    assertThat(slots(members(1_001, i -> i == 0 ? 1 : 1_000))[0]).isEqualTo(1);
    assertThat(slots(members(2, i -> i == 0 ? 1 : Integer.MAX_VALUE))[0]).isEqualTo(1);
  }

  @Test
  void asManyMembersAsACharCanNameAllHoldASlot() {
    assertThat(slots(members(65_536, i -> 1))).containsOnly(1, 2);
  }

  @Test
  void moreMembersAreRefused() {
    assertThatThrownBy(() -> new Maglev(members(65_537, i -> 1)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("maglev takes at most 65536 members, not 65537: use ketama");
  }

  @Test
  void picksNeverChangeBetweenReleases() {
    Balancer maglev = factory().over(members(100, i -> i % 7 + 1));
    int[] picks = new int[12];
    Arrays.setAll(picks, i -> maglev.pick(i * 0x0123_4567_89ab_cdefL));
    assertThat(picks).containsExactly(19, 58, 40, 53, 55, 5, 19, 41, 97, 55, 68, 75);
  }

  private static int[] slots(List<FakeMember> members) {
    int[] held = new int[members.size()];
    for (char owner : new Maglev(members).slots) {
      held[owner]++;
    }
    return held;
  }
}
