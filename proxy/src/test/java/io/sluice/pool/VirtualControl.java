package io.sluice.pool;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The control thread in virtual time: tasks come from any thread and run, in the order of their
 * times, on the one that calls {@link #advance}.
 */
public final class VirtualControl extends AbstractExecutorService
    implements ScheduledExecutorService {
  private static final Instant START = Instant.parse("2025-01-01T00:00:00Z");

  private final PriorityQueue<Task<?>> tasks = new PriorityQueue<>();
  private volatile long nowNs;
  private volatile boolean shutdown;
  private volatile @Nullable Thread running;
  private long submitted;

  /** Runs what is due now, then what becomes due until {@code by} later. */
  public void advance(Duration by) {
    long untilNs = nowNs + by.toNanos();
    running = Thread.currentThread();
    for (Task<?> task = next(untilNs); task != null; task = next(untilNs)) {
      nowNs = Math.max(nowNs, task.dueNs);
      task.run();
      if (task.state() == Future.State.FAILED) {
        throw new AssertionError("on the control thread", task.exceptionNow());
      }
    }
    nowNs = untilNs;
    running = null;
  }

  /** Runs what is due now. */
  public void runDue() {
    advance(Duration.ZERO);
  }

  public long nanoTime() {
    return nowNs;
  }

  public InstantSource wallClock() {
    return () -> START.plusNanos(nowNs);
  }

  /** Whether the caller is on the control thread. */
  public boolean isCurrent() {
    return Thread.currentThread().equals(running);
  }

  /** Tasks waiting, cancelled ones not counted. */
  public synchronized long pending() {
    return tasks.stream().filter(t -> !t.isCancelled()).count();
  }

  /** Tasks ever accepted. */
  public synchronized long submitted() {
    return submitted;
  }

  @Override
  public void execute(Runnable task) {
    var _ = add(Executors.callable(task), 0);
  }

  @Override
  public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
    return add(Executors.callable(task), unit.toNanos(delay));
  }

  @Override
  public <V> ScheduledFuture<V> schedule(Callable<V> task, long delay, TimeUnit unit) {
    return add(task, unit.toNanos(delay));
  }

  @Override
  public ScheduledFuture<?> scheduleAtFixedRate(Runnable task, long first, long every, TimeUnit u) {
    throw new UnsupportedOperationException();
  }

  @Override
  public ScheduledFuture<?> scheduleWithFixedDelay(
      Runnable task, long first, long gap, TimeUnit u) {
    throw new UnsupportedOperationException();
  }

  @Override
  public void shutdown() {
    shutdown = true;
  }

  @Override
  public synchronized List<Runnable> shutdownNow() {
    shutdown = true;
    List<Runnable> never = List.copyOf(tasks);
    tasks.clear();
    return never;
  }

  @Override
  public boolean isShutdown() {
    return shutdown;
  }

  @Override
  public boolean isTerminated() {
    return shutdown && pending() == 0;
  }

  @Override
  public boolean awaitTermination(long timeout, TimeUnit unit) {
    return isTerminated();
  }

  private synchronized <V> Task<V> add(Callable<V> call, long delayNs) {
    if (shutdown) {
      throw new RejectedExecutionException("shut down");
    }
    Task<V> task = new Task<>(call, nowNs + delayNs, submitted++);
    tasks.add(task);
    return task;
  }

  private synchronized @Nullable Task<?> next(long untilNs) {
    Task<?> first = tasks.peek();
    return first != null && first.dueNs <= untilNs ? tasks.poll() : null;
  }

  private final class Task<V> extends FutureTask<V> implements ScheduledFuture<V> {
    final long dueNs;
    final long order;

    Task(Callable<V> call, long dueNs, long order) {
      super(call);
      this.dueNs = dueNs;
      this.order = order;
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(dueNs - nowNs, NANOSECONDS);
    }

    @Override
    public int compareTo(Delayed other) {
      Task<?> that = (Task<?>) other;
      return dueNs == that.dueNs
          ? Long.compare(order, that.order)
          : Long.compare(dueNs, that.dueNs);
    }
  }
}
