package io.sluice;

import io.prometheus.client.Collector;
import io.prometheus.client.CounterMetricFamily;
import io.prometheus.client.GaugeMetricFamily;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Lane;
import io.sluice.front.Front;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Latency;
import io.sluice.net.Dialer;
import io.sluice.net.Fds;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.State;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * The metrics of CONTRACT.md, summed over the loops' counters when somebody asks: the datapath
 * itself knows no labels.
 */
final class RelayMetrics extends Collector {
  private final Collection<Front> fronts;
  private final Collection<Pool> pools;
  private final Supplier<Appliance.WorkersStatus> workers;
  private final Map<String, Dialer> dialers;
  private final Fds fds;

  RelayMetrics(
      Collection<Front> fronts,
      Collection<Pool> pools,
      Supplier<Appliance.WorkersStatus> workers,
      Map<String, Dialer> dialers,
      Fds fds) {
    this.fronts = fronts;
    this.pools = pools;
    this.workers = workers;
    this.dialers = dialers;
    this.fds = fds;
  }

  @Override
  public List<MetricFamilySamples> collect() {
    List<MetricFamilySamples> families = new ArrayList<>();
    addTraffic(families);
    addDrops(families);
    addFilters(families);
    addFlows(families);
    addBackends(families);
    addHealth(families);
    addLatency(families);
    addWorkers(families);
    addSupply(families);
    addProcess(families);
    return families;
  }

  private void addTraffic(List<MetricFamilySamples> families) {
    var datagrams =
        counter(
            "sluice_datagrams",
            "Datagrams received from clients (request) and backends (reply).",
            "front",
            "direction");
    var forwarded =
        counter(
            "sluice_datagrams_forwarded",
            "Datagrams given to the kernel to send on.",
            "front",
            "direction");
    var bytes = counter("sluice_bytes", "Payload bytes received.", "front", "direction");
    for (Front front : fronts) {
      for (Direction direction : Direction.values()) {
        List<String> labels = List.of(front.name(), direction.label);
        add(datagrams, labels, sum(front, direction, Account::received));
        add(forwarded, labels, sum(front, direction, Account::forwarded));
        add(bytes, labels, sum(front, direction, Account::bytes));
      }
    }
    families.addAll(List.of(datagrams, forwarded, bytes));
  }

  private void addDrops(List<MetricFamilySamples> families) {
    var drops =
        counter(
            "sluice_drops",
            "Datagrams not sent on, by reason; both directions.",
            "front",
            "reason");
    var kernel =
        counter(
            "sluice_kernel_drops",
            "Datagrams the kernel dropped because a front socket's receive buffer was full.",
            "front");
    long handOvers = 0;
    for (Front front : fronts) {
      for (Drop drop : Drop.values()) {
        long n = 0;
        for (Direction direction : Direction.values()) {
          n += sum(front, direction, account -> account.dropped(drop));
        }
        add(drops, List.of(front.name(), drop.name()), n);
      }
      add(kernel, List.of(front.name()), front.kernelDrops());
      handOvers += sum(front, Direction.REQUEST, Account::handOvers);
    }
    families.addAll(List.of(drops, kernel));
    families.add(
        new CounterMetricFamily(
            "sluice_handover",
            "Datagrams that arrived on another worker than their flow's.",
            (double) handOvers));
  }

  private void addFilters(List<MetricFamilySamples> families) {
    var drops =
        counter(
            "sluice_filter_drops",
            "Datagrams that a filter refused; both directions.",
            "front",
            "filter");
    for (Front front : fronts) {
      front.filterDrops().forEach((filter, n) -> add(drops, List.of(front.name(), filter), n));
    }
    families.add(drops);
  }

