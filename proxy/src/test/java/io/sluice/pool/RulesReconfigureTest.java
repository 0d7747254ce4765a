package io.sluice.pool;

import static io.sluice.pool.ChangingPool.RULES;
import static io.sluice.pool.ChangingPool.TICK;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How backends are judged, once the configuration has changed. */
final class RulesReconfigureTest {
  private final ChangingPool changing = new ChangingPool();
  private final Change as = changing.as;
  private final Backend a = changing.a;
  private final Backend b = changing.b;

  @Test
  void otherRulesJudgeWhatIsKnownAlready() {
    changing.refuse(a, 2);
    changing.fail("b", 2);
    changing.reconfigure(
        as.judging(new Rules(true, 2, RULES.window(), TICK, TICK), new Probing(1, 2))
            .spec("a", "b", "c"));
    assertThat(a.view().state()).as("no rule convicts by itself").isEqualTo(State.SUSPECT);
    assertThat(b.view().state()).isEqualTo(State.SUSPECT);
    changing.control.advance(TICK);
    assertThat(a.view().reason()).startsWith("ejected for 100 ms: 2 ICMP");
    changing.fail("b", 1);
    assertThat(b.view().reason()).isEqualTo("down: 2 probes failed in a row: no answer");
    changing.reconfigure(
        as.judging(new Rules(false, 3, RULES.window(), TICK, TICK), new Probing(1, 2))
            .spec("a", "b", "c"));
    changing.control.advance(TICK);
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    assertThat(a.refused(9)).isFalse();
    assertThat(a.view().ejections()).isEqualTo(1);
    assertThat(a.view().unreachable()).isEqualTo(3);
  }

  @Test
  void anEjectionLastsAsLongAsItWasToAndTheNextOneIsByTheNewRules() {
    changing.refuse(a, 3);
    Duration minute = Duration.ofMinutes(1);
    changing.reconfigure(
        as.judging(
                new Rules(true, 3, RULES.window(), minute, minute.multipliedBy(9)), Probing.USUAL)
            .spec("a", "b", "c"));
    changing.control.advance(Duration.ofSeconds(5));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
    changing.refuse(a, 1);
    assertThat(a.view().reason()).startsWith("ejected for 120 s");
  }

  @Test
  void aStallTimeoutTakesEffectForWhatIsAskedFromThenOn() {
    Silence quick = new Silence(true, 5, Duration.ofSeconds(1));
    changing.reconfigure(as.hearing(quick).spec("a", "b", "c"));
    for (int i = 0; i < 30; i++) {
      a.asked(0, changing.control.nanoTime());
      for (String name : List.of("b", "c")) {
        changing.answer(changing.backend(name));
      }
      changing.control.advance(TICK);
    }
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(a.view().reason()).contains("unanswered for 1 s");
    changing.reconfigure(
        as.hearing(new Silence(false, 5, Duration.ofSeconds(1))).spec("a", "b", "c"));
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    changing.control.advance(Duration.ofSeconds(6));
    assertThat(a.view().state()).isEqualTo(State.TRIAL);
  }

  @Test
  void whoIsRemovedIsNeitherMissedNorHeldAgainstTheOthers() {
    for (int i = 0; i < 300; i++) {
      for (Backend each : changing.pool.backends()) {
        changing.answer(each);
      }
      if (i == 100) {
        changing.reconfigure(as.spec("b", "c"));
      } else if (i == 200) {
        changing.reconfigure(as.spec("a", "b", "c"));
      }
      changing.control.advance(TICK);
      assertThat(changing.pool.backends())
          .as("tick %d", i)
          .extracting(each -> each.view().reason())
          .containsOnly("up: nothing against it yet");
    }
    assertThat(b.view().dossier().replyRatio()).hasValue(1);
    assertThat(changing.backend("a").view().dossier().replyRatio()).hasValue(1);
  }

  @Test
  void aDrainedOneStaysDrained() {
    changing.drain("a");
    changing.reconfigure(as.weighing("a", 3).spec("a", "b", "d"));
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(changing.dealt()).containsExactlyInAnyOrder("b", "d");
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void aLowerMaxEjectedBringsNobodyBackAndTakesNoOtherOut() {
    changing.refuse(a, 3);
    changing.reconfigure(as.ejecting(34).spec("a", "b", "c"));
    changing.refuse(b, 3);
    changing.reconfigure(as.ejecting(1).spec("a", "b", "c"));
    changing.control.advance(TICK);
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    changing.refuse(changing.backend("c"), 3);
    assertThat(changing.backend("c").view().state()).isEqualTo(State.SUSPECT);
  }
}
