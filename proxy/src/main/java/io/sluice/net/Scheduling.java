package io.sluice.net;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a thread tells the kernel's scheduler of itself, as far as no right is needed for it: who
 * waits for whom where there are fewer cores than threads with something to do.
 */
public final class Scheduling {
  /**
   * A tenth of a worker's weight (sched(7)): enough to be served by while workers take all they can
   * get, which with SCHED_IDLE would be nothing.
   */
  static final int NICER = 10;

  /**
   * The least there is, and no more than a turn of a loop: the scheduler lets whoever wakes up with
   * the shorter slice go first, and their shares are the same (sched_setattr(2), Linux 6.12).
   */
  static final long SLICE_NS = 100_000;

  private static final Logger LOG = LoggerFactory.getLogger(Scheduling.class);

  private Scheduling() {}

  /**
   * The calling thread gives way to workers from here on. So do the threads it starts, which is
   * seldom wanted: without rights nobody can take that back.
   */
  public static void giveWay() {
    if (Linux.isSupported()) {
      told("nice value", Linux.nicer(NICER));
    }
  }

  /** The calling thread is to run as soon as it has something to do. */
  static void runPromptly() {
    told("slice", Linux.setSlice(SLICE_NS));
  }

  /** To be refused costs time at most: nobody has to do anything about it. */
  private static void told(String what, int result) {
    if (result < 0) {
      LOG.debug("the kernel refused the {} of a thread: errno {}", what, -result);
    }
  }
}
