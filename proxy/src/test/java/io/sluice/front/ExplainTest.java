package io.sluice.front;

import static java.time.Duration.ZERO;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
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
import io.sluice.front.Explanation.Stage;
import io.sluice.front.Explanation.Step;
import io.sluice.front.Explanation.Verdict;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Probing;
import io.sluice.pool.Silence;
import io.sluice.pool.State;
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
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What explain says is what the datapath does. */
@Timeout(120)
class ExplainTest {
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
      Explanation explained = explain(client, at);
      Explanation again = explain(client, at);
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
            Filters.accessList(List.of(), List.of(Network.of(ip("127.0.0.3"), 32))),
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

  private Explanation explain(Client client, InetSocketAddress at) {
    return served.front().explain(client.address(), Optional.of(at), new byte[] {1});
  }

  /** What really happens to it; of the steps, nothing. */
  private Explanation send(Client client, InetSocketAddress at) throws Exception {
    Flow before = flow(client);
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
    Flow after = flow(client);
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

  private @Nullable Flow flow(Client client) {
    served.workers.onEach(worker -> {});
    return served.front().flows().all().stream()
        .filter(flow -> flow.key().client().toInetSocketAddress().equals(client.address()))
        .findFirst()
        .orElse(null);
  }

  @Test
  void aFlowOfABackendThatIsOutIsSaidToMoveAndWhy() throws Exception {
    InetSocketAddress at =
        served.key(Keys.sourceAddress()).pool(this::maglev).serve(served.echo(), served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1);
    Backend own = Optional.ofNullable(flow(client)).orElseThrow().backend();
    eject(own);
    Explanation explained = explain(client, at);
    assertThat(explained.outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(explained.backend()).isPresent().isNotEqualTo(Optional.of(own.name()));
    assertThat(step(explained, Stage.REHOME).verdict()).isEqualTo(Verdict.MOVE);
    assertThat(step(explained, Stage.REHOME).why())
        .startsWith(own.name() + " is EJECTED (")
        .endsWith("goes to " + explained.backend().orElseThrow());
    Explanation newcomer = explain(served.client(), at);
    assertThat(step(newcomer, Stage.MEMBERS).why()).contains("; not " + own.name() + " EJECTED (");
  }

  private Pool.Spec maglev(List<Pool.Spec.Server> servers) {
    return new Pool.Spec("pool", Policies.maglev(), servers, ServedFront.RULES, false);
  }

  private void eject(Backend backend) {
    for (int i = 0; i < 3; i++) {
      backend.refused(FlowTable.nextId());
    }
    await().until(() -> backend.view().state() == State.EJECTED && !backend.eligible());
  }

  @Test
  void aNewcomersWayIsToldInTheOrderOfTheDatapath() throws Exception {
    InetSocketAddress at =
        served
            .key(Keys.sourceAddress())
            .pool(this::maglev)
            .filters(Filters.rateLimit(Filters.Per.SOURCE_IP, 10, 5, 0))
            .serve(served.echo());
    Explanation explained = explain(served.client(), at);
    assertThat(explained.outcome()).isEqualTo(Outcome.FORWARD);
    assertThat(explained.backend()).hasValue("b0");
    assertThat(explained.pool()).isEqualTo("pool");
    assertThat(explained.steps())
        .extracting(Step::stage)
        .containsExactly(
            Stage.LISTEN,
            Stage.SIZE,
            Stage.SOURCE,
            Stage.FLOW,
            Stage.LIMIT,
            Stage.BUDGET,
            Stage.FILTER,
            Stage.KEY,
            Stage.MEMBERS,
            Stage.CHOICE,
            Stage.LINK);
    assertThat(step(explained, Stage.MEMBERS).why()).isEqualTo("b0 (weight 1, UP)");
    assertThat(step(explained, Stage.FILTER).why())
        .isEqualTo("f0: all left of a limit of 10 a second, in bursts of 5, per source-ip");
    assertThat(served.requests(Account::received)).isZero();
    assertThat(served.front().flows().opened()).isZero();
  }

  @Test
  void whatIsTooLongOrCannotBeAnsweredEndsThere() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Front front = served.front();
    var client = new InetSocketAddress(ip("192.0.2.1"), 7);
    assertThat(front.explain(client, Optional.empty(), new byte[1_501]).reason())
        .hasValue(Drop.OVERSIZE);
    for (String nobody : List.of("0.0.0.0", "255.255.255.255", "224.0.0.1")) {
      var from = new InetSocketAddress(ip(nobody), 7);
      assertThat(front.explain(from, Optional.of(at), new byte[0]).reason())
          .hasValue(Drop.BAD_SOURCE);
    }
    assertThat(
            front
                .explain(new InetSocketAddress(ip("192.0.2.1"), 0), Optional.empty(), new byte[0])
                .reason())
        .hasValue(Drop.BAD_SOURCE);
    front.drain();
    assertThat(front.explain(client, Optional.empty(), new byte[0]).reason())
        .hasValue(Drop.DRAINING);
  }

  @Test
  void onAWildcardTheFlowIsFoundByTheAddressItsClientUsed() throws Exception {
    InetSocketAddress at = served.listen(ServedFront.any("0.0.0.0")).serve(served.echo());
    var one = new InetSocketAddress(ip("127.0.0.1"), at.getPort());
    var other = new InetSocketAddress(ip("127.0.0.2"), at.getPort());
    Client client = served.client("127.0.0.9");
    client.ask(one, (byte) 1);
    assertThat(explain(client, one).outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(explain(client, other).outcome()).isEqualTo(Outcome.FORWARD);
    Explanation somewhere = served.front().explain(client.address(), Optional.empty(), new byte[0]);
    assertThat(somewhere.outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(step(somewhere, Stage.LISTEN).why()).startsWith("sent to " + "127.0.0.1:");
  }

  @Test
  void whereTheFrontDoesNotListenIsSaid() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    var client = new InetSocketAddress(ip("::1"), 7);
    assertThatThrownBy(() -> served.front().explain(client, Optional.empty(), new byte[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "front 'test' listens at [127.0.0.1:%d]: a datagram of [::1]:7 does not get there"
                .formatted(at.getPort()));
    var elsewhere = new InetSocketAddress(ip("127.0.0.1"), at.getPort() == 9 ? 10 : 9);
    var v4 = new InetSocketAddress(ip("127.0.0.1"), 7);
    assertThatThrownBy(() -> served.front().explain(v4, Optional.of(elsewhere), new byte[0]))
        .hasMessageContaining("to 127.0.0.1:" + elsewhere.getPort());
  }

  @Test
  void chanceIsSaidToBeChance() throws Exception {
    served
        .pool(
            servers -> new Pool.Spec("pool", Policies.random(), servers, ServedFront.RULES, false))
        .serve(served.echo(), served.echo());
    Explanation explained =
        served.front().explain(served.client().address(), Optional.empty(), new byte[0]);
    assertThat(explained.outcome()).isEqualTo(Outcome.FORWARD);
    assertThat(explained.backend()).isEmpty();
    assertThat(step(explained, Stage.CHOICE))
        .isEqualTo(
            new Step(
                Stage.CHOICE,
                Verdict.UNKNOWN,
                "chance decides between equals, in proportion to weight"));
  }

  private static Step step(Explanation of, Stage stage) {
    return of.steps().stream().filter(step -> step.stage() == stage).findFirst().orElseThrow();
  }

  private static InetAddress ip(String text) {
    return InetAddress.ofLiteral(text);
  }
}
