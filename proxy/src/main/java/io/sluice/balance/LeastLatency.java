package io.sluice.balance;

import java.util.List;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/**
 * The member that would cost least: latency x (live flows + 1) / weight, all members looked at.
 *
 * <p>As in Finagle's peak EWMA, the latency leaps up at once and comes down slowly, so that a
 * member that slows down is left before it has been sent much more; times load, so that the fastest
 * is not buried (Dean, Barroso, "The Tail at Scale", CACM 2013, on why the slowest replies decide).
 * A member that has not answered yet counts as fast as the fastest: it is tried, and not flooded,
 * since each flow it gets raises its cost. Members that tie are drawn in proportion to weight.
 */
final class LeastLatency implements Balancer {
  private final Member[] members;
  private final int[] weights;
  private final Supplier<? extends RandomGenerator> random;

  LeastLatency(List<? extends Member> members, Supplier<? extends RandomGenerator> random) {
    this.members = members.toArray(Member[]::new);
    this.weights = members.stream().mapToInt(Member::weight).toArray();
    this.random = random;
  }

  private LeastLatency(LeastLatency of, Extreme draw) {
    members = of.members;
    weights = of.weights;
    random = () -> draw;
  }

  /** Only where there is no tie, as loads are now. */
  @Override
  public Balancer preview() {
    return Extreme.agreed(
        new LeastLatency(this, Extreme.LEAST), new LeastLatency(this, Extreme.MOST));
  }

  @Override
  public int pick(long key) {
    double unseen = fastest();
    int best = 0;
    double bestCost = Double.POSITIVE_INFINITY;
    long tiedWeight = 0;
    for (int i = 0; i < members.length; i++) {
      double cost = cost(i, unseen);
      if (cost > bestCost) {
        continue;
      }
      tiedWeight = cost < bestCost ? weights[i] : tiedWeight + weights[i];
      if (cost < bestCost || random.get().nextLong(tiedWeight) < weights[i]) {
        best = i;
        bestCost = cost;
      }
    }
    return best;
  }

  private double cost(int i, double unseen) {
    long nanos = members[i].latencyNanos();
    return (nanos == 0 ? unseen : (double) nanos) * (members[i].load() + 1.0) / weights[i];
  }

  /** Of those that have been seen; 1 if none has, so that load alone decides. */
  private double fastest() {
    long fastest = Long.MAX_VALUE;
    for (Member member : members) {
      long nanos = member.latencyNanos();
      fastest = nanos == 0 ? fastest : Math.min(fastest, nanos);
    }
    return fastest == Long.MAX_VALUE ? 1 : (double) fastest;
  }
}
