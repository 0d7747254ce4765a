package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Duration;
import java.util.Scanner;
import java.util.function.LongUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Three refusals within 10 s eject for 5 s, doubling up to 30 s. */
final class HealthTest {
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(30));

  private final Health health = health(RULES);
  private long nowNs;

  @ParameterizedTest(name = "{0} with {1} live flows: {2}")
  @CsvSource(
      textBlock =
          """
          # flow@second of each refusal | live flows | state
          1@0 1@0                       , 1  , SUSPECT
          1@0 1@0 1@0                   , 1  , EJECTED
          1@0 1@0 1@0                   , 0  , EJECTED
          1@0 1@0 1@0                   , 2  , SUSPECT
          1@0 1@0 2@0                   , 2  , EJECTED
          1@0 1@0 1@0 2@0               , 3  , SUSPECT
          1@0 2@0 3@0                   , 3  , EJECTED
          1@0 2@0 3@0                   , 900, EJECTED
          1@0 1@0 1@0 1@0 1@0 1@0 1@0   , 900, SUSPECT
          1@0 2@0 1@0 2@0 1@0 2@0       , 900, SUSPECT
          1@0 2@0 2@0 2@0 2@0 3@0       , 900, EJECTED
          1@0 2@5 3@10                  , 900, EJECTED
          1@0 2@5 3@11                  , 900, SUSPECT
          1@0 2@5 3@11 4@12             , 900, EJECTED
          1@0 2@1 1@9 3@11              , 900, EJECTED
          1@0 2@1 1@9 3@12              , 900, SUSPECT
          1@0 1@6 1@12 1@18             , 1  , SUSPECT
          """)
  void ejectsOnEnoughRefusalsFromEnoughFlows(String refusals, int liveFlows, State expected) {
    try (Scanner flowAtSecond = new Scanner(refusals).useDelimiter("[@ ]")) {
      while (flowAtSecond.hasNext()) {
        long flow = flowAtSecond.nextLong();
        health.refused(Duration.ofSeconds(flowAtSecond.nextLong()).toNanos(), flow, liveFlows);
      }
    }
    assertThat(health.state()).isEqualTo(expected);
  }

  @Test
  void saysWhyInWordsForAPerson() {
    assertThat(health.reason()).isEqualTo("up: nothing against it yet");
    refusedBy(1, 2, 3);
    assertThat(health.reason())
        .isEqualTo("ejected for 5 s: 3 ICMP unreachable errors from 3 flows within 10 s");
    wait(5);
    assertThat(health.reason()).isEqualTo("on trial after 5 s ejected");
    refusedBy(4);
    assertThat(health.reason()).isEqualTo("ejected for 10 s: ICMP unreachable error on trial");
    wait(10);
    health.answered(nowNs);
    assertThat(health.reason()).isEqualTo("up: answered on trial");
    health.refused(nowNs, 5, 1);
    health.refused(nowNs, 5, 1);
    health.refused(nowNs, 5, 1);
    assertThat(health.reason())
        .isEqualTo("ejected for 20 s: 3 ICMP unreachable errors from 1 flow within 10 s");
    wait(20);
    wait(5);
    assertThat(health.reason()).isEqualTo("up: nothing against it for 5 s on trial");
  }

  @Test
  void everyRelapseDoublesTheEjectionUpToItsMaximum() {
    refusedBy(1, 2, 3);
    for (int seconds : new int[] {5, 10, 20, 30, 30}) {
      assertThat(health.state()).isEqualTo(State.EJECTED);
      assertThat(health.remainingNs(nowNs)).isEqualTo(Duration.ofSeconds(seconds).toNanos());
      wait(seconds);
      assertThat(health.state()).isEqualTo(State.TRIAL);
      refusedBy(1);
    }
  }

  @Test
  void oneNanosecondTooEarlyIsTooEarly() {
    refusedBy(1, 2, 3);
    long end = nowNs + Duration.ofSeconds(5).toNanos();
    assertThat(health.elapsed(end - 1)).isFalse();
    assertThat(health.remainingNs(end - 1)).isEqualTo(1);
    assertThat(health.elapsed(end)).isTrue();
  }

  @Test
  void refusalsAndAnswersDoNotTouchAnEjection() {
    refusedBy(1, 2, 3);
    wait(3);
    assertThat(health.refused(nowNs, 4, 1)).isFalse();
    assertThat(health.answered(nowNs)).isFalse();
    assertThat(health.remainingNs(nowNs)).isEqualTo(Duration.ofSeconds(2).toNanos());
  }

  @Test
  void theFirstAnswerEndsTheTrialAndTheSlateIsClean() {
    refusedBy(1, 2, 3);
    wait(5);
    assertThat(health.answered(nowNs)).isTrue();
    assertThat(health.remainingNs(nowNs)).isEqualTo(Health.NEVER);
    refusedBy(4, 5);
    assertThat(health.state()).isEqualTo(State.SUSPECT);
    refusedBy(6);
    assertThat(health.state()).isEqualTo(State.EJECTED);
  }

  @ParameterizedTest(name = "{0} s up, then ejected for {1} s")
  @CsvSource({"29, 10", "30, 5"})
  void relapsesAreForgottenAfterTheLongestEjectionUpWithoutARefusal(int calm, int seconds) {
    refusedBy(1, 2, 3);
    wait(5);
    health.answered(nowNs);
    wait(calm);
    refusedBy(4, 5, 6);
    assertThat(health.remainingNs(nowNs)).isEqualTo(Duration.ofSeconds(seconds).toNanos());
  }

  @Test
  void aRefusalThatDoesNotEjectStillBreaksTheCalm() {
    refusedBy(1, 2, 3);
    wait(5);
    health.answered(nowNs);
    wait(29);
    refusedBy(4);
    wait(29);
    refusedBy(5, 6, 7);
    assertThat(health.remainingNs(nowNs)).isEqualTo(Duration.ofSeconds(10).toNanos());
  }

  @Test
  void survivesAClockThatStartsAnywhereAndWraps() {
    nowNs = Long.MAX_VALUE - 1;
    Health wrapping = health(RULES);
    for (int flow = 1; flow <= 3; flow++) {
      wrapping.refused(nowNs, flow, 3);
      nowNs += Duration.ofSeconds(1).toNanos();
    }
    assertThat(wrapping.state()).isEqualTo(State.EJECTED);
    assertThat(wrapping.elapsed(nowNs)).isFalse();
    assertThat(wrapping.elapsed(nowNs + Duration.ofSeconds(4).toNanos())).isTrue();
  }

  @Test
  void anEjectionOfCenturiesDoesNotOverflow() {
    Duration centuries = Duration.ofNanos(Long.MAX_VALUE - 1);
    Health patient = health(new Rules(true, 1, centuries, Duration.ofDays(60_000), centuries));
    patient.refused(0, 1, 1);
    patient.elapsed(Duration.ofDays(60_000).toNanos());
    patient.refused(Duration.ofDays(60_000).toNanos(), 1, 1);
    assertThat(patient.remainingNs(Duration.ofDays(60_000).toNanos()))
        .isEqualTo(centuries.toNanos());
  }

  @Test
  void rulesThatMakeNoSenseAreRefused() {
    Duration s = Duration.ofSeconds(1);
    assertThatIllegalArgumentException().isThrownBy(() -> new Rules(true, 0, s, s, s));
    assertThatIllegalArgumentException().isThrownBy(() -> new Rules(true, 1, Duration.ZERO, s, s));
    assertThatIllegalArgumentException().isThrownBy(() -> new Rules(true, 1, s, Duration.ZERO, s));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Rules(true, 1, s, s, Duration.ofMillis(999)));
  }

  static Health health(Rules rules) {
    return new Health(
        rules, Probing.USUAL, Silence.USUAL, LongUnaryOperator.identity(), () -> true);
  }

  private void refusedBy(long... flows) {
    for (long flow : flows) {
      health.refused(nowNs, flow, 900);
    }
  }

  private void wait(int seconds) {
    nowNs += Duration.ofSeconds(seconds).toNanos();
    health.elapsed(nowNs);
  }
}
