package io.sluice.discovery;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongUnaryOperator;

/** When to look again, and the thread on which it is told what was found. */
final class Rounds {
  private static final long LEAST_BACK_OFF_MS = 1_000;
  private static final long MOST_BACK_OFF_MS = 30_000;

  private final ScheduledExecutorService timer;
  private final LongUnaryOperator jitter;
  private volatile boolean closed;

  // whoever looks; one at a time
  private int failures;

  /**
   * @param jitter how long to wait instead, nanoseconds: never less
   */
  Rounds(ScheduledExecutorService timer, LongUnaryOperator jitter) {
    this.timer = timer;
    this.jitter = jitter;
  }

  /** Does something on the timer's thread, unless this is closed by then. */
  void in(Duration delay, Runnable step) {
    try {
      var _ =
          timer.schedule(
              () -> {
                if (!closed) {
                  step.run();
                }
              },
              delay.toNanos(),
              NANOSECONDS);
    } catch (RejectedExecutionException e) {
      closed = true; // Sluice is stopping
    }
  }

  /** Or a little later. */
  Duration about(Duration delay) {
    return Duration.ofNanos(jitter.applyAsLong(delay.toNanos()));
  }

  /** How long to wait after one more failure. */
  Duration failed() {
    return about(
        Duration.ofMillis(
            Math.min(MOST_BACK_OFF_MS, LEAST_BACK_OFF_MS << Math.min(failures++, 10))));
  }

  void succeeded() {
    failures = 0;
  }

  void close() {
    closed = true;
  }
}
