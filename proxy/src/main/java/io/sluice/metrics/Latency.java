package io.sluice.metrics;

/** A histogram of durations of one event loop: written by that loop, read by any thread. */
public final class Latency {
  private static final long MICROS = 1_000;
  private static final long MILLIS = 1_000 * MICROS;

  /**
   * Upper bounds of the buckets: from a reply on the same machine to one for which the client has
   * long asked again.
   */
  private static final long[] BOUNDS_NANOS = {
    100 * MICROS,
    250 * MICROS,
    500 * MICROS,
    MILLIS,
    2_500 * MICROS,
    5 * MILLIS,
    10 * MILLIS,
    25 * MILLIS,
    50 * MILLIS,
    100 * MILLIS,
    250 * MILLIS,
    500 * MILLIS,
    1_000 * MILLIS,
    2_500 * MILLIS,
    5_000 * MILLIS
  };

  /** Buckets, of which the last has no upper bound. */
  public static final int BUCKETS = BOUNDS_NANOS.length + 1;

  private final Tally counts = new Tally(BUCKETS + 1);

  /** Counts one duration. */
  public void record(long nanos) {
    int bucket = 0;
    while (bucket < BOUNDS_NANOS.length && nanos > BOUNDS_NANOS[bucket]) {
      bucket++;
    }
    counts.add(bucket, 1);
    counts.add(BUCKETS, nanos);
  }

  /** Durations counted in one bucket alone. */
  public long count(int bucket) {
    return counts.get(bucket);
  }

  /** Sum of all durations. */
  public long sumNanos() {
    return counts.get(BUCKETS);
  }

  /** Upper bound of a bucket in seconds; infinite for the last. */
  public static double boundSeconds(int bucket) {
    return bucket == BOUNDS_NANOS.length ? Double.POSITIVE_INFINITY : BOUNDS_NANOS[bucket] / 1e9;
  }
}
