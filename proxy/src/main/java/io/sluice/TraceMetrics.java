package io.sluice;

import io.prometheus.client.Collector;
import io.prometheus.client.CounterMetricFamily;
import io.prometheus.client.GaugeMetricFamily;
import io.sluice.trace.AccessLog;
import io.sluice.trace.Traces;
import java.util.List;

/** What captures and the access log had no room for. */
final class TraceMetrics extends Collector {
  private final Traces traces;

  TraceMetrics(Traces traces) {
    this.traces = traces;
  }

  @Override
  public List<MetricFamilySamples> collect() {
    AccessLog log = traces.accessLog();
    return List.of(
        new GaugeMetricFamily("sluice_captures", "Captures that run.", traces.captures().running()),
        new CounterMetricFamily(
            "sluice_capture_lost",
            "Datagrams that captures miss, as who read them was too slow.",
            (double) traces.captures().lost()),
        new CounterMetricFamily(
            "sluice_access_log_lines",
            "Flows that were written to the access log.",
            log == null ? 0 : (double) log.lines()),
        new CounterMetricFamily(
            "sluice_access_log_lost",
            "Flows that the access log misses, as it could not be written, or not fast enough.",
            log == null ? 0 : (double) log.lost()));
  }
}
