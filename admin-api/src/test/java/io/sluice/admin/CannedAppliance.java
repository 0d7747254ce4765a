package io.sluice.admin;

import com.typesafe.config.ConfigUtil;
import io.netty.util.NetUtil;
import io.prometheus.client.CollectorRegistry;
import io.sluice.Appliance;
import io.sluice.Refused;
import io.sluice.config.ConfigReader;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Names;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Explanation;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Journal;
import io.sluice.trace.Capture;
import io.sluice.trace.Captures;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

/** An appliance that says what a test told it to. */
final class CannedAppliance implements Appliance {
  /** A right configuration. */
  static final String HOCON =
      """
      sluice {
        fronts { dns { listen = ["127.0.0.1:5300"], pool = resolvers } }
        pools { resolvers { backends { a { address = "127.0.0.1:53" } } } }
      }
      """;

  private static final Names NAMES =
      new Names(Set.of("maglev"), Set.of("source-address"), Set.of("dns"), Set.of());

  final CollectorRegistry metrics = new CollectorRegistry();
  final Journal journal = new Journal(() -> Statuses.START);
  final ConcurrentSkipListMap<Long, FlowStatus> flows = new ConcurrentSkipListMap<>();
  final List<FlowQuery> queries = new ArrayList<>();
  volatile List<FrontStatus> fronts = List.of(Statuses.front("dns"), Statuses.front("syslog"));
  volatile List<PoolStatus> pools =
      List.of(Statuses.pool("resolvers", "a"), Statuses.pool("collectors", "b"));
  volatile List<Ledger> ledgers =
      List.of(
          new Ledger(
              "dns",
              new Ledger.Side(10, 6, Map.of(Drop.OVERSIZE, 2L, Drop.NO_FD, 1L), 1, 900),
              new Ledger.Side(6, 5, Map.of(Drop.OVERSIZE, 1L), 0, 480)));
  volatile Phase phase = Phase.RUNNING;
  volatile boolean ready = true;
  volatile Runnable whenListing = () -> {};
  volatile Runnable whenScaling = () -> {};

  /** Before a backend is changed, drained or enabled. */
  volatile Runnable whenWishing = () -> {};

  /** Drains and enables, as they were asked for. */
  List<String> warnings = List.of();

  final List<String> wishes = new CopyOnWriteArrayList<>();

  final Captures captures = new Captures("test", System::nanoTime);

  /** As they were begun. */
  final List<Capture> begunCaptures = new CopyOnWriteArrayList<>();

  volatile Optional<byte[]> recorded = Optional.of(new byte[] {1, 2, 3});

  /** In force, and what a reload reads. */
  volatile String hocon = HOCON;

  volatile String file = HOCON;

  /** Why nothing can be put in force. */
  volatile Optional<String> refusal = Optional.empty();

  /** As was last said; 0: the load decides. */
  volatile int count;

  /** A backend that has been removed. */
  void leaves(String pool, String backend, long flows) {
    var gone = List.of(new LeavingStatus(backend, address("192.0.2.9", 53), flows));
    pools =
        pools.stream()
            .map(p -> p.name().equals(pool) ? Statuses.with(p, p.backends(), gone) : p)
            .toList();
  }

  static InetSocketAddress address(String literal, int port) {
    return new InetSocketAddress(java.net.InetAddress.ofLiteral(literal), port);
  }

  /** Adds flows {@code first} to {@code last} of front dns to backend a. */
  void open(long first, long last) {
    for (long id = first; id <= last; id++) {
      flows.put(
          id, Statuses.flow(id, "dns", "a", address("192.0.2.1", (int) (1_024 + id % 60_000))));
    }
  }

  @Override
  public boolean ready() {
    return ready;
  }

  @Override
  public Status status() {
    return new Status(
        "0.1.0",
        "25",
        "4.2",
        "epoll",
        phase,
        Statuses.START,
        Duration.ofMillis(90_500),
        2,
        3,
        40,
        1_024,
        512);
  }

  @Override
  public WorkersStatus workers() {
    int active = count == 0 ? 1 : count;
    return new WorkersStatus(
        active,
        1,
        2,
        count == 0 ? Scaling.AUTOMATIC : Scaling.FIXED,
        List.of(
            new WorkerStatus(0, true, 4 - 2L * (active - 1), 12, 0.1254),
            new WorkerStatus(1, active == 2, 2L * (active - 1), 3, 0)));
  }

  @Override
  public void scale(int wanted) {
    whenScaling.run();
    if (wanted > 2) {
      throw new IllegalArgumentException("must be 1 to 2, or 0 for automatic, not " + wanted);
    }
    count = wanted;
  }

  @Override
  public List<String> drain(String pool, String backend, Optional<Duration> deadline) {
    whenWishing.run();
    wishes.add("drain " + pool + "/" + backend + deadline.map(d -> " within " + d).orElse(""));
    return warnings;
  }

  @Override
  public List<String> enable(String pool, String backend) {
    whenWishing.run();
    wishes.add("enable " + pool + "/" + backend);
    return warnings;
  }

