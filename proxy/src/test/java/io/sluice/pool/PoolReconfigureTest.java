package io.sluice.pool;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.ProbeResult.Verdict;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.function.LongUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of backends a, b and c when the configuration changes under them. */
final class PoolReconfigureTest {
  private static final Duration TICK = Duration.ofMillis(100);
  private static final int KEYS = 9_000;
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(40));

  private final VirtualControl control = new VirtualControl();
  private final Journal journal = new Journal(control.wallClock());
  private final List<String> built = new ArrayList<>();
  private final Change as = new Change(noting(Policies.maglev()), RULES);
  private final Pool pool =
      Pool.open(
          as.spec("a", "b", "c"),
          2,
          control,
          control::nanoTime,
          control.wallClock(),
          LongUnaryOperator.identity(),
          journal);
  private final Backend a = backend("a");
  private final Backend b = backend("b");

  @Test
  void whoStaysIsTheSameBackendWithAllThatIsKnownOfIt() {
    refuse(a, 3);
    a.flowOpened();
    a.traffic(0).add(Backend.REQUESTS, 7);
    control.advance(Duration.ofSeconds(1));
    Backend.View before = a.view();
    reconfigure(as.spec("a", "b", "d"));
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a", "b", "d");
    assertThat(pool.backends()).startsWith(a, b);
    assertThat(a.view()).isEqualTo(before);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    control.advance(Duration.ofSeconds(4));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    refuse(a, 1);
    assertThat(a.view().reason()).startsWith("ejected for 10 s"); // its relapses count on
  }

  @Test
  void whoJoinsIsUpAndDealtAtOnce() {
    reconfigure(as.spec("a", "b", "c", "d"));
    assertThat(backend("d").view().state()).isEqualTo(State.UP);
    assertThat(backend("d").eligible()).isTrue();
    assertThat(dealt()).containsExactlyInAnyOrder("a", "b", "c", "d");
    assertThat(built).containsExactly("a*1 b*1 c*1", "a*1 b*1 c*1 d*1");
    assertThat(journal.after(0)).extracting(Journal.Event::what).containsExactly("ADDED");
  }

  @Test
  void whoJoinsStartsSlowlyWhereThatIsConfiguredAndNobodyElseDoes() {
    Change slowly = as.with(Duration.ofSeconds(10));
    reconfigure(slowly.spec("a", "b", "c"));
    assertThat(share("a") + share("b") + share("c")).isEqualTo(KEYS);
    reconfigure(slowly.spec("a", "b", "c", "d"));
    assertThat((double) share("d")).isCloseTo(KEYS / 4.0 / 16, within(0.02 * KEYS));
    control.advance(Duration.ofSeconds(5));
    assertThat((double) share("d")).isCloseTo(KEYS / 4.0 * 17 / 32, within(0.02 * KEYS));
    reconfigure(slowly.weighing("d", 2).spec("a", "b", "c", "d")); // does not begin anew
    control.advance(Duration.ofSeconds(5));
    assertThat((double) share("d")).isCloseTo(KEYS * 2 / 5.0, within(0.02 * KEYS));
  }

  @Test
  void whoIsRemovedIsDealtNoLongerAndItsFlowsAreToLeave() {
    a.flowOpened();
    reconfigure(as.spec("b", "c"));
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("b", "c");
    assertThat(dealt()).containsExactlyInAnyOrder("b", "c");
    assertThat(a.eligible()).isFalse();
    assertThat(a.patienceNs()).isZero();
    assertThat(a.view().reason()).isEqualTo("removed: the configuration no longer has it");
    assertThat(pool.leaving()).containsExactly(a);
    assertThat(journal.after(0)).extracting(Journal.Event::what).containsExactly("REMOVED");
    assertThatIllegalArgumentException().isThrownBy(() -> pool.drain("a", Optional.empty()));

    control.advance(Duration.ofDays(1));
    assertThat(pool.leaving()).containsExactly(a);
    a.flowClosed();
    assertThat(pool.leaving()).isEmpty();
    control.advance(TICK);
    a.flowOpened(); // forgotten is forgotten
    assertThat(pool.leaving()).isEmpty();
  }

  @Test
  void aFlowThatWasBeingOpenedWhenItsBackendWasRemovedIsStillSeen() {
    reconfigure(as.spec("b", "c"));
    control.advance(TICK);
    a.flowOpened();
    assertThat(pool.leaving()).containsExactly(a);
  }

  @Test
  void lateEvidenceAboutOneThatIsGoneDecidesNothing() {
    for (int flow = 0; flow < 3; flow++) {
      a.refused(flow); // on the way to control
    }
    Future<?> done = pool.reconfigure(as.spec("b", "c"));
    control.runDue();
    assertThat(done).isDone();
    refuse(b, 3);
    assertThat(a.refused(7)).as("its flows re-home, and do not end for it").isFalse();
    a.answered();
    control.advance(Duration.ofSeconds(1));
    assertThat(a.view().unreachable()).isEqualTo(4);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.eligible()).isFalse();
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    assertThat(dealt()).containsExactly("c");
  }

  @Test
  void anotherAddressIsAnotherBackendOfThatName() {
    a.flowOpened();
    refuse(a, 3);
    InetSocketAddress elsewhere = new InetSocketAddress("192.0.2.9", 53);
    reconfigure(as.moving("a", elsewhere).spec("a", "b", "c"));
    assertThat(backend("a")).isNotSameAs(a);
    assertThat(backend("a").address()).isEqualTo(elsewhere);
    assertThat(backend("a").view().state()).isEqualTo(State.UP);
    assertThat(backend("a").load()).isZero();
    assertThat(a.patienceNs()).isZero();
    assertThat(pool.leaving()).containsExactly(a);
    drain("a");
    assertThat(backend("a").view().state()).isEqualTo(State.DRAINING);
  }

  @Test
  void aWeightTakesEffectInPlace() {
    a.flowOpened();
    reconfigure(as.weighing("a", 7).spec("a", "b", "c"));
    assertThat(backend("a")).isSameAs(a);
    assertThat(a.weight()).isEqualTo(7);
    assertThat((double) share("a")).isCloseTo(KEYS * 7 / 9.0, within(0.02 * KEYS));
    assertThat(built).containsExactly("a*1 b*1 c*1", "a*7 b*1 c*1");
    assertThat(journal.after(0)).extracting(Journal.Event::why).containsExactly("from 1 to 7");
    refuse(a, 3);
    control.advance(Duration.ofSeconds(5));
    assertThat(built).endsWith("b*1 c*1", "a*7 b*1 c*1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"maglev", "ketama"})
  void consistentPoliciesMoveTheKeysOfWhoGoesAlone(String policy) {
    Balancer.Factory consistent = policy.equals("maglev") ? Policies.maglev() : Policies.ketama();
    Change by = new Change(consistent, RULES);
    reconfigure(by.spec("a", "b", "c", "d", "e"));
    Map<Long, String> before = picks();
    reconfigure(by.spec("a", "b", "c", "e"));
    Map<Long, String> after = picks();
    long moved =
        before.entrySet().stream()
            .filter(pick -> !pick.getValue().equals("d"))
            .filter(pick -> !pick.getValue().equals(after.get(pick.getKey())))
            .count();
    assertThat(moved).isLessThanOrEqualTo(policy.equals("maglev") ? KEYS / 20 : 0);
    assertThat(after).doesNotContainValue("d");
    reconfigure(by.spec("a", "b", "c", "d", "e"));
    assertThat(picks()).as("and it gets them back").isEqualTo(before);
  }

  @Test
  void aPolicyThatFailsChangesNothing() {
    a.flowOpened();
    Pool.Spec broken =
        new Change(
                _ -> {
                  throw new IllegalStateException("no");
                },
                new Rules(false, 1, TICK, TICK, TICK))
            .weighing("b", 9)
            .spec("b", "d");
    Map<Long, String> before = picks();
    Future<?> done = pool.reconfigure(broken);
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.FAILED);
    assertThat(done.exceptionNow()).hasMessage("no");
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a", "b", "c");
    assertThat(pool.backends()).extracting(Backend::weight).containsExactly(1, 1, 1);
    assertThat(pool.backends()).allMatch(Backend::eligible);
    assertThat(pool.leaving()).isEmpty();
    assertThat(picks()).isEqualTo(before);
    assertThat(journal.after(0)).isEmpty();
    refuse(a, 2);
    assertThat(a.view().state()).as("by the rules of before").isEqualTo(State.SUSPECT);
  }

  @Test
  void theSameConfigurationChangesNothing() {
    reconfigure(as.spec("c", "b", "a"));
    reconfigure(as.with(Duration.ofSeconds(10)).spec("a", "b", "c"));
    assertThat(built).as("nor is a balancer built for other rules").hasSize(1);
    assertThat(journal.after(0)).isEmpty();
  }

  @Test
  void anotherPolicyIsBuiltOverThoseThatAreEligible() {
    refuse(a, 3);
    reconfigure(new Change(noting(Policies.ketama()), RULES).spec("a", "b", "c"));
    assertThat(built).containsExactly("a*1 b*1 c*1", "b*1 c*1", "b*1 c*1");
  }

  @Test
  void whetherARequestMayReachTwoBackendsCanChange() {
    Pool.Spec now = as.spec("a", "b", "c");
    reconfigure(
        new Pool.Spec(
            now.name(),
            now.policy(),
            now.servers(),
            now.rules(),
            now.silence(),
            now.maxEjected(),
            now.allWhenNoneEligible(),
            false,
            now.slowStart(),
            now.probing()));
    assertThat(pool.repeatable()).isFalse();
    assertThat(built).hasSize(1);
  }

  @Test
  void aPoolOfAnotherNameIsRefused() {
    Pool.Spec other = new Pool.Spec("q", Policies.maglev(), List.of(), RULES, true);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> pool.reconfigure(other))
        .withMessage("pool 'p' cannot become 'q'");
  }

  @Test
  void allMayGoAndOthersCome() {
    reconfigure(as.spec());
    assertThat(pool.pick(1)).isNull();
    assertThat(pool.backends()).isEmpty();
    reconfigure(as.spec("a"));
    assertThat(dealt()).containsExactly("a");
    assertThat(backend("a")).as("a newcomer").isNotSameAs(a);
  }

  @Test
  void otherRulesJudgeWhatIsKnownAlready() {
    refuse(a, 2);
    fail("b", 2);
    reconfigure(
        as.judging(new Rules(true, 2, RULES.window(), TICK, TICK), new Probing(1, 2))
            .spec("a", "b", "c"));
    assertThat(a.view().state()).as("no rule convicts by itself").isEqualTo(State.SUSPECT);
    assertThat(b.view().state()).isEqualTo(State.SUSPECT);
    control.advance(TICK);
    assertThat(a.view().reason()).startsWith("ejected for 100 ms: 2 ICMP");
    fail("b", 1);
    assertThat(b.view().reason()).isEqualTo("down: 2 probes failed in a row: no answer");
    reconfigure(
        as.judging(new Rules(false, 3, RULES.window(), TICK, TICK), new Probing(1, 2))
            .spec("a", "b", "c"));
    control.advance(TICK);
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    assertThat(a.refused(9)).isFalse();
    assertThat(a.view().ejections()).isEqualTo(1);
    assertThat(a.view().unreachable()).isEqualTo(3);
  }

  @Test
  void anEjectionLastsAsLongAsItWasToAndTheNextOneIsByTheNewRules() {
    refuse(a, 3);
    Duration minute = Duration.ofMinutes(1);
    reconfigure(
        as.judging(
                new Rules(true, 3, RULES.window(), minute, minute.multipliedBy(9)), Probing.USUAL)
            .spec("a", "b", "c"));
    control.advance(Duration.ofSeconds(5));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    refuse(a, 1);
    assertThat(a.view().reason()).startsWith("ejected for 120 s");
  }

  @Test
  void aStallTimeoutTakesEffectForWhatIsAskedFromThenOn() {
    Silence quick = new Silence(true, 5, Duration.ofSeconds(1));
    reconfigure(as.hearing(quick).spec("a", "b", "c"));
    for (int i = 0; i < 30; i++) {
      a.asked(0, control.nanoTime());
      for (String name : List.of("b", "c")) {
        answer(backend(name));
      }
      control.advance(TICK);
    }
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(a.view().reason()).contains("unanswered for 1 s");
    reconfigure(as.hearing(new Silence(false, 5, Duration.ofSeconds(1))).spec("a", "b", "c"));
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    control.advance(Duration.ofSeconds(6));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
  }

  @Test
  void whoIsRemovedIsNeitherMissedNorHeldAgainstTheOthers() {
    for (int i = 0; i < 300; i++) {
      for (Backend each : pool.backends()) {
        answer(each);
      }
      if (i == 100) {
        reconfigure(as.spec("b", "c"));
      } else if (i == 200) {
        reconfigure(as.spec("a", "b", "c"));
      }
      control.advance(TICK);
      assertThat(pool.backends())
          .as("tick %d", i)
          .extracting(each -> each.view().reason())
          .containsOnly("up: nothing against it yet");
    }
    assertThat(b.view().dossier().replyRatio()).hasValue(1);
    assertThat(backend("a").view().dossier().replyRatio()).hasValue(1);
  }

  @Test
  void aDrainedOneStaysDrained() {
    drain("a");
    reconfigure(as.weighing("a", 3).spec("a", "b", "d"));
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(dealt()).containsExactlyInAnyOrder("b", "d");
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void aLowerMaxEjectedBringsNobodyBackAndTakesNoOtherOut() {
    refuse(a, 3);
    reconfigure(as.ejecting(34).spec("a", "b", "c"));
    refuse(b, 3);
    reconfigure(as.ejecting(1).spec("a", "b", "c"));
    control.advance(TICK);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    refuse(backend("c"), 3);
    assertThat(backend("c").view().state()).isEqualTo(State.SUSPECT);
  }

  private void reconfigure(Pool.Spec next) {
    Future<?> done = pool.reconfigure(next);
    assertThat(done).isNotDone();
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
  }

  private void answer(Backend backend) {
    backend.asked(0, control.nanoTime());
    backend.traffic(0).add(Backend.REPLIES, 1);
    backend.answered(0, control.nanoTime(), control.nanoTime() + 1_000, false);
  }

  private void drain(String name) {
    assertThat(pool.drain(name, Optional.empty())).isNotDone();
    control.runDue();
  }

  private void refuse(Backend backend, int times) {
    for (int flow = 0; flow < times; flow++) {
      backend.refused(flow);
    }
    control.runDue();
  }

  private void fail(String name, int times) {
    for (int i = 0; i < times; i++) {
      pool.probed(
          name, new ProbeResult(Verdict.FAILED, "no answer", TICK, control.wallClock().instant()));
    }
  }

  private Backend backend(String name) {
    return pool.backends().stream().filter(b -> b.name().equals(name)).findFirst().orElseThrow();
  }

  private Map<Long, String> picks() {
    Map<Long, String> picks = new HashMap<>();
    LongStream.range(0, KEYS)
        .map(i -> i * 0x9E37_79B9_7F4A_7C15L)
        .forEach(key -> picks.put(key, Optional.ofNullable(pool.pick(key)).orElseThrow().name()));
    return picks;
  }

  private long share(String name) {
    return picks().values().stream().filter(name::equals).count();
  }

  private Set<String> dealt() {
    return picks().values().stream().collect(toSet());
  }

  private Balancer.Factory noting(Balancer.Factory policy) {
    return members -> {
      built.add(String.join(" ", members.stream().map(m -> m.name() + "*" + m.weight()).toList()));
      return policy.over(members);
    };
  }

  /** A configuration to be, of backends of weight 1 at addresses of their own. */
  private record Change(
      Balancer.Factory policy,
      Rules rules,
      Probing probing,
      Silence silence,
      int maxEjected,
      Duration slowStart,
      UnaryOperator<Pool.Spec.Server> edit) {
    Change(Balancer.Factory policy, Rules rules) {
      this(policy, rules, Probing.USUAL, Silence.USUAL, 100, Duration.ZERO, server -> server);
    }

    Change with(Duration slow) {
      return new Change(policy, rules, probing, silence, maxEjected, slow, edit);
    }

    Change judging(Rules by, Probing and) {
      return new Change(policy, by, and, silence, maxEjected, slowStart, edit);
    }

    Change hearing(Silence by) {
      return new Change(policy, rules, probing, by, maxEjected, slowStart, edit);
    }

    Change ejecting(int percent) {
      return new Change(policy, rules, probing, silence, percent, slowStart, edit);
    }

    Change weighing(String name, int weight) {
      return editing(name, s -> new Pool.Spec.Server(s.name(), s.address(), weight));
    }

    Change moving(String name, InetSocketAddress to) {
      return editing(name, s -> new Pool.Spec.Server(s.name(), to, s.weight()));
    }

    private Change editing(String name, UnaryOperator<Pool.Spec.Server> by) {
      return new Change(
          policy,
          rules,
          probing,
          silence,
          maxEjected,
          slowStart,
          server -> server.name().equals(name) ? by.apply(server) : server);
    }

    Pool.Spec spec(String... names) {
      return new Pool.Spec(
          "p",
          policy,
          Stream.of(names).map(Change::server).map(edit).toList(),
          rules,
          silence,
          maxEjected,
          true,
          true,
          slowStart,
          probing);
    }

    private static Pool.Spec.Server server(String name) {
      int n = name.charAt(0) - 'a' + 1;
      return new Pool.Spec.Server(name, new InetSocketAddress("192.0.2." + n, 53), 1);
    }
  }
}
