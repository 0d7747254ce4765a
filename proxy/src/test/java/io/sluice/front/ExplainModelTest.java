package io.sluice.front;

import static java.time.Duration.ZERO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.awaitility.Durations.ONE_MILLISECOND;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.Keys;
import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.filter.Filters;
import io.sluice.filter.Network;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.front.Explanation.Outcome;
import io.sluice.metrics.Drop;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Probing;
import io.sluice.pool.Silence;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What explain says is what the datapath does, of whatever comes. */
@Timeout(120)
class ExplainModelTest {
  private static final List<Balancer.Factory> POLICIES =
      List.of(
          Policies.maglev(),
          Policies.ketama(),
          Policies.weightedRoundRobin(),
          Policies.leastLoad(),
          Policies.leastLatency(),
          Policies.random());

  /** Which questions were asked in all, and answered how. */
  private static final Set<String> seen = new TreeSet<>();

  @AutoClose private final ServedFront served = new ServedFront();

  @AfterAll
  static void everyAnswerCameUp() {
    assertThat(seen)
        .contains(
            "FLOW HIT",
            "FLOW MISS",
            "REHOME MOVE",
            "REHOME STAY",
            "REHOME DROP",
            "LIMIT DROP",
            "FILTER PASS",
            "FILTER DROP",
            "BUDGET DROP",
            "MEMBERS DROP",
            "CHOICE PASS",
            "CHOICE UNKNOWN");
  }

  /** Sixteen, or as many as {@code -Dexplain.seeds} says. */
  static LongStream seeds() {
    return LongStream.rangeClosed(1, Long.getLong("explain.seeds", 16));
  }

  /** Random pools, health, clients and time; each datagram is explained first, then sent. */
  @ParameterizedTest
  @MethodSource("seeds")
  void whatIsExplainedIsWhatHappens(long seed) throws Exception {
    Random random = new Random(seed);
    InetSocketAddress at = serve(random);
    List<Client> clients = new ArrayList<>();
    int told = 0;
    for (int step = 0; step < 120; step++) {
      if (random.nextInt(3) == 0) {
        change(random);
      }
      Client client = client(random, clients);
      awaitNoneLingers();
      List<String> before = health();
      Explanation explained = served.explain(client, at);
      Explanation again = served.explain(client, at);
      assertThat(health().equals(before) ? again : explained).isEqualTo(explained);
      Explanation real = send(client, at);
      explained.steps().forEach(each -> seen.add(each.stage() + " " + each.verdict()));
      if (health().equals(before)) { // else control has decided in between
        assertThat(real.outcome())
            .as("seed %d, step %d: %s", seed, step, explained)
            .isEqualTo(explained.outcome());
        assertThat(real.reason()).as("seed %d, step %d", seed, step).isEqualTo(explained.reason());
        if (explained.backend().isPresent()) {
          assertThat(real.backend())
              .as("seed %d, step %d: %s", seed, step, explained)
              .isEqualTo(explained.backend());
        }
        told++;
      }
    }
    assertThat(told).isGreaterThan(90);
  }

  private InetSocketAddress serve(Random random) throws Exception {
    Balancer.Factory policy = POLICIES.get(random.nextInt(POLICIES.size()));
    boolean all = random.nextBoolean();
    Duration slowStart = Duration.ofSeconds(random.nextBoolean() ? 60 : 0);
    int[] weights = random.ints(5, 1, 4).toArray();
    served
        .key(Keys.sourceAddress())
        .limits(
            new Limits(
                random.nextInt(4) == 0 ? 6 : 1_000,
                Duration.ofHours(9),
                Duration.ofHours(9),
                1_000,
                random.nextInt(3) == 0 ? 3 : 1_000,
                false,
                random.nextInt(3) == 0 ? 1 : 1_000,
                random.nextBoolean()))
        .pool(
            servers ->
                new Pool.Spec(
                    "pool",
                    policy,
                    IntStream.range(0, servers.size())
                        .mapToObj(
                            i ->
                                new Pool.Spec.Server(
                                    servers.get(i).name(), servers.get(i).address(), weights[i]))
                        .toList(),
                    ServedFront.RULES,
                    Silence.USUAL,
                    100,
                    all,
                    true,
                    slowStart,
                    Probing.USUAL))
        .filters(
            Filters.accessList(
                List.of(), List.of(Network.of(InetAddress.ofLiteral("127.0.0.3"), 32))),
            Filters.rateLimit(
                random.nextBoolean() ? Filters.Per.SOURCE_IP : Filters.Per.FLOW, 2, 10, 0));
    EchoServer[] backends = new EchoServer[1 + random.nextInt(5)];
    for (int i = 0; i < backends.length; i++) {
      backends[i] = served.echo();
    }
    return served.serve(backends);
  }

