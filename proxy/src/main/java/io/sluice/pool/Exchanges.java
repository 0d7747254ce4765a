package io.sluice.pool;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * How many exchanges of one worker with one backend are open, by when they began: that loop alone
 * writes, any thread reads, as with {@link io.sluice.metrics.Tally}.
 *
 * <p>Counters cannot tell: of flows that ask again at once, the same number is open before and
 * after a backend dies. Only the young are counted. What a service has lost for good stays open as
 * long as its flow, and is no news; its cell is taken by a later period.
 */
final class Exchanges {
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

  /** Of cells in two cache lines, so that two loops' never share one. */
  private static final int PADDING = 16;

  private static final int CELLS = 32;

  /** Of a cell, for its count; the rest says for which period. */
  private static final int COUNT_BITS = 24;

  private static final long COUNT = (1L << COUNT_BITS) - 1;

  private final long[] cells = new long[PADDING + CELLS + PADDING];
  private final long youngNs;

  /** A period is a power of two: 8 to 16 are young, and as many cells at least are left. */
  private final int shift;

  Exchanges(long youngNs) {
    this.youngNs = youngNs;
    shift = Math.max(0, 63 - Long.numberOfLeadingZeros(youngNs) - 3);
  }

  /** That loop: one begins. */
  void begun(long nowNs) {
    long period = nowNs >> shift;
    long cell = cell(period);
    set(period, (holds(cell, period) ? cell : period << COUNT_BITS) + 1);
  }

  /** That loop: one that began then has ended. */
  void ended(long begunNs) {
    long period = begunNs >> shift;
    long cell = cell(period);
    if (holds(cell, period) && (cell & COUNT) > 0) {
      set(period, cell - 1);
    }
  }

  /** Any thread: how many are open that are young now. */
  long young(long nowNs) {
    long young = 0;
    for (long period = nowNs >> shift; period > (nowNs - youngNs) >> shift; period--) {
      long cell = cell(period);
      young += holds(cell, period) ? cell & COUNT : 0;
    }
    return young;
  }

  private static boolean holds(long cell, long period) {
    return cell >>> COUNT_BITS == (period << COUNT_BITS) >>> COUNT_BITS;
  }

  private long cell(long period) {
    return (long) CELL.getOpaque(cells, PADDING + (int) (period & (CELLS - 1)));
  }

  private void set(long period, long cell) {
    CELL.setOpaque(cells, PADDING + (int) (period & (CELLS - 1)), cell);
  }
}
