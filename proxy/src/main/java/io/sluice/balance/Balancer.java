package io.sluice.balance;

import java.util.List;

/**
 * Chooses one of the members it was built over.
 *
 * <p>Built once per set of eligible members, off the event loops, and swapped whole; so it is
 * immutable but for counters of its own. {@link #pick} is called from several loops at once and
 * must neither block nor allocate.
 */
public interface Balancer {

  /**
   * Returns the index, into the members this was built over, of the one that gets {@code key}.
   *
   * @param key 64 bits that decide affinity; balancers without affinity ignore them
   */
  int pick(long key);

  /**
   * What this would pick from now on, were nobody else to ask it: a balancer that leaves this one
   * as it is. Off the loops; its {@code pick} throws {@link Undetermined} where nobody can say.
   */
  default Balancer preview() {
    return key -> {
      throw new Undetermined("the policy does not say without picking in earnest");
    };
  }

  /** Builds a balancer. */
  interface Factory {
    /**
     * Builds over {@code members}: never empty, sorted by name, names unique, weights at least 1.
     */
    Balancer over(List<? extends Member> members);
  }

  /** What a balancer sees of a backend. */
  interface Member {
    /** Unique within the pool; what consistent hashing hashes. */
    String name();

    /** Share of the load relative to the other members', at least 1. */
    int weight();

    /** Live flows at this moment; changes while one looks. */
    int load();

    /** How long its replies take of late, nanoseconds; 0 until it has been seen. */
    long latencyNanos();
  }
}
