package io.sluice.pool;

import io.sluice.balance.Balancer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A balancer and what its picks mean: built whole, never changed. */
final class Snapshot implements Deal {
  /** A backend that holds half of the keys is picked so often in a row once in 256 times. */
  private static final int TRIES = 8;

  static final Snapshot EMPTY = new Snapshot(_ -> _ -> 0, List.of(), _ -> 0);

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

  /**
   * One by that policy over those: this one, if that is what it is. Throws what the policy throws,
   * which is not asked about nobody.
   */
  Snapshot by(Balancer.Factory otherPolicy, List<Member> others) {
    if (others.isEmpty()) {
      return EMPTY;
    }
    return policy.equals(otherPolicy) && over.equals(others)
        ? this
        : new Snapshot(otherPolicy, others, otherPolicy.over(others));
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

  @Override
  public @Nullable Backend pick(long key) {
    if (members.length == 0) {
      return null;
    }
    Backend picked = members[balancer.pick(key)];
    return picked.keeps(key) ? picked : other(key, picked);
  }

  @Override
  public @Nullable Backend pickOther(long key, Backend not) {
    Backend other = members.length == 0 ? not : other(key, not);
    return other == not ? null : other;
  }

  /** One that may be asked without a trace. */
  Snapshot preview() {
    return new Snapshot(policy, over, balancer.preview());
  }

  /**
   * Another one for the key, or {@code not} itself where there is no other. Preferably one that
   * takes it without reserve: what has been in vain once should not go to one that is silent, too.
   */
  private Backend other(long key, Backend not) {
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
}
