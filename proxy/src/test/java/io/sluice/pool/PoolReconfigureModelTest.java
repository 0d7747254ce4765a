package io.sluice.pool;

import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.ProbeResult.Verdict;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.LoggerFactory;

/** Random changes of a configuration among random evidence, and what must hold after each. */
final class PoolReconfigureModelTest {
  private static final int STEPS = 150;
  private static final Set<State> OUT = Set.of(State.EJECTED, State.DOWN, State.DRAINING);
  private static final Balancer.Factory BROKEN =
      _ -> {
        throw new IllegalStateException("no");
      };

  private final VirtualControl control = new VirtualControl();
  private final Set<Backend> gone = new HashSet<>();
  private final List<Backend> flows = new ArrayList<>();
  private final Logger room = (Logger) LoggerFactory.getLogger("io.sluice.pool");
  private Random random = new Random();
  private Pool.Spec spec = randomSpec();
  private Pool pool = open();
  private String where = "";

  static LongStream seeds() {
    return LongStream.rangeClosed(1, 50);
  }

  @BeforeEach
  void hush() {
    room.setLevel(Level.OFF);
  }

  @AfterEach
  void speak() {
    room.setLevel(null);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void whateverChangesThePoolIsWhatItsSpecSays(long seed) {
    random = new Random(seed);
    spec = randomSpec();
    pool.close();
    pool = open();
    for (int step = 0; step < STEPS; step++) {
      int what = random.nextInt(12);
      where = "seed %d, step %d (%d), %s".formatted(seed, step, what, spec);
      Set<Backend> ejected = in(State.EJECTED);
      switch (what) {
        case 0 -> reconfigure(randomSpec());
        case 1 -> reconfigure(with(spec.policy(), altered(spec.servers()), spec));
        case 2 -> failToReconfigure();
        case 3 -> control.advance(Duration.ofMillis(random.nextInt(3_000)));
        default -> somebody().ifPresent(this::happensTo);
      }
      control.runDue();
      if (!ejected.containsAll(in(State.EJECTED))) {
        assertThat(out()).as(where).isLessThanOrEqualTo(mostOut());
      }
      assertItIsWhatItsSpecSays();
    }
    assertThat(gone).as("seed %d", seed).isNotEmpty();
    assertThatEveryoneComesBack();
  }

  private void reconfigure(Pool.Spec next) {
    Map<Backend, Backend.View> before = views();
    before.keySet().removeAll(gone);
    Future<?> done = pool.reconfigure(next);
    control.runDue();
    assertThat(done.state()).as(where).isEqualTo(Future.State.SUCCESS);
    Set<Pool.Spec.Server> places = places(next);
    before.forEach(
        (backend, was) -> {
          if (!places.contains(place(backend))) {
            gone.add(backend);
            return;
          }
          Backend.View is = backend.view();
          assertThat(pool.backends()).as(where).contains(backend);
          assertThat(is.state()).as(where).isEqualTo(was.state());
          assertThat(is.ejections()).as(where).isEqualTo(was.ejections());
          assertThat(is.unreachable()).as(where).isEqualTo(was.unreachable());
          assertThat(is.since()).as(where).isEqualTo(was.since());
          assertThat(is.dossier().draining()).as(where).isEqualTo(was.dossier().draining());
        });
    spec = next;
  }

  private void failToReconfigure() {
    Map<Backend, Backend.View> before = views();
    List<Backend> picks = picks();
    List<Backend> order = pool.backends();
    Pool.Spec next = randomSpec();
    List<Pool.Spec.Server> servers = new ArrayList<>(next.servers());
    servers.add(new Pool.Spec.Server("z", new InetSocketAddress("192.0.2.9", 53), 1));
    Future<?> done = pool.reconfigure(with(BROKEN, servers, next));
    control.runDue();
    assertThat(done.state()).as(where).isEqualTo(Future.State.FAILED);
    assertThat(pool.backends()).as(where).isEqualTo(order);
    assertThat(views()).as(where).isEqualTo(before);
    assertThat(picks()).as(where).isEqualTo(picks);
  }

  private void happensTo(Backend backend) {
    switch (random.nextInt(8)) {
      case 0 -> assertThat(pool.drain(backend.name(), randomDeadline())).isNotDone();
      case 1 -> assertThat(pool.enable(backend.name())).isNotDone();
      case 2 -> probed(backend, Verdict.FAILED);
      case 3 -> probed(backend, Verdict.PASSED);
      case 4 -> probed(backend, Verdict.LAME_DUCK);
      case 5 -> backend.answered();
      case 6 -> {
        backend.flowOpened();
        flows.add(backend);
      }
      default -> {
        for (int flow = random.nextInt(5); flow >= 0; flow--) {
          backend.refused(flow);
        }
      }
    }
    if (!flows.isEmpty() && random.nextInt(3) == 0) {
      flows.remove(random.nextInt(flows.size())).flowClosed();
    }
    for (Backend late : gone) { // and what is still said of those
      late.refused(random.nextInt(3));
      late.answered();
    }
  }

  private void assertItIsWhatItsSpecSays() {
    assertThat(pool.backends())
        .as(where)
        .extracting(PoolReconfigureModelTest::place)
        .containsExactlyInAnyOrderElementsOf(places(spec));
    for (int i = 0; i < spec.servers().size(); i++) {
      assertThat(pool.backends().get(i).weight())
          .as(where)
          .isEqualTo(spec.servers().get(i).weight());
    }
    Set<Backend> fit =
        pool.backends().stream().filter(b -> !OUT.contains(b.view().state())).collect(toSet());
    Set<Backend> eligible = pool.backends().stream().filter(Backend::eligible).collect(toSet());
    if (!fit.isEmpty() || !spec.allWhenNoneEligible()) {
      assertThat(eligible).as(where).isEqualTo(fit);
    } else {
      assertThat(eligible.isEmpty()).as(where).isEqualTo(pool.backends().isEmpty());
    }
    List<Backend> picks = picks();
    assertThat(picks.isEmpty()).as(where).isEqualTo(eligible.isEmpty());
    assertThat(eligible).as(where).containsAll(picks);
    assertThat(gone).as(where).noneMatch(pool.backends()::contains);
    for (Backend backend : gone) {
      assertThat(backend.eligible()).as(where).isFalse();
      assertThat(backend.patienceNs()).as(where).isZero();
      assertThat(backend.view().state()).as(where).isEqualTo(State.DRAINING);
    }
    assertThat(pool.leaving())
        .as(where)
        .containsExactlyInAnyOrderElementsOf(
            gone.stream().filter(backend -> backend.load() > 0).toList());
    assertThat(control.pending()).as("%s: the next tick", where).isEqualTo(1);
  }

  /** Nothing that was changed on the way keeps one from it. */
  private void assertThatEveryoneComesBack() {
    for (Backend backend : pool.backends()) {
      assertThat(pool.enable(backend.name())).isNotDone();
    }
    for (int i = 0; i < 5; i++) {
      control.advance(Duration.ofMinutes(2));
      pool.backends().forEach(backend -> probed(backend, Verdict.PASSED));
    }
    control.advance(Duration.ofMinutes(2));
    assertThat(pool.backends()).as(where).allMatch(b -> b.view().state() == State.UP);
    assertThat(pool.backends()).as(where).allMatch(b -> b.patienceNs() == Long.MAX_VALUE);
  }

  private Optional<Backend> somebody() {
    List<Backend> all = pool.backends();
    return all.isEmpty() ? Optional.empty() : Optional.of(all.get(random.nextInt(all.size())));
  }

  private void probed(Backend backend, Verdict verdict) {
    pool.probed(
        backend.name(),
        new ProbeResult(
            verdict, verdict.name(), Duration.ofMillis(1), control.wallClock().instant()));
  }

  private Optional<Duration> randomDeadline() {
    return random.nextBoolean()
        ? Optional.empty()
        : Optional.of(Duration.ofMillis(random.nextInt(2_000)));
  }

  private long out() {
    return pool.backends().stream().filter(b -> OUT.contains(b.view().state())).count();
  }

  private long mostOut() {
    int size = pool.backends().size();
    long most = Math.ceilDiv((long) spec.maxEjected() * size, 100);
    return spec.maxEjected() == 100 ? most : Math.min(most, Math.max(1, size - 1));
  }

  private Set<Backend> in(State state) {
    return pool.backends().stream().filter(b -> b.view().state() == state).collect(toSet());
  }

  private Map<Backend, Backend.View> views() {
    return Stream.concat(pool.backends().stream(), gone.stream())
        .collect(toMap(backend -> backend, Backend::view));
  }

  /** Where it is, by which it is the same or another one. */
  private static Pool.Spec.Server place(Backend backend) {
    return new Pool.Spec.Server(backend.name(), backend.address(), 1);
  }

  private static Set<Pool.Spec.Server> places(Pool.Spec of) {
    return of.servers().stream()
        .map(server -> new Pool.Spec.Server(server.name(), server.address(), 1))
        .collect(toSet());
  }

  private List<Backend> picks() {
    return LongStream.range(0, 64)
        .mapToObj(i -> Optional.ofNullable(pool.pick(i * 0x9E37_79B9_7F4A_7C15L)))
        .flatMap(Optional::stream)
        .toList();
  }

  private Pool.Spec randomSpec() {
    List<Pool.Spec.Server> servers = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      if (random.nextInt(3) > 0) {
        servers.add(randomServer(String.valueOf((char) ('a' + i))));
      }
    }
    Duration ejectFor = Duration.ofMillis(100 + random.nextInt(2_000));
    Rules rules =
        new Rules(
            random.nextInt(4) > 0,
            1 + random.nextInt(4),
            Duration.ofMillis(100 + random.nextInt(5_000)),
            ejectFor,
            ejectFor.multipliedBy(1 + random.nextInt(20)));
    Silence silence =
        new Silence(
            random.nextBoolean(),
            1 + random.nextInt(10),
            Duration.ofMillis(100 + random.nextInt(5_000)));
    return new Pool.Spec(
        "p",
        random.nextBoolean() ? Policies.maglev() : Policies.ketama(),
        servers,
        rules,
        silence,
        random.nextInt(4) == 0 ? 100 : random.nextInt(101),
        random.nextBoolean(),
        random.nextBoolean(),
        Duration.ofMillis(random.nextBoolean() ? 0 : random.nextInt(5_000)),
        new Probing(1 + random.nextInt(3), 1 + random.nextInt(4)));
  }

