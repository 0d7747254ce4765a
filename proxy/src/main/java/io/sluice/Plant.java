package io.sluice;

import io.sluice.config.SluiceConfig;
import io.sluice.front.Front;
import io.sluice.metrics.Journal;
import io.sluice.net.Autoscaler;
import io.sluice.net.Dialer;
import io.sluice.net.Ports;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.probe.Prober;
import io.sluice.trace.Traces;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;

/**
 * Workers, pools and fronts, running: what a configuration has become, and becomes anew when that
 * changes. Its collections may be read by any thread at any time; who changes them takes turns.
 */
final class Plant implements AutoCloseable {
  final Plugins plugins;
  final Workers workers;
  final ScheduledExecutorService control;
  final Ports ports;
  final Traces traces;
  final Journal journal;
  final Prober prober;
  final Autoscaler autoscaler;
  final Map<String, Pool> pools = new ConcurrentSkipListMap<>();
  final Map<String, Dialer> dialers = new ConcurrentSkipListMap<>();
  final List<Front> fronts = new CopyOnWriteArrayList<>();

  /** What it has become; at first nothing. */
  private Optional<Aim> now = Optional.empty();

  Plant(
      SluiceConfig.Workers scale,
      Plugins plugins,
      Workers workers,
      ScheduledExecutorService control,
      Ports ports,
      Traces traces,
      Journal journal) {
    this.plugins = plugins;
    this.workers = workers;
    this.control = control;
    this.ports = ports;
    this.traces = traces;
    this.journal = journal;
    prober = Prober.on(control);
    autoscaler =
        new Autoscaler(
            workers, scale.min(), active -> fronts.forEach(front -> front.spread(active)), journal);
  }

  /**
   * Becomes what a configuration says.
   *
   * @throws StartFailure when something cannot be opened; then nothing has changed
   */
  void become(Aim next) throws StartFailure {
    try (Transition transition = new Transition(this, now, next)) {
      transition.open();
      transition.apply();
    }
    now = Optional.of(next);
  }

  /** Once all fronts are open. */
  void autoscale() {
    autoscaler.start(control);
  }

  long flowCount() {
    return fronts.stream().mapToLong(front -> front.flows().count()).sum();
  }

  /** Opens no more flows; returns when the last has ended, at the latest after a while. */
  void drain(Duration timeout) throws InterruptedException {
    fronts.forEach(Front::drain);
    long deadline = System.nanoTime() + timeout.toNanos();
    while (flowCount() > 0 && System.nanoTime() - deadline < 0) {
      Thread.sleep(20);
    }
  }

  @Override
  public void close() {
    autoscaler.close();
    fronts.forEach(Front::close);
    pools.values().forEach(Pool::close);
    workers.close();
    traces.close();
    control.shutdownNow();
  }
}
