package io.sluice.pool;

/**
 * The refusals of a sliding window, as far as they can matter: exact in memory of order {@code
 * fall}, however many there are.
 *
 * <p>"At least {@code fall} refusals within the window" asks only whether the {@code fall}-th
 * newest is young enough, and "from at least k flows", k being at most {@code fall}, only whether
 * the k-th newest last refusal of a flow is. So the times of {@code fall} refusals and of {@code
 * fall} flows' last refusals are kept, newest first.
 */
final class Refusals {
  private final long windowNs;
  private final long[] atNs;
  private final long[] flows;
  private final long[] flowAtNs;
  private int refusals;
  private int distinct;

  Refusals(int fall, long windowNs) {
    this.windowNs = windowNs;
    atNs = new long[fall];
    flows = new long[fall];
    flowAtNs = new long[fall];
  }

  /** The same past by other rules, as far as it was kept. */
  Refusals by(int fall, long nextWindowNs) {
    Refusals next = new Refusals(fall, nextWindowNs);
    next.refusals = Math.min(refusals, fall);
    next.distinct = Math.min(distinct, fall);
    System.arraycopy(atNs, 0, next.atNs, 0, next.refusals);
    System.arraycopy(flows, 0, next.flows, 0, next.distinct);
    System.arraycopy(flowAtNs, 0, next.flowAtNs, 0, next.distinct);
    return next;
  }

  /** Records a refusal; times never decrease. */
  void add(long nowNs, long flow) {
    refusals = Math.min(refusals + 1, atNs.length);
    System.arraycopy(atNs, 0, atNs, 1, refusals - 1);
    atNs[0] = nowNs;

    int place = 0;
    while (place < distinct && flows[place] != flow) {
      place++;
    }
    distinct = Math.max(distinct, Math.min(place + 1, flows.length));
    int older = Math.min(place, flows.length - 1);
    System.arraycopy(flows, 0, flows, 1, older);
    System.arraycopy(flowAtNs, 0, flowAtNs, 1, older);
    flows[0] = flow;
    flowAtNs[0] = nowNs;
  }

  /** Returns how many refusals the window ending now holds, {@code fall} meaning that or more. */
  int within(long nowNs) {
    return young(atNs, refusals, nowNs);
  }

  /** Returns how many flows those came from, {@code fall} meaning that or more. */
  int flowsWithin(long nowNs) {
    return young(flowAtNs, distinct, nowNs);
  }

  void clear() {
    refusals = 0;
    distinct = 0;
  }

  private int young(long[] newestFirst, int count, long nowNs) {
    int young = 0;
    while (young < count && nowNs - newestFirst[young] <= windowNs) {
      young++;
    }
    return young;
  }
}