  private void addFlows(List<MetricFamilySamples> families) {
    var live = gauge("sluice_flows", "Live flows.", "front");
    var assured =
        gauge(
            "sluice_flows_assured",
            "Live flows that a backend has answered, or of a one-way front.",
            "front");
    var max = gauge("sluice_flows_max", "How many assured flows the front may have.", "front");
    var peers = gauge("sluice_peer_sockets", "Front sockets of single flows' own.", "front");
    var opened = counter("sluice_flows_opened", "Flows opened.", "front");
    var closed = counter("sluice_flows_closed", "Flows ended, by reason.", "front", "reason");
    var rescued =
        counter(
            "sluice_rescued_datagrams",
            "Datagrams sent again, to another backend, as the first had refused.",
            "front");
    for (Front front : fronts) {
      add(
          rescued,
          List.of(front.name()),
          front.lanes().stream().mapToLong(lane -> lane.repeats().forwarded()).sum());
      add(live, List.of(front.name()), front.flows().count());
      add(assured, List.of(front.name()), front.flows().assuredCount());
      add(max, List.of(front.name()), front.flows().limits().max());
      add(peers, List.of(front.name()), front.peerSockets());
      add(opened, List.of(front.name()), front.flows().opened());
      for (CloseReason reason : CloseReason.values()) {
        add(closed, List.of(front.name(), reason.name()), front.flows().closed(reason));
      }
    }
    families.addAll(List.of(live, assured, max, peers, opened, closed, rescued));
  }

  private void addBackends(List<MetricFamilySamples> families) {
    var flows = gauge("sluice_backend_flows", "Live flows.", "pool", "backend");
    var leaving =
        gauge("sluice_pool_leaving_flows", "Live flows of backends that were removed.", "pool");
    var datagrams =
        counter(
            "sluice_backend_datagrams",
            "Datagrams to (request) and from (reply) the backend.",
            "pool",
            "backend",
            "direction");
    for (Pool pool : pools) {
      add(leaving, List.of(pool.name()), pool.leaving().stream().mapToLong(Backend::load).sum());
      for (Backend backend : pool.backends()) {
        Backend.View view = backend.view();
        List<String> labels = List.of(pool.name(), backend.name());
        add(flows, labels, view.flows());
        add(
            datagrams,
            List.of(pool.name(), backend.name(), Direction.REQUEST.label),
            view.requests());
        add(datagrams, List.of(pool.name(), backend.name(), Direction.REPLY.label), view.replies());
      }
    }
    families.addAll(List.of(flows, leaving, datagrams));
  }

  private void addHealth(List<MetricFamilySamples> families) {
    var up = ofBackend("up", "1 while the backend is given new flows.");
    var score =
        ofBackend("score", "100: nothing speaks against the backend; 0: its guilt is proven.");
    var latency =
        ofBackend(
            "reply_latency_seconds", "How long the backend's replies take of late, peak EWMA.");
    var state = ofBackend("state", "1 for the state the backend is in.", "state");
    var unreachable =
        countOfBackend("unreachable", "ICMP errors received for datagrams to the backend.");
    var ejections = countOfBackend("ejections", "Times the backend was taken out by evidence.");
    var probes = countOfBackend("probes", "Probes of the backend, by result.", "result");
    for (Pool pool : pools) {
      for (Backend backend : pool.backends()) {
        Backend.View view = backend.view();
        List<String> labels = List.of(pool.name(), backend.name());
        add(up, labels, view.eligible() ? 1 : 0);
        add(score, labels, view.score());
        latency.addMetric(labels, view.latencyNanos() / 1e9);
        for (State each : State.values()) {
          add(state, and(labels, each.name()), each == view.state() ? 1 : 0);
        }
        add(unreachable, labels, view.unreachable());
        add(ejections, labels, view.ejections());
        add(probes, and(labels, "passed"), view.dossier().probesPassed());
        add(probes, and(labels, "failed"), view.dossier().probesFailed());
      }
    }
    families.addAll(List.of(up, score, latency, state, unreachable, ejections, probes));
  }

  private static List<String> and(List<String> labels, String more) {
    return Stream.concat(labels.stream(), Stream.of(more)).toList();
  }

  private static GaugeMetricFamily ofBackend(String what, String help, String... more) {
    return new GaugeMetricFamily("sluice_backend_" + what, help, labels(more));
  }

  private static CounterMetricFamily countOfBackend(String what, String help, String... more) {
    return new CounterMetricFamily("sluice_backend_" + what, help, labels(more));
  }

