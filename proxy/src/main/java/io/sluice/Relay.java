package io.sluice;

import static java.util.Comparator.comparing;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.hotspot.DefaultExports;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Discoveries;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.front.Explanation;
import io.sluice.front.Front;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Journal;
import io.sluice.net.Address;
import io.sluice.net.Autoscaler;
import io.sluice.net.Dialer;
import io.sluice.net.Worker;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.trace.Capture;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Workers, pools and fronts, running; and what an operator can see of them. */
final class Relay implements Datapath, Appliance {
  private static final Logger log = LoggerFactory.getLogger(Relay.class);

  private final String transport;
  private final Plant plant;
  private final Door door;
  private final Discovering discovering;
  private final Discoveries discoveries;
  private final Collection<Front> fronts;
  private final Map<String, Pool> pools;
  private final CollectorRegistry metrics;
  private final Instant startedAt = Instant.now();
  private final long startedNanos = System.nanoTime();
  private volatile boolean draining;

  Relay(
      String transport,
      Plant plant,
      Door door,
      Discovering discovering,
      Discoveries discoveries,
      CollectorRegistry metrics) {
    this.transport = transport;
    this.plant = plant;
    this.door = door;
    this.discovering = discovering;
    this.discoveries = discoveries;
    this.metrics = metrics;
    fronts = plant.fronts;
    pools = plant.pools;
    metrics.register(new TraceMetrics(plant.traces));
    metrics.register(
        new RelayMetrics(fronts, pools.values(), this::workers, plant.dialers, plant.ports.fds()));
    DefaultExports.register(metrics);
    door.onApplied(discovering::follow);
  }

  @Override
  public Appliance appliance() {
    return this;
  }

  @Override
  public void drain(Duration timeout) throws InterruptedException {
    draining = true;
    journal().enter(Journal.Kind.APPLIANCE, "", Phase.DRAINING.name(), "told to stop");
    door.close();
    discovering.close();
    plant.drain(timeout);
    if (plant.flowCount() > 0) {
      log.info("drain-timeout is over: ending {} flows", plant.flowCount());
    }
  }

  @Override
  public void close() {
    draining = true;
    door.close();
    discovering.close();
    discoveries.close();
    plant.close();
  }

