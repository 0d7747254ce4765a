package io.sluice.balance;

import static io.sluice.balance.BalancerContract.members;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** What consistent hashing promises on top: who gets a key hangs on names and weights alone. */
public interface ConsistentBalancerContract extends BalancerContract {

  /** The part of all keys that may move between members which a change does not concern. */
  double strays();

  @Test
  default void sameKeyKeepsItsMemberWhateverTheLoad() {
    List<FakeMember> members = members(10, i -> 1);
    Balancer balancer = factory().over(members);
    for (long key : keys(1_000)) {
      int first = balancer.pick(key);
      members.get(first).flows().addAndGet(1_000);
      assertThat(balancer.pick(key)).isEqualTo(first);
    }
  }

  @Test
  default void balancersBuiltAlikePickAlike() {
    assertThat(picks(members(17, i -> i % 5 + 1))).isEqualTo(picks(members(17, i -> i % 5 + 1)));
  }

  @Test
  default void orderOfTheMembersDoesNotMatter() {
    List<FakeMember> members = members(17, i -> i % 5 + 1);
    List<FakeMember> shuffled = new ArrayList<>(members);
    Collections.shuffle(shuffled, new Random(SEED));
    assertThat(picks(shuffled)).isEqualTo(picks(members));
  }

  @Test
  default void keysOfAnyPatternAreShared() {
    assertSharesOf("sequential", n -> n);
    assertSharesOf("in the high bits", n -> n << 48);
    assertSharesOf("in the middle", n -> n << 24);
    assertSharesOf("one 16-bit word four times", n -> n * 0x0001_0001_0001_0001L);
    assertSharesOf("multiples of 65,537", n -> n * 65_537);
    assertSharesOf("decimal digits", n -> 0x3030_3030_3030_3030L + Long.parseLong("" + n, 16));
  }

  @Test
  default void removalMovesTheKeysOfTheRemovedAlone() {
    List<FakeMember> members = members(10, i -> i % 3 + 1);
    List<String> before = picks(members);
    for (FakeMember gone : members) {
      List<String> after =
          picks(members.stream().filter(m -> !m.name().equals(gone.name())).toList());
      int moved = 0;
      for (int i = 0; i < before.size(); i++) {
        boolean own = before.get(i).equals(gone.name());
        moved += !own && !before.get(i).equals(after.get(i)) ? 1 : 0;
      }
      assertThat(moved)
          .as("keys moved beside those of %s", gone)
          .isLessThanOrEqualTo((int) (strays() * before.size()));
    }
  }

  @Test
  default void keysOfTheRemovedSpreadOverAllOthers() {
    List<FakeMember> members = members(10, i -> 1);
    List<String> before = picks(members);
    List<String> after = picks(members.subList(1, 10));
    long orphans = before.stream().filter("m0000"::equals).count();
    for (FakeMember heir : members.subList(1, 10)) {
      long inherited = 0;
      for (int i = 0; i < before.size(); i++) {
        boolean orphan = before.get(i).equals("m0000");
        inherited += orphan && after.get(i).equals(heir.name()) ? 1 : 0;
      }
      assertThat(inherited).as("inherited by %s", heir).isBetween(1L, orphans / 3);
    }
  }

  @Test
  default void removalFromAThousandMovesFewKeys() {
    List<FakeMember> members = members(1_000, i -> 1);
    List<String> before = picks(members);
    List<String> after = picks(members.subList(1, 1_000));
    int moved = 0;
    for (int i = 0; i < before.size(); i++) {
      moved += before.get(i).equals(after.get(i)) ? 0 : 1;
    }
    assertThat(moved).isLessThanOrEqualTo((int) ((0.002 + strays()) * before.size()));
  }

  @Test
  default void weightGainedMovesKeysToTheGainerAlone() {
    List<String> before = picks(members(10, i -> 2));
    List<String> after = picks(members(10, i -> i == 4 ? 3 : 2));
    int gained = 0;
    int strayed = 0;
    for (int i = 0; i < before.size(); i++) {
      boolean moved = !before.get(i).equals(after.get(i));
      gained += moved && after.get(i).equals("m0004") ? 1 : 0;
      strayed += moved && !after.get(i).equals("m0004") ? 1 : 0;
    }
    assertThat(gained).isBetween(before.size() / 50, before.size() / 12); // due: 3/21 - 2/20
    assertThat(strayed).isLessThanOrEqualTo((int) (strays() * before.size()));
  }

  private void assertSharesOf(String pattern, LongUnaryOperator key) {
    List<FakeMember> members = members(5, i -> i + 1);
    Balancer balancer = factory().over(members);
    int[] counts = new int[members.size()];
    LongStream.range(0, 60_000).map(key).forEach(k -> counts[balancer.pick(k)]++);
    try {
      assertShares(counts, members);
    } catch (AssertionError e) {
      throw new AssertionError("keys " + pattern, e);
    }
  }

  /** Who gets each of 50,000 keys. */
  private List<String> picks(List<FakeMember> members) {
    Balancer balancer = factory().over(members);
    return LongStream.of(keys(50_000))
        .mapToObj(key -> members.get(balancer.pick(key)).name())
        .toList();
  }

  private static long[] keys(int n) {
    return new SplittableRandom(SEED).longs(n).toArray();
  }
}