  private static List<String> labels(String... more) {
    return Stream.concat(Stream.of("pool", "backend"), Stream.of(more)).toList();
  }

  /** A pool's replies come through the lanes of all fronts that use it. */
  private void addLatency(List<MetricFamilySamples> families) {
    String name = "sluice_reply_latency_seconds";
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (Pool pool : pools) {
      List<Latency> latencies =
          fronts.stream()
              .filter(front -> front.pool() == pool)
              .flatMap(front -> front.lanes().stream().map(Lane::latency))
              .toList();
      long sumNanos = latencies.stream().mapToLong(Latency::sumNanos).sum();
      long count = 0;
      for (int bucket = 0; bucket < Latency.BUCKETS; bucket++) {
        for (Latency latency : latencies) {
          count += latency.count(bucket);
        }
        String bound = Collector.doubleToGoString(Latency.boundSeconds(bucket));
        samples.add(
            sample(
                name + "_bucket",
                List.of("pool", "le"),
                List.of(pool.name(), bound),
                (double) count));
      }
      samples.add(sample(name + "_count", List.of("pool"), List.of(pool.name()), (double) count));
      samples.add(sample(name + "_sum", List.of("pool"), List.of(pool.name()), sumNanos / 1e9));
    }
    families.add(
        new MetricFamilySamples(
            name, Type.HISTOGRAM, "Time from a request to the flow's next reply.", samples));
  }

  private void addWorkers(List<MetricFamilySamples> families) {
    Appliance.WorkersStatus all = workers.get();
    var active = gauge("sluice_workers_active", "Workers that read listeners.");
    var utilisation =
        gauge(
            "sluice_worker_utilisation",
            "CPU time the worker used of the last second, 0 to 1.",
            "worker");
    var flows = gauge("sluice_worker_flows", "Live flows of the worker, active or not.", "worker");
    add(active, List.of(), all.count());
    for (Appliance.WorkerStatus worker : all.workers()) {
      List<String> label = List.of(Integer.toString(worker.index()));
      utilisation.addMetric(label, worker.utilisation());
      add(flows, label, worker.flows());
    }
    families.addAll(List.of(active, utilisation, flows));
  }

  private void addSupply(List<MetricFamilySamples> families) {
    var ports =
        gauge(
            "sluice_ports_free",
            "Local ports left for new flows from one local address (any: the route's choice), to"
                + " the backend that has fewest.",
            "pool",
            "source");
    dialers.forEach(
        (pool, dialer) ->
            dialer.free().forEach((source, free) -> add(ports, List.of(pool, source), free)));
    families.add(ports);
    families.add(
        new GaugeMetricFamily(
            "sluice_fds_free", "File descriptors left for new flows.", (double) fds.free()));
  }

  private static void addProcess(List<MetricFamilySamples> families) {
    var build =
        gauge(
            "sluice_build_info", "Always 1; the labels say what runs.", "version", "java", "netty");
    add(build, List.of(Build.version(), Build.java(), Build.netty()), 1);
    families.add(build);
  }

  private enum Direction {
    REQUEST("request"),
    REPLY("reply");

    private final String label;

    Direction(String label) {
      this.label = label;
    }
  }

  private static long sum(Front front, Direction direction, ToLongFunction<Account> what) {
    return front.lanes().stream()
        .map(direction == Direction.REQUEST ? Lane::requests : Lane::replies)
        .mapToLong(what)
        .sum();
  }

  private static void add(CounterMetricFamily family, List<String> labels, long value) {
    family.addMetric(labels, (double) value);
  }

  private static void add(GaugeMetricFamily family, List<String> labels, long value) {
    family.addMetric(labels, (double) value);
  }

  private static MetricFamilySamples.Sample sample(
      String name, List<String> labels, List<String> values, double value) {
    return new MetricFamilySamples.Sample(name, labels, values, value);
  }

  private static CounterMetricFamily counter(String name, String help, String... labels) {
    return new CounterMetricFamily(name, help, List.of(labels));
  }

  private static GaugeMetricFamily gauge(String name, String help, String... labels) {
    return new GaugeMetricFamily(name, help, List.of(labels));
  }
}
