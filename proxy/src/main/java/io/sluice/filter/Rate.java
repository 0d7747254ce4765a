package io.sluice.filter;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A token bucket without a lock: the generic cell rate algorithm (ITU-T I.371), whose whole state
 * is the time at which the bucket will be full again. One that is full says nothing, so it may be
 * forgotten at no loss.
 */
final class Rate {
  static final int MOST = 1_000_000;

  private static final long SECOND_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final int perSecond;
  private final int burst;
  private final long tokenNanos;
  private final long burstNanos;

  /** Both 1 to {@value #MOST}: so a token is exact to a thousandth, and a burst fits a long. */
  Rate(int perSecond, int burst) {
    this.perSecond = within(perSecond);
    this.burst = within(burst);
    tokenNanos = SECOND_NANOS / perSecond;
    burstNanos = burst * tokenNanos;
  }

  private static int within(int count) {
    if (count < 1 || count > MOST) {
      throw new IllegalArgumentException(count + " is not within 1 to " + MOST);
    }
    return count;
  }

  /** Takes a token; false when there is none. */
  boolean take(AtomicLong fullAt, long nowNs) {
    while (true) {
      long full = fullAt.get();
      long next = (full - nowNs < 0 ? nowNs : full) + tokenNanos;
      if (next - nowNs > burstNanos) {
        return false;
      }
      if (fullAt.compareAndSet(full, next)) {
        return true;
      }
    }
  }

  /** Whole tokens there are. */
  long left(AtomicLong fullAt, long nowNs) {
    return (burstNanos - Math.max(0, fullAt.get() - nowNs)) / tokenNanos;
  }

  @Override
  public String toString() {
    return perSecond + " a second, in bursts of " + burst;
  }
}
