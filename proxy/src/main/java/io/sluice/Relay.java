package io.sluice;

import static java.util.Comparator.comparing;
import static java.util.Comparator.comparingLong;

import com.sun.management.UnixOperatingSystemMXBean;
import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.DefaultExports;
import io.sluice.config.SluiceConfig;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.front.Front;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Workers;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Workers, pools and fronts, running; and what an operator can see of them. */
final class Relay implements Datapath, Appliance {
  private static final Logger log = LoggerFactory.getLogger(Relay.class);

  /** Beside flows: the JVM's own files, the admin API's connections, a margin. */
  private static final long OTHER_FDS = 512;

  private final String transport;
  private final SluiceConfig config;
  private final Workers workers;
  private final ScheduledExecutorService control;
  private final Map<String, Pool> pools;
  private final List<Front> fronts;
  private final CollectorRegistry metrics = new CollectorRegistry();
  private final Instant startedAt = Instant.now();
  private final long startedNanos = System.nanoTime();
  private volatile boolean draining;

  /**
   * @param pools by name; those of {@code config} once all have been opened
   * @param fronts those of {@code config} once all have been opened
   */
  Relay(
      String transport,
      SluiceConfig config,
      Workers workers,
      ScheduledExecutorService control,
      Map<String, Pool> pools,
      List<Front> fronts) {
    this.transport = transport;
    this.config = config;
    this.workers = workers;
    this.control = control;
    this.pools = pools;
    this.fronts = fronts;
    metrics.register(new RelayMetrics(fronts, pools.values()));
    DefaultExports.register(metrics);
    warnOfScarcity();
  }

  /** What the system will refuse before our own limits do, said at start rather than under load. */
  private void warnOfScarcity() {
    long listeners = 0;
    long flows = 0;
    long peers = 0;
    for (SluiceConfig.Front front : config.fronts()) {
      listeners += (long) front.listen().size() * workers.count();
      flows += front.flows().max() + (front.oneWay() ? 0 : front.flows().unassuredMax());
      if (front.peerSockets() == SluiceConfig.PeerSockets.CONNECTED) {
        peers += Math.min(front.flows().max(), Front.PEER_SOCKETS_MAX);
        warnOfOldKernel(front);
      }
    }
    if (OTHER_FDS + listeners + flows + peers > fdsMax()) {
      log.warn(
          "all flows.max and unassured-max together are {} flows, with a file descriptor each and"
              + " {} for peer sockets, but this process may open {}: flows beyond that are refused"
              + " as NO_FD; raise the limit (ulimit -n, LimitNOFILE, --ulimit nofile) or lower"
              + " flows.max",
          flows,
          peers,
          fdsMax());
    }
    long ports = KernelFeatures.localPorts();
    if (flows > ports) {
      log.warn(
          "all flows.max and unassured-max together are {} flows, with a local port each, but"
              + " net.ipv4.ip_local_port_range has {}: flows beyond that are refused as NO_PORT;"
              + " widen the range or lower flows.max",
          flows,
          ports);
    }
  }

  private static void warnOfOldKernel(SluiceConfig.Front front) {
    if (!KernelFeatures.findsConnectedSocketsFast()) {
      log.warn(
          "front {}: peer-sockets = connected, but this is Linux {}: before 6.13 every datagram for"
              + " a local port walks past all sockets on it; shared is faster here",
          front.name(),
          KernelFeatures.version());
    }
  }

  @Override
  public Appliance appliance() {
    return this;
  }

  @Override
  public void drain(Duration timeout) throws InterruptedException {
    draining = true;
    fronts.forEach(Front::drain);
    long deadline = System.nanoTime() + timeout.toNanos();
    while (flowCount() > 0 && System.nanoTime() - deadline < 0) {
      Thread.sleep(20);
    }
    if (flowCount() > 0) {
      log.info("drain-timeout is over: ending {} flows", flowCount());
    }
  }

  @Override
  public void close() {
    draining = true;
    fronts.forEach(Front::close);
    pools.values().forEach(Pool::close);
    workers.close();
    control.shutdownNow();
  }

  @Override
  public boolean ready() {
    return !draining;
  }

  @Override
  public Status status() {
    return new Status(
        Build.version(),
        Build.java(),
        Build.netty(),
        transport,
        draining ? Phase.DRAINING : Phase.RUNNING,
        startedAt,
        Duration.ofNanos(System.nanoTime() - startedNanos),
        workers.count(),
        flowCount(),
        fdsOpen(),
        fdsMax());
  }

  @Override
  public List<FrontStatus> fronts() {
    return fronts.stream().map(Relay::status).sorted(comparing(FrontStatus::name)).toList();
  }

  private static FrontStatus status(Front front) {
    long flows = front.flows().count();
    long assured = front.flows().assuredCount();
    return new FrontStatus(
        front.name(),
        front.bound().stream().map(Address::toInetSocketAddress).toList(),
        front.pool().name(),
        flows,
        assured,
        Math.max(0, flows - assured),
        front.flows().limits().max(),
        front.flows().opened(),
        front.kernelDrops());
  }

