package io.sluice.pool;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.ProbeResult.Verdict;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What wishes, probes and returns do to backends a, b and c; refusals are {@link PoolTest}'s. */
final class PoolLifeTest {
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(40));
  private static final Duration TICK = Duration.ofMillis(100);

  private final VirtualControl control = new VirtualControl();
  private final Journal journal = new Journal(control.wallClock());
  private final Pool pool = open(Duration.ZERO);

  @Test
  void aDrainedBackendGetsNoNewFlowsAndKeepsThoseItHasUntilItIsEnabled() {
    drain(pool, "a", Optional.empty());
    Backend a = backend(pool, "a");
    assertThat(dealt(pool)).containsExactlyInAnyOrder("b", "c");
    assertThat(a.eligible()).isFalse();
    control.advance(Duration.ofDays(1));
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.view().reason()).isEqualTo("draining: an operator wished so");
    assertThat(a.view().dossier().draining().orElseThrow().deadline()).isEmpty();

    enable("a");
    assertThat(a.view().state()).isEqualTo(State.UP);
    assertThat(a.view().dossier().draining()).isEmpty();
    assertThat(dealt(pool)).containsExactlyInAnyOrder("a", "b", "c");
    assertThat(journal.after(0))
        .extracting(Journal.Event::what)
        .containsExactly("DRAIN", "DRAINING", "ENABLE", "UP");
  }

  @Test
  void atTheDeadlineFlowsAreToLeave() {
    drain(pool, "a", Optional.of(Duration.ofSeconds(30)));
    Backend a = backend(pool, "a");
    assertThat(a.view().dossier().draining().orElseThrow().deadline())
        .hasValue(control.wallClock().instant().plusSeconds(30));
    control.advance(Duration.ofSeconds(30).minus(TICK));
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
    control.advance(TICK);
    assertThat(a.patienceNs()).isZero();
    enable("a");
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void drainedBackendsAreTriedOnlyWhereNothingElseIsThere() {
    drain(pool, "a", Optional.empty());
    fail(pool, "b", 3);
    fail(pool, "c", 3);
    assertThat(dealt(pool)).containsExactlyInAnyOrder("b", "c");
    drain(pool, "b", Optional.empty());
    drain(pool, "c", Optional.empty());
    assertThat(dealt(pool)).containsExactlyInAnyOrder("a", "b", "c");
  }

  @Test
  void aBackendThatIsNotThereCannotBeDrainedNorEnabled() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> pool.drain("d", Optional.empty()))
        .withMessage("pool 'p' has no backend 'd'; there are: a, b, c");
    assertThatIllegalArgumentException().isThrownBy(() -> pool.enable(""));
  }

  @Test
  void aDrainedBackendThatDiesIsDownAndItsFlowsLeave() {
    drain(pool, "a", Optional.empty());
    fail(pool, "a", 3);
    assertThat(backend(pool, "a").view().state()).isEqualTo(State.DOWN);
    assertThat(backend(pool, "a").patienceNs()).isZero();
    pass(pool, "a", 2);
    assertThat(backend(pool, "a").view().state()).isEqualTo(State.DRAINING);
  }

  @Test
  void fallFailedProbesInARowTakeItDownAndRisePassedOnesBringItBack() {
    Backend a = backend(pool, "a");
    fail(pool, "a", 2);
    pass(pool, "a", 1);
    fail(pool, "a", 2);
    assertThat(a.view().state()).isEqualTo(State.SUSPECT);
    assertThat(a.view().score()).isEqualTo(33);
    assertThat(a.view().reason()).isEqualTo("suspect: 2 probes failed in a row: no answer");
    assertThat(dealt(pool)).contains("a");
    fail(pool, "a", 1);
    assertThat(a.view().reason()).isEqualTo("down: 3 probes failed in a row: no answer");
    assertThat(a.view().score()).isZero();
    assertThat(a.patienceNs()).isZero();
    assertThat(dealt(pool)).doesNotContain("a");

    pass(pool, "a", 1);
    assertThat(a.view().state()).isEqualTo(State.DOWN);
    pass(pool, "a", 1);
    assertThat(a.view().reason()).isEqualTo("up: 2 probes passed in a row");
    assertThat(a.view().score()).isEqualTo(100);
    assertThat(a.view().ejections()).isZero();
    assertThat(a.view().dossier().probesFailed()).isEqualTo(5);
    assertThat(a.view().dossier().probesPassed()).isEqualTo(3);
    assertThat(a.view().dossier().history())
        .extracting(Dossier.Transition::to)
        .containsExactly(State.SUSPECT, State.UP, State.SUSPECT, State.DOWN, State.UP);
    assertThat(journal.after(0))
        .filteredOn(event -> event.kind() == Journal.Kind.PROBE)
        .extracting(Journal.Event::what)
        .containsExactly("FAILED", "PASSED", "FAILED", "PASSED");
  }

  @Test
  void probesTakeDownMoreThanPassiveEvidenceMay() {
    for (String name : List.of("a", "b", "c")) {
      refuse(pool, name, 3);
    }
    assertThat(pool.backends())
        .extracting(b -> b.view().state())
        .containsExactly(State.EJECTED, State.EJECTED, State.SUSPECT);
    assertThat(backend(pool, "c").view().reason())
        .isEqualTo(
            "suspect, kept as too many of the pool are out already: 3 ICMP unreachable errors"
                + " from 3 flows within 10 s");
    assertThat(backend(pool, "c").view().score()).isZero();
    for (String name : List.of("a", "b", "c")) {
      fail(pool, name, 3);
    }
    assertThat(pool.backends()).allMatch(b -> b.view().state() == State.DOWN);
  }

  @Test
  void oneThatWasKeptIsEjectedWhenThereIsRoom() {
    for (String name : List.of("a", "b")) {
      refuse(pool, name, 3);
    }
    control.advance(Duration.ofMillis(4_800));
    refuse(pool, "c", 3);
    assertThat(backend(pool, "c").eligible()).isTrue();
    control.advance(Duration.ofMillis(200));
    assertThat(backend(pool, "c").view().state()).isEqualTo(State.EJECTED);
  }

  @Test
  void anEjectedBackendWhoseProbeFailsGetsNoTrialUntilItPasses() {
    refuse(pool, "a", 3);
    fail(pool, "a", 1);
    control.advance(Duration.ofSeconds(60));
    assertThat(backend(pool, "a").view().state()).isEqualTo(State.EJECTED);
    pass(pool, "a", 1);
    assertThat(backend(pool, "a").view().state()).isEqualTo(State.TRIAL);
  }

  @Test
  void evidenceOfDifferentKindsAddsUp() {
    fail(pool, "a", 1);
    refuse(pool, "a", 2);
    assertThat(backend(pool, "a").view().reason())
        .isEqualTo(
            "ejected for 5 s: 2 ICMP unreachable errors from 2 flows within 10 s;"
                + " 1 probe failed in a row: no answer");
  }

  @Test
  void aLameDuckIsDrainedForAsLongAsItWishesButNotAgainstTheOperator() {
    Backend a = backend(pool, "a");
    probed("a", true, true);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.view().reason()).isEqualTo("draining: its probe's answer asked for it");
    assertThat(a.view().dossier().draining().orElseThrow().byItself()).isTrue();
    assertThat(dealt(pool)).doesNotContain("a");
    probed("a", false, false); // silence is no change of mind
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    probed("a", true, false);
    assertThat(a.view().state()).isEqualTo(State.UP);

    drain(pool, "a", Optional.empty());
    probed("a", true, true);
    probed("a", true, false);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.view().dossier().draining().orElseThrow().byItself()).isFalse();
  }

  @Test
  void theHistoryHoldsTheLastSixteenTransitions() {
    for (int i = 0; i < 20; i++) {
      drain(pool, "a", Optional.empty());
      enable("a");
    }
    assertThat(backend(pool, "a").view().dossier().history()).hasSize(16);
    assertThat(backend(pool, "a").view().dossier().history().getLast().to()).isEqualTo(State.UP);
  }

  @Test
  void aBackendThatReturnsGetsAGrowingShareOfItsOwnKeysAndNoKeyGoesBackAndForth() {
    Pool slow = open(Duration.ofSeconds(10));
    Set<Long> whole = keysOf(slow, "a");
    fail(slow, "a", 3);
    pass(slow, "a", 2);
    Set<Long> before = Set.of();
    for (int second = 0; second <= 10; second++) {
      Set<Long> now = keysOf(slow, "a");
      double due = whole.size() * (1 / 16.0 + second / 10.0 * 15 / 16);
      assertThat((double) now.size())
          .as("%d s", second)
          .isCloseTo(due, within(0.03 * whole.size()));
      assertThat(whole).containsAll(now);
      assertThat(now).containsAll(before);
      before = now;
      control.advance(Duration.ofSeconds(1));
    }
    assertThat(before).isEqualTo(whole);
  }

  @Test
  void whatAPartialShareTurnsAwayGoesToTheOthersAlike() {
    Pool slow = open(Duration.ofSeconds(10));
    Set<Long> whole = keysOf(slow, "a");
    long ofB = keysOf(slow, "b").size();
    fail(slow, "a", 3);
    pass(slow, "a", 2);
    double more = keysOf(slow, "b").size() - ofB;
    assertThat(more / whole.size()).isCloseTo(15 / 32.0, within(0.05));
  }

  @Test
  void latencyLeapsUpAtOnceAndComesDownSlowly() {
    Backend a = backend(pool, "a");
    answer(a, 1_000_000);
    assertThat(a.latencyNanos()).isEqualTo(1_000_000);
    answer(a, 9_000_000);
    assertThat(a.latencyNanos()).isEqualTo(9_000_000);
    for (int i = 0; i < 100; i++) {
      answer(a, 1_000_000);
    }
    assertThat((double) a.latencyNanos()).isCloseTo(1e6 + 8e6 / Math.E, within(1e4));
    a.traffic(1).add(Backend.ASKED, 1);
    long then = a.latencyNanos();
    control.advance(TICK);
    assertThat(a.latencyNanos()).as("while an answer is due").isEqualTo(then);
    control.advance(Duration.ofSeconds(10));
    assertThat((double) a.latencyNanos()).isCloseTo(then / Math.E, within(0.02 * then));
  }

  private void answer(Backend backend, long nanos) {
    backend.asked(0, control.nanoTime());
    backend.answered(0, control.nanoTime(), control.nanoTime() + nanos, false);
    control.advance(TICK);
  }

  private void drain(Pool of, String name, Optional<Duration> deadline) {
    assertThat(of.drain(name, deadline)).isNotDone();
    control.runDue();
  }

  private void enable(String name) {
    assertThat(pool.enable(name)).isNotDone();
    control.runDue();
  }

  private void fail(Pool of, String name, int times) {
    for (int i = 0; i < times; i++) {
      of.probed(name, checked(false, false));
    }
  }

  private void pass(Pool of, String name, int times) {
    for (int i = 0; i < times; i++) {
      of.probed(name, checked(true, false));
    }
  }

  private void probed(String name, boolean passed, boolean lameDuck) {
    pool.probed(name, checked(passed, lameDuck));
  }

  private ProbeResult checked(boolean passed, boolean lameDuck) {
    Verdict alive = lameDuck ? Verdict.LAME_DUCK : Verdict.PASSED;
    return new ProbeResult(
        passed ? alive : Verdict.FAILED,
        passed ? "passed" : "no answer",
        TICK,
        control.wallClock().instant());
  }

  private void refuse(Pool of, String name, int times) {
    for (int flow = 0; flow < times; flow++) {
      backend(of, name).refused(flow);
    }
    control.runDue();
  }

  private Pool open(Duration slowStart) {
    List<Pool.Spec.Server> servers =
        Stream.of("a", "b", "c")
            .map(name -> new Pool.Spec.Server(name, new InetSocketAddress("192.0.2.1", 53), 1))
            .toList();
    return Pool.open(
        new Pool.Spec(
            "p",
            Policies.maglev(),
            servers,
            RULES,
            Silence.USUAL,
            50,
            true,
            true,
            slowStart,
            Probing.USUAL),
        2,
        control,
        control::nanoTime,
        control.wallClock(),
        LongUnaryOperator.identity(),
        journal);
  }

  private static Backend backend(Pool pool, String name) {
    return pool.backends().stream().filter(b -> b.name().equals(name)).findFirst().orElseThrow();
  }

  private static Set<String> dealt(Pool pool) {
    return LongStream.range(0, 100)
        .mapToObj(key -> pool.pick(key * 0x9E37_79B9_7F4A_7C15L))
        .map(backend -> backend == null ? "none" : backend.name())
        .collect(toSet());
  }

  private static Set<Long> keysOf(Pool pool, String name) {
    Set<Long> keys = new HashSet<>();
    for (long i = 0; i < 9_000; i++) {
      long key = i * 0x9E37_79B9_7F4A_7C15L;
      Backend picked = pool.pick(key);
      if (picked != null && picked.name().equals(name)) {
        keys.add(key);
      }
    }
    return keys;
  }
}
