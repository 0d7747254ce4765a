package io.sluice.balance;

import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/** The built-in balancers, by the names {@code balance.policy} knows them by. */
public final class Policies {
  private static final Map<String, Balancer.Factory> BUILT_IN =
      Map.of(
          "maglev", maglev(),
          "ketama", ketama(),
          "least-load", leastLoad(),
          "weighted-round-robin", weightedRoundRobin(),
          "random", random());

  private Policies() {}

  /** Every built-in by its name. */
  public static Map<String, Balancer.Factory> builtIn() {
    return BUILT_IN;
  }

  /**
   * {@code maglev}: consistent hashing with the most even shares, at most 65,536 members. A change
   * of members also moves a few keys of the others.
   */
  public static Balancer.Factory maglev() {
    return Maglev::new;
  }

  /**
   * {@code ketama}: consistent hashing that picks what nginx's {@code hash ... consistent} picks. A
   * change of members moves no key of the others; shares are some 8 % uneven at weight 1.
   */
  public static Balancer.Factory ketama() {
    return Ketama::new;
  }

  /** {@code least-load}: the member with the fewest live flows for its weight; ignores the key. */
  public static Balancer.Factory leastLoad() {
    return members -> new LeastLoad(members, ThreadLocalRandom::current);
  }

  /**
   * {@code least-load { by = latency }}: the member whose replies, times its live flows, take least
   * time for its weight; ignores the key.
   */
  public static Balancer.Factory leastLatency() {
    return members -> new LeastLatency(members, ThreadLocalRandom::current);
  }

  /** {@code weighted-round-robin}: members in turn, heavy ones spread out; ignores the key. */
  public static Balancer.Factory weightedRoundRobin() {
    // A pool is rebuilt at every change of health: starting each time at the same member would
    // favour it, and would march appliances started together in step.
    return members -> new WeightedRoundRobin(members, ThreadLocalRandom.current().nextInt(1 << 30));
  }

  /** {@code random}: any member, in proportion to its weight; ignores the key. */
  public static Balancer.Factory random() {
    return members -> new WeightedRandom(members, ThreadLocalRandom::current);
  }
}
