package io.sluice.balance;

import java.util.random.RandomGenerator;

/** Draws that are always alike: where both lead to one member, chance has no say. */
enum Extreme implements RandomGenerator {
  LEAST(0) {
    @Override
    public long nextLong(long bound) {
      return 0;
    }
  },
  MOST(-1) {
    @Override
    public long nextLong(long bound) {
      return bound - 1;
    }
  };

  private final long bits;

  Extreme(long bits) {
    this.bits = bits;
  }

  @Override
  public long nextLong() {
    return bits;
  }

  /** Picks where chance has no say. */
  static Balancer agreed(Balancer least, Balancer most) {
    return key -> {
      int member = least.pick(key);
      if (member != most.pick(key)) {
        throw new Undetermined("chance decides between equals, in proportion to weight");
      }
      return member;
    };
  }
}
