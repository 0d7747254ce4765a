package io.sluice.pool;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;

/** Has control look again every so often, until closed. */
final class Pulse implements AutoCloseable {
  private final ScheduledExecutorService control;
  private final long everyNs;
  private final Runnable beat;
  private volatile @Nullable Future<?> timer;
  private volatile boolean closed;

  /**
   * @param beat throws nothing
   */
  Pulse(ScheduledExecutorService control, long everyNs, Runnable beat) {
    this.control = control;
    this.everyNs = everyNs;
    this.beat = beat;
  }

  /** Either this sees that it is closed, or {@link #close} sees this timer. */
  void arm() {
    timer = control.schedule(this::beat, everyNs, NANOSECONDS);
    if (closed) {
      cancel();
    }
  }

  private void beat() {
    if (!closed) {
      arm();
      beat.run();
    }
  }

  private void cancel() {
    Future<?> last = timer;
    if (last != null) {
      last.cancel(false);
    }
  }

  boolean isClosed() {
    return closed;
  }

  /** Any thread; idempotent. */
  @Override
  public void close() {
    closed = true;
    cancel();
  }
}
