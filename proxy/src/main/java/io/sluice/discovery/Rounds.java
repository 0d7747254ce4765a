package io.sluice.discovery;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.time.Duration;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;

/** Looks, tells on the timer's thread what came of it, and looks again when that says so. */
final class Rounds {
  private final ScheduledExecutorService timer;
  private final LongUnaryOperator jitter;
  private volatile boolean closed;

  /** One look: tells, once and on any thread, what came of it. */
  interface Look {
    void begin(Consumer<Finding> told);
  }

  Rounds(ScheduledExecutorService timer, LongUnaryOperator jitter) {
    this.timer = timer;
    this.jitter = jitter;
  }

  void start(Look look, Consumer<Finding> to) {
    in(
        Duration.ZERO,
        () -> look.begin(finding -> in(Duration.ZERO, () -> tell(look, finding, to))));
  }

  private void tell(Look look, Finding finding, Consumer<Finding> to) {
    long nextNs = jitter.applyAsLong(finding.next().orElse(Duration.ZERO).toNanos());
    Duration next = Duration.ofNanos(nextNs);
    to.accept(
        switch (finding) {
          case Finding.Found found ->
              new Finding.Found(found.servers(), found.asides(), found.next().map(_ -> next));
          case Finding.Failed failed ->
              new Finding.Failed(failed.why(), failed.next().map(_ -> next));
        });
    in(next, () -> look.begin(then -> in(Duration.ZERO, () -> tell(look, then, to))));
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

  void close() {
    closed = true;
  }
}