  @Override
  public List<FrontStatus> fronts() {
    return fronts;
  }

  @Override
  public List<PoolStatus> pools() {
    return pools;
  }

  @Override
  public ConfigStatus config() {
    return new ConfigStatus(
        Conditions.etag(hocon).replace("\"", ""),
        "sluice.conf",
        Statuses.START,
        Map.of("pools", Map.of("resolvers", Map.of("backends", List.of("a", 1, true)))));
  }

  @Override
  public List<Problem> validate(String text) {
    try {
      ConfigReader.read("request", text, NAMES);
      return List.of();
    } catch (InvalidConfig e) {
      return e.problems();
    }
  }

  @Override
  public Applied configure(String text, Consumer<ConfigStatus> condition)
      throws InvalidConfig, Refused {
    condition.accept(config());
    return apply(text);
  }

  @Override
  public Applied reload() throws InvalidConfig, Refused {
    return apply(file);
  }

  private Applied apply(String text) throws InvalidConfig, Refused {
    ConfigReader.read("request", text, NAMES);
    if (refusal.isPresent()) {
      throw new Refused(refusal.get());
    }
    List<String> changes = text.equals(hocon) ? List.of() : List.of("another text");
    hocon = text;
    return new Applied(config().version(), changes, warnings);
  }

  @Override
  public Applied change(
      String pool, String backend, UnaryOperator<Optional<SluiceConfig.Backend>> edit)
      throws InvalidConfig, Refused {
    whenWishing.run();
    PoolStatus before = pools.stream().filter(p -> p.name().equals(pool)).findFirst().orElseThrow();
    Optional<SluiceConfig.Backend> now =
        before.backends().stream()
            .filter(b -> b.name().equals(backend))
            .map(b -> new SluiceConfig.Backend(b.name(), b.address(), b.weight()))
            .findFirst();
    List<BackendStatus> backends = new ArrayList<>(before.backends());
    backends.removeIf(b -> b.name().equals(backend));
    edit.apply(now)
        .ifPresent(b -> backends.add(Statuses.backend(b.name(), b.address(), b.weight(), "UP")));
    String each =
        backends.stream()
            .map(
                b ->
                    "%s { address = \"%s\", weight = %d }"
                        .formatted(
                            ConfigUtil.quoteString(b.name()),
                            NetUtil.toSocketAddressString(b.address()),
                            b.weight()))
            .collect(Collectors.joining(", "));
    Applied applied =
        apply(
            "sluice { fronts { f { listen = [\"127.0.0.1:1\"], pool = p } }, pools { p { backends {"
                + each
                + "} } } }");
    PoolStatus after = Statuses.with(before, backends, before.leaving());
    pools = pools.stream().map(p -> p.equals(before) ? after : p).toList();
    return applied;
  }

  @Override
  public Explanation explain(ExplainQuery query) {
    if (query.payload().length > 1_500) {
      return explained(Explanation.Outcome.DROP, Optional.of(Drop.OVERSIZE), Optional.empty());
    }
    if (query.local().map(at -> at.getPort() != 53).orElse(false)) {
      throw new IllegalArgumentException("front 'dns' does not listen there");
    }
    return explained(Explanation.Outcome.FORWARD, Optional.empty(), Optional.of("a"));
  }

  private static Explanation explained(
      Explanation.Outcome outcome, Optional<Drop> reason, Optional<String> backend) {
    var step = new Explanation.Step(Explanation.Stage.SIZE, Explanation.Verdict.PASS, "as told");
    return new Explanation(outcome, reason, "resolvers", backend, List.of(step));
  }

  @Override
  public boolean end(long flowId) {
    return flows.remove(flowId) != null;
  }

  @Override
  public FlowPage flows(FlowQuery query) {
    synchronized (queries) {
      queries.add(query);
    }
    whenListing.run();
    List<FlowStatus> found =
        flows.tailMap(query.after(), false).values().stream()
            .filter(flow -> query.front().map(flow.front()::equals).orElse(true))
            .filter(flow -> query.backend().map(flow.backend()::equals).orElse(true))
            .filter(flow -> query.client().map(client -> matches(client, flow)).orElse(true))
            .limit(query.limit() + 1L)
            .toList();
    return found.size() > query.limit()
        ? new FlowPage(
            found.subList(0, query.limit()), Optional.of(found.get(query.limit() - 1).id()))
        : new FlowPage(found, Optional.empty());
  }

  private static boolean matches(Client client, FlowStatus flow) {
    return client.address().equals(flow.client().getAddress())
        && (client.port() == 0 || client.port() == flow.client().getPort());
  }

  @Override
  public List<Ledger> drops() {
    return ledgers;
  }

  @Override
  public Capture capture(Capture.Spec wanted) {
    Capture begun = captures.begin(wanted, List.of("front/dns", "pool/resolvers"), 1, ended -> {});
    begunCaptures.add(begun);
    return begun;
  }

  @Override
  public Optional<byte[]> recorded() {
    return recorded;
  }

  @Override
  public Journal journal() {
    return journal;
  }

  @Override
  public CollectorRegistry metrics() {
    return metrics;
  }
}