  @Override
  public boolean ready() {
    return !draining && !discovering.isWarmingUp();
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
        plant.workers.active(),
        plant.flowCount(),
        Supply.fdsOpen(),
        Supply.fdsMax(),
        plant.ports.fds().free());
  }

  @Override
  public WorkersStatus workers() {
    Autoscaler.View view = plant.autoscaler.view();
    List<WorkerStatus> each = new ArrayList<>();
    for (Worker worker : plant.workers) {
      int i = worker.index();
      each.add(
          new WorkerStatus(
              i,
              i < view.active(),
              fronts.stream().mapToLong(front -> front.listenersOn(worker)).sum(),
              fronts.stream().mapToLong(front -> front.flowsOn(worker)).sum(),
              view.utilisation().get(i)));
    }
    return new WorkersStatus(
        view.active(),
        view.min(),
        view.max(),
        view.fixed() ? Scaling.FIXED : Scaling.AUTOMATIC,
        each);
  }

  @Override
  public void scale(int count) {
    plant.autoscaler.fix(count);
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
    return door.config().pools().stream()
        .filter(pool -> pools.containsKey(pool.name()))
        .map(
            pool ->
                new PoolStatus(
                    pool.name(),
                    pool.balance().policy(),
                    pool.affinity().key(),
                    pool(pool.name()).backends().stream()
                        .map(backend -> status(backend, origin(pool, backend)))
                        .toList(),
                    pool(pool.name()).leaving().stream().map(Relay::leaving).toList(),
                    portsFree(pool.name()),
                    discovering.status(pool.name())))
        .sorted(comparing(PoolStatus::name))
        .toList();
  }

  private static String origin(SluiceConfig.Pool pool, Backend backend) {
    return pool.backends().stream().anyMatch(each -> each.name().equals(backend.name()))
        ? "configured"
        : pool.discovery().map(discovery -> discovery.origin().kind()).orElse("configured");
  }

  private Map<String, Integer> portsFree(String pool) {
    Dialer dialer = plant.dialers.get(pool);
    return dialer == null ? Map.of() : dialer.free();
  }

  private Pool pool(String name) {
    Pool pool = pools.get(name);
    if (pool == null) {
      throw new IllegalArgumentException("no pool '" + name + "'");
    }
    return pool;
  }

  private static BackendStatus status(Backend backend, String origin) {
    Backend.View view = backend.view();
    return new BackendStatus(
        backend.name(),
        backend.address(),
        backend.weight(),
        view.state().name(),
        view.eligible(),
        view.score(),
        view.reason(),
        view.since(),
        view.flows(),
        Duration.ofNanos(view.latencyNanos()),
        view.unreachable(),
        view.ejections(),
        view.requests(),
        view.replies(),
        view.dossier(),
        origin);
  }

  private static LeavingStatus leaving(Backend backend) {
    return new LeavingStatus(backend.name(), backend.address(), backend.load());
  }

  @Override
  public List<String> drain(String pool, String backend, Optional<Duration> deadline) {
    return door.drained(pool, backend, true, () -> await(pool(pool).drain(backend, deadline)));
  }

  @Override
  public List<String> enable(String pool, String backend) {
    return door.drained(pool, backend, false, () -> await(pool(pool).enable(backend)));
  }

  /** Not for ever: control may be stopping. */
  private static void await(Future<?> decided) {
    try {
      decided.get(5, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  @Override
  public ConfigStatus config() {
    return door.status();
  }

  @Override
  public List<Problem> validate(String hocon) {
    return door.validate(hocon);
  }

  @Override
  public Applied configure(String hocon, Consumer<ConfigStatus> condition)
      throws InvalidConfig, Refused {
    return door.configure(hocon, condition);
  }

  @Override
  public Applied reload() throws InvalidConfig, Refused {
    return door.reload();
  }

  @Override
  public Applied change(
      String pool, String backend, UnaryOperator<Optional<SluiceConfig.Backend>> edit)
      throws InvalidConfig, Refused {
    return door.change(pool, backend, edit);
  }

  @Override
  public boolean end(long flowId) {
    Optional<Flow> flow =
        fronts.stream()
            .flatMap(front -> front.flows().all().stream())
            .filter(each -> each.id() == flowId)
            .findAny();
    flow.ifPresent(each -> each.close(CloseReason.ENDED));
    return flow.isPresent();
  }

  @Override
  public Explanation explain(ExplainQuery query) {
    return fronts.stream()
        .filter(front -> front.name().equals(query.front()))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no front '" + query.front() + "'"))
        .explain(query.client(), query.local(), query.payload());
  }

  @Override
  public FlowPage flows(FlowQuery query) {
    return FlowPages.page(fronts, query);
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
    // a loop may have booked what it took before the other one has booked that it handed it over
    long pending = Math.max(0, accounts.stream().mapToLong(Account::underWay).sum());
    long received = accounts.stream().mapToLong(Account::received).sum();
    long bytes = accounts.stream().mapToLong(Account::bytes).sum();
    return new Ledger.Side(received, forwarded, dropped, pending, bytes);
  }

  @Override
  public Capture capture(Capture.Spec wanted) {
    return Watching.begin(wanted, fronts, plant.workers, plant.traces.captures());
  }

  @Override
  public Optional<byte[]> recorded() {
    return Watching.recorded(plant.workers, plant.traces);
  }

  @Override
  public Journal journal() {
    return plant.journal;
  }

  @Override
  public CollectorRegistry metrics() {
    return metrics;
  }

  @Override
  public SluiceConfig inForce() {
    return door.config();
  }

  @Override
  public void onApplied(Consumer<Document> each) {
    door.onApplied(each);
  }

  @Override
  public void onInvalid(Consumer<InvalidConfig> each) {
    door.onInvalid(each);
  }
}