  @Override
  public List<PoolStatus> pools() {
    return config.pools().stream()
        .map(
            pool ->
                new PoolStatus(
                    pool.name(),
                    pool.balance().policy(),
                    pool.affinity().key(),
                    pool(pool.name()).backends().stream().map(Relay::status).toList()))
        .sorted(comparing(PoolStatus::name))
        .toList();
  }

  private Pool pool(String name) {
    Pool pool = pools.get(name);
    if (pool == null) {
      throw new IllegalStateException("no pool " + name);
    }
    return pool;
  }

  private static BackendStatus status(Backend backend) {
    Backend.View view = backend.view();
    return new BackendStatus(
        backend.name(),
        backend.address(),
        backend.weight(),
        view.state().name(),
        view.eligible(),
        view.reason(),
        view.since(),
        view.flows(),
        view.unreachable(),
        view.ejections(),
        view.requests(),
        view.replies());
  }

  @Override
  public FlowPage flows(FlowQuery query) {
    // The lowest ids above the cursor, out of however many: a heap no larger than the page and one
    // row more.
    PriorityQueue<FrontFlow> page = new PriorityQueue<>(comparingLong(row -> -row.flow.id()));
    all(query)
        .forEach(
            row -> {
              page.add(row);
              if (page.size() > query.limit() + 1) {
                page.remove();
              }
            });
    List<FrontFlow> rows =
        page.stream().sorted(comparingLong(row -> row.flow.id())).limit(query.limit()).toList();
    boolean more = page.size() > query.limit();
    long now = System.nanoTime();
    Instant wall = Instant.now();
    return new FlowPage(
        rows.stream().map(row -> status(row, now, wall)).toList(),
        more ? Optional.of(rows.getLast().flow.id()) : Optional.empty());
  }

  private record FrontFlow(Front front, Flow flow) {}

  private Stream<FrontFlow> all(FlowQuery query) {
    return fronts.stream()
        .filter(front -> query.front().isEmpty() || query.front().get().equals(front.name()))
        .flatMap(front -> front.flows().all().stream().map(flow -> new FrontFlow(front, flow)))
        .filter(row -> row.flow.id() > query.after())
        .filter(
            row ->
                query.backend().isEmpty()
                    || query.backend().get().equals(row.flow.backend().name()))
        .filter(row -> query.client().isEmpty() || isFrom(query.client().get(), row.flow));
  }

  private static boolean isFrom(Client wanted, Flow flow) {
    InetSocketAddress client = flow.key().client().toInetSocketAddress();
    return client.getAddress().equals(wanted.address())
        && (wanted.port() == 0 || wanted.port() == client.getPort());
  }

  private static FlowStatus status(FrontFlow row, long now, Instant wall) {
    Flow flow = row.flow;
    Address listen = row.front.bound().get(flow.key().listener());
    return new FlowStatus(
        flow.id(),
        row.front.name(),
        flow.key().client().toInetSocketAddress(),
        flow.key().local(listen).toInetSocketAddress(),
        row.front.pool().name(),
        flow.backend().name(),
        flow.worker().index(),
        flow.isAssured(),
        wall.minusNanos(now - flow.openedAt()),
        Duration.ofNanos(Math.max(0, now - flow.seenAt())),
        flow.requests(),
        flow.replies(),
        flow.requestBytes(),
        flow.replyBytes());
  }

  @Override
  public List<Ledger> drops() {
    return fronts.stream()
        .map(
            front ->
                new Ledger(front.name(), side(front, Lane::requests), side(front, Lane::replies)))
        .sorted(comparing(Ledger::front))
        .toList();
  }

  /**
   * Read back to front, what went out before what came in, so that under load nothing seems to have
   * gone out that never came in.
   */
  private static Ledger.Side side(Front front, Function<Lane, Account> direction) {
    List<Account> accounts = front.lanes().stream().map(direction).toList();
    Map<Drop, Long> dropped = new EnumMap<>(Drop.class);
    for (Drop drop : Drop.values()) {
      dropped.put(drop, accounts.stream().mapToLong(account -> account.dropped(drop)).sum());
    }
    long forwarded = accounts.stream().mapToLong(Account::forwarded).sum();
    long pending = accounts.stream().mapToLong(Account::underWay).sum();
    long received = accounts.stream().mapToLong(Account::received).sum();
    return new Ledger.Side(received, forwarded, dropped, pending);
  }

  @Override
  public CollectorRegistry metrics() {
    return metrics;
  }

  private long flowCount() {
    return fronts.stream().mapToLong(front -> front.flows().count()).sum();
  }

  static long fdsOpen() {
    return os().getOpenFileDescriptorCount();
  }

  static long fdsMax() {
    return os().getMaxFileDescriptorCount();
  }

  private static UnixOperatingSystemMXBean os() {
    return (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  }
}
