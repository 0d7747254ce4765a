package io.sluice.pool;

import static io.sluice.pool.Simulation.STALL;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.pool.Simulation.Manner;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whom the lack of replies convicts, and how soon; and whom it never does. */
final class SilenceTest {
  private static final Duration TEN_MINUTES = Duration.ofMinutes(10);
  private static final Duration TICK = Duration.ofMillis(100);
  private static final Manner FAST = new Manner(0.99, 0.2, 20);

  /** Rates a second of the whole pool, and latencies up to where many replies come too late. */
  static Stream<Arguments> healthyPools() {
    return Stream.of(
        Arguments.of(1, 0.1, FAST),
        Arguments.of(2, 1, FAST),
        Arguments.of(3, 10, FAST),
        Arguments.of(4, 100, FAST),
        Arguments.of(5, 1_000, FAST),
        Arguments.of(6, 30, new Manner(0.99, 0, 500)),
        Arguments.of(7, 30, new Manner(0.99, 0, 2_500)),
        Arguments.of(8, 300, new Manner(0.99, 0, 2_500)),
        Arguments.of(9, 100, new Manner(0.3, 1, 5)),
        Arguments.of(10, 10, new Manner(0.5, 1, 100)));
  }

  @ParameterizedTest(name = "seed {0}, {1} a second, {2}")
  @MethodSource("healthyPools")
  void aHealthyPoolIsNeverSuspectedOfSilenceNorEjected(long seed, double rate, Manner manner) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(manner);
    pool.run(TEN_MINUTES, rate);
    assertNobodyHurt(pool);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4})
  void clientsThatStayAndAskAgainDoNotHurtAHealthyPoolEither(long seed) {
    Simulation pool = new Simulation(seed, 4, 50);
    pool.all(FAST);
    pool.regulars(100, 1_000);
    pool.run(TEN_MINUTES, 0);
    assertNobodyHurt(pool);
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4})
  void loadThatComesInBurstsHurtsNobody(long seed) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(new Manner(0.6, 0, 400));
    pool.run(TEN_MINUTES, ms -> ms % 17_000 < 1_500 ? 400 : 0);
    assertNobodyHurt(pool);
  }

  @Test
  void backendsOfVeryDifferentLatencyAreAllHealthyAsLongAsTheyAnswerInTime() {
    Simulation pool = new Simulation(1, 3, 50);
    pool.all(FAST);
    pool.one("b", new Manner(0.99, 900, 400));
    pool.run(TEN_MINUTES, ms -> ms % 10_000 < 5_000 ? 200 : 5);
    assertNobodyHurt(pool);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("nobodyInTime")
  void whereNobodyAnswersInTimeNobodyIsToBlame(String why, Manner manner) {
    Simulation pool = new Simulation(1, 3, 100);
    pool.all(manner);
    pool.regulars(20, 1_000);
    pool.run(TEN_MINUTES, 100);
    assertNobodyHurt(pool);
  }

  static Stream<Arguments> nobodyInTime() {
    return Stream.of(
        Arguments.of("one-way", Manner.BLACK_HOLE),
        Arguments.of("slow", new Manner(1, 5_000, 0)),
        Arguments.of("slow and various", new Manner(1, 3_100, 2_000)));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
  void whatStrikesAllAtOnceConvictsNobody(long seed) {
    Simulation pool = new Simulation(seed, 3, 100);
    pool.all(new Manner(0.99, 0, 300));
    pool.one("b", new Manner(0.99, 0, 5));
    pool.run(Duration.ofSeconds(60), 500);
    pool.all(Manner.BLACK_HOLE);
    pool.run(Duration.ofSeconds(60), 500);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(60), 500);
    assertThat(pool.pool.backends()).allMatch(b -> b.view().ejections() == 0);
  }

  @Test
  void aLoneBackendHasNobodyToBeComparedTo() {
    Simulation pool = new Simulation(1, 1, 100);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(30), 100);
    pool.all(Manner.BLACK_HOLE);
    pool.run(Duration.ofMinutes(5), 100);
    assertNobodyHurt(pool);
  }

  @ParameterizedTest(name = "seed {0}, {1} a second")
  @MethodSource("rates")
  void aBlackHoleIsEjectedOnceItHasLeftTenRequestsUnanswered(long seed, double rate, int asked) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(30), rate);
    pool.one("b", Manner.BLACK_HOLE);
    Backend b = pool.backend("b");
    long before = b.total(Backend.ASKED);
    while (b.eligible() && b.total(Backend.ASKED) < before + asked) {
      pool.run(TICK, rate);
    }
    for (int i = 0; b.eligible() && i < 33; i++) { // stall-timeout and two ticks, one begun already
      pool.run(TICK, rate);
    }
    assertThat(b.view().state())
        .as("seed %d: %s", seed, b.view().reason())
        .isEqualTo(State.EJECTED);
    assertThat(b.view().reason())
        .matches(
            "ejected for 5 s: silent: \\d+ requests unanswered for 3 s while the others of the pool"
                + " answered \\d+");
    assertThat(pool.backend("a").view().ejections() + pool.backend("c").view().ejections())
        .isZero();
  }

  /** A few more than min-requests: the others lose some, and of few answers little is certain. */
  static List<Arguments> rates() {
    return List.of(
        Arguments.of(1, 0.5, 16),
        Arguments.of(2, 3, 13),
        Arguments.of(3, 30, 12),
        Arguments.of(4, 300, 12),
        Arguments.of(5, 1_000, 12));
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3})
  void flowsLeaveABlackHoleWithinTwiceTheStallTimeout(long seed) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(FAST);
    pool.regulars(100, 500);
    pool.run(Duration.ofSeconds(30), 0);
    pool.one("b", Manner.BLACK_HOLE);
    pool.run(STALL.plusMillis(1_500), 0);
    assertThat(pool.waiting(Duration.ofMillis(1_600))).as("seed %d", seed).isZero();
    assertThat(pool.backend("b").view().state()).isEqualTo(State.EJECTED);
  }

  /** They ask again within a tick of each reply, so that nothing is ever begun in silence. */
  @ParameterizedTest(name = "seed {0}, every {1} ms")
  @MethodSource("busyClients")
  void flowsThatAskAllTheTimeLeaveABlackHoleAsSoon(long seed, double everyMs, Manner manner) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(manner);
    pool.regulars(60, everyMs);
    pool.run(Duration.ofSeconds(30), 0);
    pool.one("b", Manner.BLACK_HOLE);
    pool.run(STALL.plusMillis(2_000), 0);
    assertThat(pool.backend("b").view().state())
        .as("seed %d: %s", seed, pool.backend("b").view().reason())
        .isEqualTo(State.EJECTED);
    assertThat(pool.waiting(STALL.plusMillis(500))).as("seed %d", seed).isZero();
    assertThat(pool.backend("a").view().ejections() + pool.backend("c").view().ejections())
        .isZero();
  }

  static Stream<Arguments> busyClients() {
    return LongStream.rangeClosed(1, 8)
        .boxed()
        .flatMap(
            seed ->
                Stream.of(
                    Arguments.of(seed, 20, FAST),
                    Arguments.of(seed, 50, FAST),
                    Arguments.of(seed, 20, new Manner(0.99, 100, 200))));
  }

  /** Too few to convict, but it need not stay: what is silent is left by whoever waits there. */
  @Test
  void aLoneClientLeavesASilentBackend() {
    Simulation pool = new Simulation(1, 2, 50);
    pool.all(FAST);
    pool.regulars(12, 1_000);
    pool.run(Duration.ofSeconds(30), 0);
    Backend left =
        pool.backend("a").load() < pool.backend("b").load() ? pool.backend("a") : pool.backend("b");
    assertThat(left.load()).as("of 12").isBetween(1, 6);
    pool.one(left.name(), Manner.BLACK_HOLE);
    pool.run(STALL.plusMillis(4_500), 0);
    assertThat(left.load()).isZero();
    assertThat(left.view().state()).isEqualTo(State.SUSPECT);
    assertThat(pool.waiting(Duration.ofSeconds(2))).isZero();
  }

  @ParameterizedTest(name = "seed {0}")
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void oneThatLosesHalfOfItsRepliesIsEjectedWithinTwoWindows(long seed) {
    Simulation pool = new Simulation(seed, 3, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(60), 60);
    pool.one("c", new Manner(0.5, 0.2, 20));
    Duration window = Simulation.RULES.window();
    pool.run(window.multipliedBy(2).plus(STALL), 60);
    Backend.View c = pool.backend("c").view();
    assertThat(c.ejections()).as("seed %d: %s", seed, c.reason()).isPositive();
    assertThat(pool.backend("a").view().ejections() + pool.backend("b").view().ejections())
        .isZero();
  }

  @Test
  void aTrialAfterSilenceRisksAnEighthOfTheKeysAndTheFirstAnswerEndsIt() {
    Simulation pool = new Simulation(1, 2, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(10), 200);
    pool.one("b", Manner.BLACK_HOLE);
    pool.run(Duration.ofSeconds(4), 200);
    Backend b = pool.backend("b");
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    long asked = b.total(Backend.ASKED);
    pool.run(Duration.ofSeconds(4), 200);
    assertThat(b.total(Backend.ASKED)).isEqualTo(asked);

    // On trial from about the fifth second: for stall-timeout and a little, an eighth of 100 a
    // second.
    pool.run(Duration.ofSeconds(6), 200);
    assertThat(b.view().ejections()).isEqualTo(2);
    assertThat(b.view().reason()).startsWith("ejected for 10 s: silent: ").endsWith(", on trial");
    assertThat(b.total(Backend.ASKED) - asked).isBetween(20L, 65L);

    pool.one("b", FAST);
    pool.run(Duration.ofSeconds(12), 200);
    assertThat(b.view().state()).isEqualTo(State.UP);
    assertThat(b.view().reason()).isEqualTo("up: answered on trial");
  }

  @Test
  void moreThanMaxEjectedAreKeptAndTheReasonSaysSo() {
    Simulation pool = new Simulation(1, 4, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(10), 400);
    for (String name : List.of("a", "b", "c")) {
      pool.one(name, Manner.BLACK_HOLE);
    }
    boolean kept = false;
    for (int i = 0; i < 100; i++) {
      pool.run(TICK, 400);
      assertThat(pool.pool.backends())
          .filteredOn(b -> b.view().state() == State.EJECTED)
          .hasSizeLessThanOrEqualTo(2);
      for (Backend backend : pool.pool.backends()) {
        if (backend.view().reason().startsWith("suspect, kept as too many of the pool are")) {
          kept = true;
          assertThat(backend.view().score()).isZero();
          assertThat(backend.eligible()).isTrue();
        }
      }
    }
    assertThat(kept).isTrue();
    assertThat(pool.backend("d").view().ejections()).isZero();
  }

  @Test
  void whoeverIsOutForAnotherReasonCountsTowardsMaxEjected() {
    Simulation pool = new Simulation(1, 4, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(10), 400);
    pool.drain("a");
    pool.drain("c");
    pool.one("b", Manner.BLACK_HOLE);
    pool.run(Duration.ofSeconds(10), 400);
    Backend b = pool.backend("b");
    assertThat(b.view().reason())
        .startsWith("suspect, kept as too many of the pool are out already");
    assertThat(b.patienceNs()).isEqualTo(STALL.toNanos());

    pool.enable("a");
    pool.run(Duration.ofSeconds(1), 400);
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
  }

  @Test
  void belowAHundredPercentOneAlwaysStays() {
    Simulation pool = new Simulation(1, 3, 99);
    pool.drain("a");
    for (String name : List.of("b", "c")) {
      LongStream.range(0, 5).forEach(pool.backend(name)::refused);
      pool.run(TICK, 0);
    }
    assertThat(pool.backend("b").view().state()).isEqualTo(State.EJECTED);
    assertThat(pool.backend("c").view().state()).isEqualTo(State.SUSPECT);
  }

  @Test
  void whatLeavesOneGoesToNoneThatIsSilentOrOnTrialForIt() {
    Simulation pool = new Simulation(1, 3, 33);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(10), 100);
    pool.one("b", Manner.BLACK_HOLE);
    Backend a = pool.backend("a");
    Backend b = pool.backend("b");
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < 120; i++) {
      pool.run(TICK, 100);
      if (b.eligible() && b.patienceNs() == STALL.toNanos()) {
        seen.add(b.view().state().name());
        assertThat(LongStream.range(0, 200).mapToObj(key -> pool.pool.pickOther(key, a)))
            .containsOnly(pool.backend("c"));
      }
    }
    assertThat(seen).containsExactlyInAnyOrder("SUSPECT", "TRIAL");
    pool.drain("c");
    pool.run(TICK, 100);
    assertThat(pool.pool.pickOther(1, a)).isSameAs(b.eligible() ? b : null);
  }

  @Test
  void flowsStayWithADrainingBackendThoughItIsSilent() {
    Simulation pool = new Simulation(1, 3, 50);
    pool.all(FAST);
    pool.regulars(12, 1_000);
    pool.run(Duration.ofSeconds(10), 0);
    Backend b = pool.backend("b");
    int load = b.load();
    assertThat(load).as("of 12: enough for silence, too few to eject").isBetween(3, 9);
    pool.drain("b");
    pool.one("b", Manner.BLACK_HOLE);
    pool.run(Duration.ofSeconds(10), 0);
    assertThat(b.view().score()).isBetween(1, 99);
    assertThat(b.patienceNs()).isEqualTo(Long.MAX_VALUE);
    assertThat(b.load()).isEqualTo(load);
  }

  @ParameterizedTest(name = "{0} a second")
  @ValueSource(doubles = {60, 200})
  void garbageThatNobodyCouldAnswerConvictsNobody(double perSecond) {
    Simulation pool = new Simulation(1, 3, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(60), 100);
    pool.garbage("b", perSecond);
    pool.run(TEN_MINUTES, 100);
    assertThat(pool.backend("b").view().dossier().replyRatio().orElse(1)).isLessThan(0.5);
    assertNobodyHurt(pool);

    pool.one("b", new Manner(0.4, 0.2, 20));
    pool.run(Simulation.RULES.window().plus(STALL), 100);
    assertThat(pool.backend("b").view().ejections()).as("answers less as well").isPositive();
  }

  @Test
  void oneThatComesAndGoesIsEjectedForLongerAndLonger() {
    Simulation pool = new Simulation(1, 3, 50);
    pool.all(FAST);
    pool.run(Duration.ofSeconds(10), 300);
    for (int i = 0; i < 100; i++) {
      pool.one("b", Manner.BLACK_HOLE);
      pool.run(Duration.ofMillis(3_300), 300);
      pool.one("b", FAST);
      pool.run(Duration.ofMillis(2_700), 300);
    }
    // 5 + 10 + 20 + ... + 160 s are over half of the ten minutes.
    assertThat(pool.backend("b").view().ejections()).isBetween(2L, 8L);
    assertThat(pool.backend("a").view().ejections() + pool.backend("c").view().ejections())
        .isZero();
  }

  private static void assertNobodyHurt(Simulation pool) {
    assertThat(pool.anySilent).as("somebody was held to be silent").isFalse();
    assertThat(pool.pool.backends()).allMatch(b -> b.view().ejections() == 0);
  }
}
