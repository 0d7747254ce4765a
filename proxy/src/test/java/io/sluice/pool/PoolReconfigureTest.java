package io.sluice.pool;

import static io.sluice.pool.ChangingPool.KEYS;
import static io.sluice.pool.ChangingPool.RULES;
import static io.sluice.pool.ChangingPool.TICK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is dealt, once the configuration has changed. */
final class PoolReconfigureTest {
  private final ChangingPool changing = new ChangingPool();
  private final Change as = changing.as;
  private final Pool pool = changing.pool;
  private final Backend a = changing.a;
  private final Backend b = changing.b;

  @Test
  void whoStaysIsTheSameBackendWithAllThatIsKnownOfIt() {
    changing.refuse(a, 3);
    a.flowOpened();
    a.traffic(0).add(Backend.REQUESTS, 7);
    changing.control.advance(Duration.ofSeconds(1));
    Backend.View before = a.view();
    changing.reconfigure(as.spec("a", "b", "d"));
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a", "b", "d");
    assertThat(pool.backends()).startsWith(a, b);
    assertThat(a.view()).isEqualTo(before);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    changing.control.advance(Duration.ofSeconds(4));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    changing.refuse(a, 1);
    assertThat(a.view().reason()).startsWith("ejected for 10 s"); // its relapses count on
  }

  @Test
  void whoJoinsIsUpAndDealtAtOnce() {
    changing.reconfigure(as.spec("a", "b", "c", "d"));
    assertThat(changing.backend("d").view().state()).isEqualTo(State.UP);
    assertThat(changing.backend("d").eligible()).isTrue();
    assertThat(changing.dealt()).containsExactlyInAnyOrder("a", "b", "c", "d");
    assertThat(changing.built).containsExactly("a*1 b*1 c*1", "a*1 b*1 c*1 d*1");
    assertThat(changing.journal.after(0)).extracting(Journal.Event::what).containsExactly("ADDED");
  }

  @Test
  void whoJoinsStartsSlowlyWhereThatIsConfiguredAndNobodyElseDoes() {
    Change slowly = as.with(Duration.ofSeconds(10));
    changing.reconfigure(slowly.spec("a", "b", "c"));
    assertThat(changing.share("a") + changing.share("b") + changing.share("c")).isEqualTo(KEYS);
    changing.reconfigure(slowly.spec("a", "b", "c", "d"));
    assertThat((double) changing.share("d")).isCloseTo(KEYS / 4.0 / 16, within(0.02 * KEYS));
    changing.control.advance(Duration.ofSeconds(5));
    assertThat((double) changing.share("d")).isCloseTo(KEYS / 4.0 * 17 / 32, within(0.02 * KEYS));
    changing.reconfigure(slowly.weighing("d", 2).spec("a", "b", "c", "d")); // does not begin anew
    changing.control.advance(Duration.ofSeconds(5));
    assertThat((double) changing.share("d")).isCloseTo(KEYS * 2 / 5.0, within(0.02 * KEYS));
  }

  @Test
  void whoIsRemovedIsDealtNoLongerAndItsFlowsAreToLeave() {
    a.flowOpened();
    changing.reconfigure(as.spec("b", "c"));
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("b", "c");
    assertThat(changing.dealt()).containsExactlyInAnyOrder("b", "c");
    assertThat(a.eligible()).isFalse();
    assertThat(a.patienceNs()).isZero();
    assertThat(a.view().reason()).isEqualTo("removed: the configuration no longer has it");
    assertThat(pool.leaving()).containsExactly(a);
    assertThat(changing.journal.after(0))
        .extracting(Journal.Event::what)
        .containsExactly("REMOVED");
    assertThatIllegalArgumentException().isThrownBy(() -> pool.drain("a", Optional.empty()));

    changing.control.advance(Duration.ofDays(1));
    assertThat(pool.leaving()).containsExactly(a);
    a.flowClosed();
    assertThat(pool.leaving()).isEmpty();
    changing.control.advance(TICK);
    a.flowOpened(); // forgotten is forgotten
    assertThat(pool.leaving()).isEmpty();
  }

  @Test
  void aFlowThatWasBeingOpenedWhenItsBackendWasRemovedIsStillSeen() {
    changing.reconfigure(as.spec("b", "c"));
    changing.control.advance(TICK);
    a.flowOpened();
    assertThat(pool.leaving()).containsExactly(a);
  }