  private Pool.Spec.Server randomServer(String name) {
    InetSocketAddress address = new InetSocketAddress("192.0.2." + (1 + random.nextInt(3)), 53);
    return new Pool.Spec.Server(name, address, 1 + random.nextInt(5));
  }

  /** One of them, as an operator does it. */
  private List<Pool.Spec.Server> altered(List<Pool.Spec.Server> servers) {
    List<Pool.Spec.Server> altered = new ArrayList<>(servers);
    if (!altered.isEmpty()) {
      Pool.Spec.Server one = altered.remove(random.nextInt(altered.size()));
      if (random.nextBoolean()) {
        altered.add(new Pool.Spec.Server(one.name(), one.address(), 1 + random.nextInt(5)));
      }
    }
    return altered;
  }

  private static Pool.Spec with(
      Balancer.Factory policy, List<Pool.Spec.Server> servers, Pool.Spec of) {
    return new Pool.Spec(
        of.name(),
        policy,
        servers,
        of.rules(),
        of.silence(),
        of.maxEjected(),
        of.allWhenNoneEligible(),
        of.repeatable(),
        of.slowStart(),
        of.probing());
  }

  private Pool open() {
    return Pool.open(
        spec,
        2,
        control,
        control::nanoTime,
        control.wallClock(),
        LongUnaryOperator.identity(),
        new Journal(control.wallClock()));
  }
}
