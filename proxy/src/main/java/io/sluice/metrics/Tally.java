package io.sluice.metrics;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * A few counters of one event loop: written by that loop alone, read by any thread.
 *
 * <p>A counter costs a load, an add and a store, with no locked instruction: opaque access only
 * promises that a reader sees whole values, each at least as new as the last one it saw. Totals are
 * sums over the loops' tallies, made when somebody asks.
 */
public final class Tally {
  private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(long[].class);

  /**
   * Longs in two cache lines: kept free around the counters, so that two loops' tallies never share
   * a line.
   */
  private static final int PADDING = 16;

  private final long[] counts;

  /** Counters 0 to {@code size - 1}, all 0. */
  public Tally(int size) {
    counts = new long[PADDING + size + PADDING];
  }

  /** Adds {@code n} to a counter; the owning loop only. */
  public void add(int counter, long n) {
    int i = PADDING + counter;
    COUNT.setOpaque(counts, i, (long) COUNT.getOpaque(counts, i) + n);
  }

  /** Returns a counter; any thread. */
  public long get(int counter) {
    return (long) COUNT.getOpaque(counts, PADDING + counter);
  }
}