  @Test
  void lateEvidenceAboutOneThatIsGoneDecidesNothing() {
    for (int flow = 0; flow < 3; flow++) {
      a.refused(flow); // on the way to control
    }
    Future<?> done = pool.reconfigure(as.spec("b", "c"));
    changing.control.runDue();
    assertThat(done).isDone();
    changing.refuse(b, 3);
    assertThat(a.refused(7)).as("its flows re-home, and do not end for it").isFalse();
    a.answered();
    changing.control.advance(Duration.ofSeconds(1));
    assertThat(a.view().unreachable()).isEqualTo(4);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.eligible()).isFalse();
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    assertThat(changing.dealt()).containsExactly("c");
  }

  @Test
  void anotherAddressIsAnotherBackendOfThatName() {
    a.flowOpened();
    changing.refuse(a, 3);
    InetSocketAddress elsewhere = new InetSocketAddress("192.0.2.9", 53);
    changing.reconfigure(as.moving("a", elsewhere).spec("a", "b", "c"));
    assertThat(changing.backend("a")).isNotSameAs(a);
    assertThat(changing.backend("a").address()).isEqualTo(elsewhere);
    assertThat(changing.backend("a").view().state()).isEqualTo(State.UP);
    assertThat(changing.backend("a").load()).isZero();
    assertThat(a.patienceNs()).isZero();
    assertThat(pool.leaving()).containsExactly(a);
    changing.drain("a");
    assertThat(changing.backend("a").view().state()).isEqualTo(State.DRAINING);
  }

  @Test
  void aWeightTakesEffectInPlace() {
    a.flowOpened();
    changing.reconfigure(as.weighing("a", 7).spec("a", "b", "c"));
    assertThat(changing.backend("a")).isSameAs(a);
    assertThat(a.weight()).isEqualTo(7);
    assertThat((double) changing.share("a")).isCloseTo(KEYS * 7 / 9.0, within(0.02 * KEYS));
    assertThat(changing.built).containsExactly("a*1 b*1 c*1", "a*7 b*1 c*1");
    assertThat(changing.journal.after(0))
        .extracting(Journal.Event::why)
        .containsExactly("from 1 to 7");
    changing.refuse(a, 3);
    changing.control.advance(Duration.ofSeconds(5));
    assertThat(changing.built).endsWith("b*1 c*1", "a*7 b*1 c*1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"maglev", "ketama"})
  void consistentPoliciesMoveTheKeysOfWhoGoesAlone(String policy) {
    Balancer.Factory consistent = policy.equals("maglev") ? Policies.maglev() : Policies.ketama();
    Change by = new Change(consistent, RULES);
    changing.reconfigure(by.spec("a", "b", "c", "d", "e"));
    Map<Long, String> before = changing.picks();
    changing.reconfigure(by.spec("a", "b", "c", "e"));
    Map<Long, String> after = changing.picks();
    long moved =
        before.entrySet().stream()
            .filter(pick -> !pick.getValue().equals("d"))
            .filter(pick -> !pick.getValue().equals(after.get(pick.getKey())))
            .count();
    assertThat(moved).isLessThanOrEqualTo(policy.equals("maglev") ? KEYS / 20 : 0);
    assertThat(after).doesNotContainValue("d");
    changing.reconfigure(by.spec("a", "b", "c", "d", "e"));
    assertThat(changing.picks()).as("and it gets them back").isEqualTo(before);
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
    Map<Long, String> before = changing.picks();
    Future<?> done = pool.reconfigure(broken);
    changing.control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.FAILED);
    assertThat(done.exceptionNow()).hasMessage("no");
    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a", "b", "c");
    assertThat(pool.backends()).extracting(Backend::weight).containsExactly(1, 1, 1);
    assertThat(pool.backends()).allMatch(Backend::eligible);
    assertThat(pool.leaving()).isEmpty();
    assertThat(changing.picks()).isEqualTo(before);
    assertThat(changing.journal.after(0)).isEmpty();
    changing.refuse(a, 2);
    assertThat(a.view().state()).as("by the rules of before").isEqualTo(State.SUSPECT);
  }

  @Test
  void theSameConfigurationChangesNothing() {
    changing.reconfigure(as.spec("c", "b", "a"));
    changing.reconfigure(as.with(Duration.ofSeconds(10)).spec("a", "b", "c"));
    assertThat(changing.built).as("nor is a balancer built for other rules").hasSize(1);
    assertThat(changing.journal.after(0)).isEmpty();
  }

  @Test
  void anotherPolicyIsBuiltOverThoseThatAreEligible() {
    changing.refuse(a, 3);
    changing.reconfigure(new Change(changing.noting(Policies.ketama()), RULES).spec("a", "b", "c"));
    assertThat(changing.built).containsExactly("a*1 b*1 c*1", "b*1 c*1", "b*1 c*1");
  }

  @Test
  void whetherARequestMayReachTwoBackendsCanChange() {
    Pool.Spec now = as.spec("a", "b", "c");
    changing.reconfigure(
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
    assertThat(changing.built).hasSize(1);
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
    changing.reconfigure(as.spec());
    assertThat(pool.pick(1)).isNull();
    assertThat(pool.backends()).isEmpty();
    changing.reconfigure(as.spec("a"));
    assertThat(changing.dealt()).containsExactly("a");
    assertThat(changing.backend("a")).as("a newcomer").isNotSameAs(a);
  }
}
