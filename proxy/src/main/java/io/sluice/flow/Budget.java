package io.sluice.flow;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A rate shared by all loops without a lock: the generic cell rate algorithm (ITU-T I.371), a token
 * bucket whose whole state is the time at which it will be full.
 */
final class Budget {
  private static final long BURST_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final long intervalNanos;
  private final AtomicLong fullAt;

  /** {@code perSecond} a second, 1 to 1,000,000,000, after a burst of as many. */
  Budget(int perSecond, long now) {
    intervalNanos = BURST_NANOS / perSecond;
    fullAt = new AtomicLong(now);
  }

  /** Whether there is one to take. */
  boolean has(long now) {
    return Math.max(0, fullAt.get() - now) + intervalNanos <= BURST_NANOS;
  }

  /** Takes one; false when the budget is spent. */
  boolean take(long now) {
    while (true) {
      long full = fullAt.get();
      long next = (full - now < 0 ? now : full) + intervalNanos;
      if (next - now > BURST_NANOS) {
        return false;
      }
      if (fullAt.compareAndSet(full, next)) {
        return true;
      }
    }
  }
}
