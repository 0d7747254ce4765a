package io.sluice.pool;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.LongConsumer;

/**
 * What the loops have seen of one backend and control has not looked at yet: a mailbox of fixed
 * size that many fill and one empties.
 *
 * <p>A refusal goes to the next slot in turn; when that is still full it is left out. That is
 * harmless: control is then about to look at up to {@value #SLOTS} others that are as new, so all
 * that can be missed is the difference between plenty and more, and a backend that goes on refusing
 * goes on giving evidence. There is no order among slots because there is none among what control
 * finds at one look: all of it happens "now".
 *
 * <p>At most one look waits its turn: a report asks for one only if none is asked for. The look
 * withdraws that mark first and reads afterwards, a report writes first and reads the mark
 * afterwards, so no report is left lying. Asking is the one lock a loop takes here, the executor's,
 * once a look.
 */
final class Evidence {
  /** About a hundred times the usual {@code fall}: a burst counts in full; 2 KiB a backend. */
  static final int SLOTS = 256;

  private static final long EMPTY = Long.MIN_VALUE;

  private final AtomicLongArray refusals = new AtomicLongArray(SLOTS);
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicBoolean answer = new AtomicBoolean();
  private final AtomicBoolean asked = new AtomicBoolean();
  private final Executor control;
  private final Runnable look;

  /**
   * @param look run on {@code control} when there is something new
   */
  Evidence(Executor control, Runnable look) {
    this.control = control;
    this.look =
        () -> {
          asked.set(false);
          look.run();
        };
    for (int i = 0; i < SLOTS; i++) {
      refusals.setPlain(i, EMPTY);
    }
  }

  /** Any loop: an ICMP error arrived for that flow. */
  void refusal(long flow) {
    int slot = next.getAndIncrement() & (SLOTS - 1);
    if (refusals.compareAndSet(slot, EMPTY, flow)) {
      ask();
    }
  }

  /** Any loop: the backend answered. */
  void answer() {
    if (!answer.get() && answer.compareAndSet(false, true)) {
      ask();
    }
  }

  /** Control: takes the refusals out. */
  void takeRefusals(LongConsumer each) {
    for (int i = 0; i < SLOTS; i++) {
      long flow = refusals.get(i);
      if (flow != EMPTY) {
        refusals.set(i, EMPTY);
        each.accept(flow);
      }
    }
  }

  /** Control: takes the answer out, if there is one. */
  boolean takeAnswer() {
    return answer.get() && answer.getAndSet(false);
  }

  private void ask() {
    if (!asked.get() && asked.compareAndSet(false, true)) {
      try {
        control.execute(look);
      } catch (RejectedExecutionException stopping) {
        // Nobody decides any more; the mark stays set, so nobody asks again either.
      }
    }
  }
}
