package io.sluice.pool;

import io.sluice.balance.Balancer;
import java.util.List;

/** A balancer and what its picks mean: built whole, never changed. */
final class Snapshot {
  /** A backend that holds half of the keys is picked so often in a row once in 256 times. */
  private static final int TRIES = 8;

  final Balancer balancer;
  final Backend[] members;
  private final Balancer.Factory policy;
  private final List<Member> over;

  private Snapshot(Balancer.Factory policy, List<Member> over, Balancer balancer) {
    this.policy = policy;
    this.over = over;
    this.balancer = balancer;
    members = over.stream().map(Member::backend).toArray(Backend[]::new);
  }

  /** Throws what the policy throws, which is not asked about nobody. */
  static Snapshot of(Balancer.Factory policy, List<Member> members) {
    return new Snapshot(policy, members, members.isEmpty() ? key -> 0 : policy.over(members));
  }

  /**
   * A backend as a balancer sees it: with the weight it is being built for, which may never come
   * into force.
   */
  record Member(Backend backend, int weight) implements Balancer.Member {
    @Override
    public String name() {
      return backend.name();
    }

    @Override
    public int load() {
      return backend.load();
    }

    @Override
    public long latencyNanos() {
      return backend.latencyNanos();
    }
  }

  /**
   * Another one for the key, or {@code not} itself where there is no other. Preferably one that
   * takes it without reserve: what has been in vain once should not go to one that is silent, too.
   */
  Backend other(long key, Backend not) {
    Backend better = not;
    long other = key;
    for (int tries = 0; tries < TRIES; tries++) {
      other = other * 0x9E37_79B9_7F4A_7C15L + 0x632B_E59B_D9B4_E019L;
      Backend picked = members[balancer.pick(other)];
      if (picked != not && picked.isSound(key)) {
        return picked;
      }
      better = better == not ? picked : better;
    }
    // A policy that ignores the key may insist: then the next one, from anywhere.
    int from = (int) Math.unsignedMultiplyHigh(other, members.length);
    for (int i = 0; i < members.length; i++) {
      Backend next = members[(from + i) % members.length];
      if (next != not && next.isSound(key)) {
        return next;
      }
      better = better == not ? next : better;
    }
    return better;
  }

  boolean isOf(Balancer.Factory otherPolicy, List<Member> others) {
    return policy.equals(otherPolicy) && over.equals(others);
  }
}
