package io.sluice.net;

import io.sluice.metrics.Journal;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has as many workers active as the load needs, between a least and a largest number, or as many as
 * an operator says (docs/adr/0008). The loops know nothing of it: their threads' CPU time is read
 * once a second.
 */
public final class Autoscaler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Autoscaler.class);

  private static final long PERIOD_MILLIS = 1_000;

  /**
   * How it stands.
   *
   * @param fixed whether an operator has said how many are active
   * @param utilisation of every worker, active or not: CPU time by time, 0 to 1, over the last
   *     second
   */
  public record View(int active, int min, int max, boolean fixed, List<Double> utilisation) {}

  private final Workers workers;
  private int min;
  private final IntConsumer spread;
  private final Journal journal;
  private final ToLongFunction<Worker> cpu;
  private final LongSupplier clock;
  private ScalingPolicy policy;
  private final long[] cpuSeen;
  private long sampledAt;
  private boolean closed;
  private @Nullable Future<?> ticking;
  private boolean fixed;
  private List<Double> utilisation;
  private volatile View view;

  /**
   * @param min workers that are always active, unless an operator says fewer
   * @param spread has the first so many workers read the listeners, and returns when they do; asked
   *     again every second, so that what could not be moved is tried again
   */
  public Autoscaler(Workers workers, int min, IntConsumer spread, Journal journal) {
    this(workers, min, spread, journal, Worker::cpuNanos, System::nanoTime);
  }

  Autoscaler(
      Workers workers,
      int min,
      IntConsumer spread,
      Journal journal,
      ToLongFunction<Worker> cpu,
      LongSupplier clock) {
    this.workers = workers;
    this.min = min;
    this.spread = spread;
    this.journal = journal;
    this.cpu = cpu;
    this.clock = clock;
    policy = new ScalingPolicy(min, workers.count());
    cpuSeen = new long[workers.count()];
    sampledAt = clock.getAsLong();
    utilisation = Collections.nCopies(workers.count(), 0.0);
    view = new View(workers.active(), min, workers.count(), fixed, utilisation);
  }

  /** Begins to look, once a second. */
  public synchronized void start(ScheduledExecutorService control) {
    ticking =
        control.scheduleWithFixedDelay(
            this::look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  private void look() {
    try {
      tick();
    } catch (Throwable bug) {
      Worker.report(bug);
    }
  }

  synchronized void tick() {
    if (closed) {
      return;
    }
    sample();
    int active = workers.active();
    int next = fixed ? active : policy.next(active, utilisation);
    if (next == active) {
      spread.accept(active);
    } else {
      resize(next, next > active ? "they were busy" : "fewer will do");
    }
    show();
  }

  private void sample() {
    long now = clock.getAsLong();
    double elapsed = Math.max(1, now - sampledAt);
    sampledAt = now;
    utilisation =
        IntStream.range(0, cpuSeen.length)
            .mapToObj(
                i -> {
                  long seen = cpu.applyAsLong(workers.get(i));
                  double share = (seen - cpuSeen[i]) / elapsed;
                  cpuSeen[i] = seen;
                  return Math.clamp(share, 0.0, 1.0);
                })
            .toList();
  }

  /**
   * Has exactly so many workers active from now on, be it fewer than the least number; 0 returns to
   * what the load needs. Returns when the listeners have moved.
   *
   * @throws IllegalArgumentException with a message for the operator when there are not so many
   */
  public synchronized void fix(int count) {
    if (count < 0 || count > workers.count()) {
      throw new IllegalArgumentException(
          "must be 1 to %d (workers.max), or 0 for automatic, not %d"
              .formatted(workers.count(), count));
    }
    if (closed) {
      return;
    }
    fixed = count > 0;
    policy.restart();
    resize(
        fixed ? count : Math.max(min, workers.active()),
        fixed ? "fixed by an operator" : "automatic again");
    show();
  }

  /** Has so many workers active at least from now on, unless an operator says fewer. */
  public synchronized void least(int count) {
    if (closed || count == min) {
      return;
    }
    min = count;
    policy = new ScalingPolicy(min, workers.count());
    if (!fixed && workers.active() < min) {
      resize(min, "workers.min");
    }
    show();
  }

  private void resize(int next, String why) {
    int before = workers.active();
    workers.activate(next);
    spread.accept(next);
    journal.enter(Journal.Kind.WORKERS, "", Integer.toString(next), why);
    log.info(
        "{} of {} workers active, were {}: {}; utilisation in percent {}",
        next,
        workers.count(),
        before,
        why,
        utilisation.stream().map(share -> Math.round(100 * share)).toList());
  }

  /** As of the last look or change; never waits for one. */
  public View view() {
    return view;
  }

  private void show() {
    view = new View(workers.active(), min, workers.count(), fixed, utilisation);
  }

  /** From now on nothing moves; returns when nothing is moving. */
  @Override
  public synchronized void close() {
    closed = true;
    if (ticking != null) {
      ticking.cancel(false);
    }
  }
}
