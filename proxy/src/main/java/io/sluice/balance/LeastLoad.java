package io.sluice.balance;

import java.util.List;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * The member with the fewest live flows for its weight, all members looked at.
 *
 * <p>Members that tie are drawn in proportion to weight (a reservoir of one), so that a pool whose
 * flows end as fast as they come still follows the weights, and so that loops which see the same
 * loads at the same moment do not all run to the same member.
 */
final class LeastLoad implements Balancer {
  private final Member[] members;
  private final int[] weights;
  private final Supplier<? extends RandomGenerator> random;

  LeastLoad(List<? extends Member> members, Supplier<? extends RandomGenerator> random) {
    this.members = members.toArray(Member[]::new);
    this.weights = members.stream().mapToInt(Member::weight).toArray();
    this.random = random;
  }

  private LeastLoad(LeastLoad of, Extreme draw) {
    members = of.members;
    weights = of.weights;
    random = () -> draw;
  }

  /** Only where there is no tie, as loads are now. */
  @Override
  public Balancer preview() {
    return Extreme.agreed(new LeastLoad(this, Extreme.LEAST), new LeastLoad(this, Extreme.MOST));
  }

  @Override
  public int pick(long key) {
    RandomGenerator draw = random.get();
    int best = 0;
    long bestLoad = members[0].load(); // read once: it changes while we look
    long tiedWeight = weights[0];
    for (int i = 1; i < members.length; i++) {
      long load = members[i].load();
      long more = load * weights[best] - bestLoad * weights[i]; // at most 2^62 either way
      if (more > 0) {
        continue;
      }
      tiedWeight = more < 0 ? weights[i] : tiedWeight + weights[i];
      if (more < 0 || below(tiedWeight, draw) < weights[i]) {
        best = i;
        bestLoad = load;
      }
    }
    return best;
  }

  /** A number below {@code bound} by one multiplication, for an idle pool draws once a member. */
  private static long below(long bound, RandomGenerator draw) {
    return Math.unsignedMultiplyHigh(draw.nextLong(), bound);
  }
}