  /** Somebody drains or enables a backend, one is proven guilty, or time passes. */
  private void change(Random random) throws Exception {
    Pool pool = served.front().pool();
    Backend backend = pool.backends().get(random.nextInt(pool.backends().size()));
    switch (random.nextInt(5)) {
      case 0 -> pool.drain(backend.name(), Optional.empty()).get();
      case 1 -> pool.drain(backend.name(), Optional.of(Duration.ZERO)).get();
      case 2 -> pool.enable(backend.name()).get();
      case 3 -> {
        for (int i = 0; i < 3; i++) {
          backend.refused(FlowTable.nextId());
        }
      }
      default -> served.advance(Duration.ofMillis(random.nextInt(8_000)));
    }
    served.control.submit(() -> {}).get();
  }

  private Client client(Random random, List<Client> clients) throws Exception {
    if (clients.isEmpty() || random.nextInt(4) == 0) {
      clients.add(served.client("127.0.0." + (1 + random.nextInt(4))));
    }
    return clients.get(random.nextInt(clients.size()));
  }

  /** Flows that have left their backend are its load for a moment still. */
  private void awaitNoneLingers() {
    await()
        .pollInSameThread()
        .pollDelay(ZERO)
        .pollInterval(ONE_MILLISECOND)
        .until(
            () ->
                served.front().pool().backends().stream().mapToInt(Backend::load).sum()
                    == served.front().flows().all().size());
  }

  private List<String> health() {
    served.workers.onEach(worker -> {});
    return served.front().pool().backends().stream()
        .map(
            each ->
                each.name()
                    + each.view().state()
                    + each.eligible()
                    + each.patienceNs()
                    + each.sharePercent()
                    + each.latencyNanos())
        .toList();
  }

  /** What really happens to it; of the steps, nothing. */
  private Explanation send(Client client, InetSocketAddress at) throws Exception {
    Flow before = served.flow(client);
    Map<Drop, Long> drops = drops();
    client.send(at, (byte) 1);
    await()
        .pollInSameThread()
        .pollDelay(ZERO)
        .pollInterval(ONE_MILLISECOND)
        .until(() -> client.receive(1) != null || !drops().equals(drops));
    Map<Drop, Long> dropped = drops();
    Optional<Drop> reason =
        EnumSet.allOf(Drop.class).stream()
            .filter(each -> !Objects.equals(dropped.get(each), drops.get(each)))
            .findFirst();
    if (reason.isPresent()) {
      return new Explanation(Outcome.DROP, reason, "pool", Optional.empty(), List.of());
    }
    Flow after = served.flow(client);
    return new Explanation(
        before == null ? Outcome.FORWARD : Outcome.EXISTING_FLOW,
        Optional.empty(),
        "pool",
        Optional.ofNullable(after).map(flow -> flow.backend().name()),
        List.of());
  }

  private Map<Drop, Long> drops() {
    served.workers.onEach(worker -> {});
    Map<Drop, Long> drops = new EnumMap<>(Drop.class);
    for (Lane lane : served.front().lanes()) {
      for (Drop drop : Drop.values()) {
        drops.merge(drop, lane.requests().dropped(drop), Long::sum);
      }
    }
    return drops;
  }
}
