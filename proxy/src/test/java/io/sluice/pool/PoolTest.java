package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sluice.balance.Balancer;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Three refusals within 10 s eject for 5 s, doubling up to 40 s. */
final class PoolTest {
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(40));

  private final VirtualControl control = new VirtualControl();
  private final Journal journal = new Journal(control.wallClock());
  private final List<String> built = new ArrayList<>();
  private final List<String> builtBy = new ArrayList<>();
  private Consumer<List<? extends Balancer.Member>> whileBuilding = _ -> {};
  private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
  private final Logger room = (Logger) LoggerFactory.getLogger("io.sluice.pool");

  @BeforeEach
  void listen() {
    lines.start();
    room.addAppender(lines);
    room.setAdditive(false);
  }

  @AfterEach
  void stopListening() {
    room.setAdditive(true);
    room.detachAppender(lines);
  }

  @Test
  void dealsFromEveryBackendAtFirstByName() {
    Pool pool = open(false, "c", "a", "b");
    assertThat(pool.name()).isEqualTo("resolvers");
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a", "b", "c");
    assertThat(pool.backends()).allMatch(Backend::eligible);
    assertThat(dealt(pool)).containsExactly("a", "b", "c");
    assertThat(backend(pool, "a").address()).isEqualTo(new InetSocketAddress("192.0.2.1", 53));
    assertThat(backend(pool, "a").view().since()).isEqualTo(control.wallClock().instant());
    assertThat(control.pending()).as("the next tick").isEqualTo(1);
  }

  @Test
  void weightsAndLoadsReachTheBalancer() {
    open(false, "a", "b").backends().getFirst().flowOpened();
    assertThat(built).containsExactly("a*10 b*20");
    // Members are the backends themselves, so that a balancer sees loads as they change.
    List<Balancer.Member> members = new ArrayList<>();
    whileBuilding = members::addAll;
    backend(open(false, "a", "b"), "b").flowOpened();
    assertThat(members).extracting(Balancer.Member::load).containsExactly(0, 1);
  }

  @Test
  void anEjectedBackendIsDealtNothingUntilItsTrial() {
    Pool pool = open(false, "a", "b");
    eject(backend(pool, "a"));
    assertThat(dealt(pool)).containsExactly("b");
    assertThat(backend(pool, "a").eligible()).isFalse();

    control.advance(Duration.ofMillis(4_999));
    assertThat(dealt(pool)).containsExactly("b");
    control.advance(Duration.ofMillis(1));
    assertThat(dealt(pool)).containsExactly("a", "b");
    assertThat(backend(pool, "a").eligible()).isTrue();
    assertThat(built).containsExactly("a*10 b*20", "b*20", "a*10 b*20");
  }

  @Test
  void anAnswerEndsTheTrialWithoutRebuildingAnything() {
    Pool pool = open(false, "a", "b");
    Backend a = backend(pool, "a");
    eject(a);
    control.advance(Duration.ofSeconds(5));
    int snapshots = built.size();

    a.answered();
    control.runDue();
    assertThat(a.view().state()).isEqualTo(State.UP);
    assertThat(built).hasSize(snapshots);
  }

  @Test
  void aRefusalFailsTheTrialAndSilencePassesIt() {
    Pool pool = open(false, "a", "b");
    Backend a = backend(pool, "a");
    eject(a);
    control.advance(Duration.ofSeconds(5));
    refuse(a, 1);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(a.view().ejections()).isEqualTo(2);

    control.advance(Duration.ofMillis(9_999));
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    control.advance(Duration.ofMillis(1));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    control.advance(Duration.ofSeconds(5));
    assertThat(a.view().state()).isEqualTo(State.UP);
  }

  @Test
  void whatWasReportedBeforeTheTrialDoesNotDecideIt() {
    Pool pool = open(false, "a", "b");
    Backend a = backend(pool, "a");
    a.flowOpened();
    // The surplus finds the backend not yet known as ejected, and then again just too late.
    for (int flow = 0; flow < 100; flow++) {
      a.refused(flow);
    }
    control.runDue();
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    a.refused(100);
    a.answered();
    control.advance(Duration.ofSeconds(5));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    assertThat(a.view().unreachable()).isEqualTo(101);
  }

  @Test
  void oneThatBothAnsweredAndRefusedOnTrialSinceTheLastLookLives() {
    Pool pool = open(false, "a", "b");
    Backend a = backend(pool, "a");
    eject(a);
    control.advance(Duration.ofSeconds(5));
    a.refused(1);
    a.answered();
    control.runDue();
    assertThat(a.view().state()).isEqualTo(State.SUSPECT);
    assertThat(a.view().reason())
        .isEqualTo("suspect: 1 ICMP unreachable error from 1 flow within 10 s");
    assertThat(a.view().ejections()).isEqualTo(1);
  }

  @Test
  void oneBrokenFlowAmongManyEjectsNothing() {
    Pool pool = open(false, "a", "b");
    Backend a = backend(pool, "a");
    for (int i = 0; i < 10; i++) {
      a.flowOpened();
    }
    refuse(a, 7, 7, 7, 7, 7, 7, 8);
    assertThat(a.view().state()).isEqualTo(State.SUSPECT);
    refuse(a, 9);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
  }

  @Test
  void refusalsAreOnlyCountedWhereIcmpIsNoEvidence() {
    Rules deaf = new Rules(false, 1, RULES.window(), RULES.ejectFor(), RULES.ejectMax());
    Pool pool = open(deaf, false, "a");
    refuse(backend(pool, "a"), 1, 2, 3);
    assertThat(backend(pool, "a").view())
        .extracting(Backend.View::state, Backend.View::unreachable, Backend.View::ejections)
        .containsExactly(State.UP, 3L, 0L);
  }

  @Test
  void withNoneEligibleThePoolDealsNone() {
    Pool pool = open(false, "a", "b");
    eject(backend(pool, "a"));
    eject(backend(pool, "b"));
    assertThat(pool.pick(0)).isNull();
    assertThat(pool.backends()).noneMatch(Backend::eligible);

    control.advance(Duration.ofSeconds(5));
    assertThat(dealt(pool)).containsExactly("a", "b");
  }

  @Test
  void orTriesAllAndFallsBackOnTheFirstThatReturns() {
    Pool pool = open(true, "a", "b");
    eject(backend(pool, "a"));
    control.advance(Duration.ofSeconds(1));
    eject(backend(pool, "b"));
    assertThat(dealt(pool)).containsExactly("a", "b");
    assertThat(pool.backends()).allMatch(Backend::eligible);
    assertThat(pool.backends()).allMatch(b -> b.view().state() == State.EJECTED);

    control.advance(Duration.ofSeconds(4));
    assertThat(dealt(pool)).containsExactly("a");
    assertThat(backend(pool, "b").eligible()).isFalse();
  }

  @Test
  void aLoneBackendThatIsTriedAnywayKeepsItsSnapshotThroughout() {
    Pool pool = open(true, "a");
    eject(backend(pool, "a"));
    control.advance(Duration.ofSeconds(5));
    refuse(backend(pool, "a"), 1);
    assertThat(backend(pool, "a").eligible()).isTrue();
    assertThat(built).containsExactly("a*10");
  }

  @Test
  void aPoolWithoutBackendsDealsNone() {
    assertThat(open(true).pick(0)).isNull();
    assertThat(built).isEmpty();
  }

  @Test
  void afterOpeningBalancersAreBuiltOnTheControlThreadOnly() {
    Pool pool = open(false, "a", "b");
    eject(backend(pool, "a"));
    control.advance(Duration.ofSeconds(5));
    assertThat(builtBy).containsExactly("caller", "control", "control");
  }

  @Test
  void aPolicyThatFailsIsToldAtOpeningAndLaterLeavesTheSnapshotAsItIs() {
    Consumer<List<? extends Balancer.Member>> broken =
        _ -> {
          throw new IllegalStateException("no");
        };
    whileBuilding = broken;
    assertThatThrownBy(() -> open(false, "a")).hasMessage("no");

    whileBuilding = _ -> {};
    Pool pool = open(false, "a", "b");
    whileBuilding = broken;
    eject(backend(pool, "a"));
    assertThat(dealt(pool)).containsExactly("a", "b");
    assertThat(pool.backends()).allMatch(Backend::eligible);
    assertThat(backend(pool, "a").view().state()).isEqualTo(State.EJECTED);
    assertThat(messages())
        .contains("ERROR pool resolvers: its policy failed, it goes on dealing as before");
  }

  @Test
  void everyTransitionIsLoggedOnceInTheWordsOfTheReason() {
    Pool pool = open(false, "a");
    Backend a = backend(pool, "a");
    eject(a);
    assertThat(a.view().reason()).startsWith("ejected for 5 s: 3 ICMP");
    control.advance(Duration.ofSeconds(5));
    a.answered();
    control.runDue();
    assertThat(a.view().reason()).isEqualTo("up: answered on trial");
    assertThat(a.view().since()).isEqualTo(control.wallClock().instant());
    assertThat(messages())
        .containsExactly(
            "WARN backend resolvers/a ejected for 5 s: 3 ICMP unreachable errors from 3 flows"
                + " within 10 s",
            "WARN pool resolvers has no eligible backend: dropping what would open a flow",
            "INFO backend resolvers/a on trial after 5 s ejected",
            "INFO backend resolvers/a up: answered on trial");
  }

  @Test
  void closingCancelsTimersAndStopsDeciding() {
    Pool pool = open(false, "a", "b");
    eject(backend(pool, "a"));
    backend(pool, "b").refused(1);
    backend(pool, "b").refused(2);
    backend(pool, "b").refused(3);
    assertThat(control.pending()).as("the next tick, b's evidence").isEqualTo(2);

    pool.close();
    assertThat(control.pending()).as("b's evidence").isEqualTo(1);
    control.advance(Duration.ofDays(1));
    assertThat(control.pending()).isZero();
    assertThat(dealt(pool)).containsExactly("b");
    assertThat(backend(pool, "b").view().state()).isEqualTo(State.UP);
  }

  @Test
  void aLateLookAtAClosedPoolArmsNoTimer() {
    Pool pool = open(false, "a", "b");
    // Closed while control decides: the policy is asked in the middle of a look.
    whileBuilding = _ -> pool.close();
    eject(backend(pool, "a"));
    assertThat(dealt(pool)).containsExactly("b");
    assertThat(control.pending()).isZero();
  }

  private void eject(Backend backend) {
    refuse(backend, 1, 2, 3);
    assertThat(backend.view().state()).isEqualTo(State.EJECTED);
  }

  private void refuse(Backend backend, long... flows) {
    for (long flow : flows) {
      backend.refused(flow);
    }
    control.runDue();
  }

  private Pool open(boolean all, String... names) {
    return open(RULES, all, names);
  }

  private Pool open(Rules rules, boolean all, String... names) {
    List<Pool.Spec.Server> servers = new ArrayList<>();
    for (String name : names) {
      int n = name.charAt(0) - 'a' + 1;
      servers.add(new Pool.Spec.Server(name, new InetSocketAddress("192.0.2." + n, 53), 10 * n));
    }
    return Pool.open(
        new Pool.Spec("resolvers", this::build, servers, rules, all),
        2,
        control,
        control::nanoTime,
        control.wallClock(),
        LongUnaryOperator.identity(),
        journal);
  }

  /** Key modulo members, and a note of who was built over what. */
  private Balancer build(List<? extends Balancer.Member> members) {
    whileBuilding.accept(members);
    built.add(String.join(" ", members.stream().map(m -> m.name() + "*" + m.weight()).toList()));
    builtBy.add(control.isCurrent() ? "control" : "caller");
    int n = members.size();
    return key -> (int) Long.remainderUnsigned(key, n);
  }

  private static Backend backend(Pool pool, String name) {
    return pool.backends().stream().filter(b -> b.name().equals(name)).findFirst().orElseThrow();
  }

  private static List<String> dealt(Pool pool) {
    return LongStream.range(0, 12)
        .mapToObj(key -> Objects.requireNonNull(pool.pick(key)).name())
        .distinct()
        .sorted()
        .toList();
  }

  private List<String> messages() {
    return lines.list.stream().map(e -> e.getLevel() + " " + e.getFormattedMessage()).toList();
  }
}
