package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random lives of a backend, held against a model that remembers everything. */
final class HealthModelTest {
  private static final int EVENTS = 2_000;

  static LongStream seeds() {
    return LongStream.rangeClosed(1, 50);
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesLikeTheModelAndKeepsItsPromises(long seed) {
    Random random = new Random(seed);
    Rules rules = randomRules(random);
    Model model = new Model(rules);
    Health health = HealthTest.health(rules);
    boolean busy = random.nextBoolean();
    long nowNs = random.nextLong();

    for (int i = 0; i < EVENTS; i++) {
      State before = health.state();
      boolean changed;
      boolean expected;
      switch (random.nextInt(busy ? 12 : 4)) {
        case 0 -> {
          nowNs += random.nextLong(rules.window().toNanos());
          changed = health.elapsed(nowNs);
          expected = model.elapsed(nowNs);
        }
        case 1 -> {
          // The timer that is due, fired on time or late.
          long remaining = health.remainingNs(nowNs);
          nowNs += remaining == Health.NEVER ? 0 : remaining + random.nextInt(3);
          changed = health.elapsed(nowNs);
          expected = model.elapsed(nowNs);
          assertThat(changed)
              .as("a timer that fires changes the state")
              .isEqualTo(remaining != Health.NEVER);
        }
        case 2 -> {
          changed = health.answered(nowNs);
          expected = model.answered(nowNs);
        }
        default -> {
          long flow = random.nextInt(8);
          int live = random.nextInt(6);
          changed = health.refused(nowNs, flow, live);
          expected = model.refused(nowNs, flow, live);
        }
      }
      String where = "seed %d, event %d, %s".formatted(seed, i, rules);
      assertThat(changed).as(where).isEqualTo(expected);
      assertThat(health.state()).as(where).isEqualTo(model.state);
      assertThat(changed).as(where).isEqualTo(health.state() != before);
      assertThat(health.remainingNs(nowNs)).as(where).isEqualTo(model.remainingNs(nowNs));
      assertThat(edges(before)).as(where).contains(health.state());
    }
    if (busy) {
      assertThat(model.ejections).as("seed %d tests something", seed).isPositive();
    }
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void aServiceThatOnlyAnswersOrIsSilentNeverLeavesUp(long seed) {
    Random random = new Random(seed);
    Health health = HealthTest.health(randomRules(random));
    ReplyRatio ratio = new ReplyRatio(2, 1 + random.nextInt(10), 20, 10);
    boolean answers = random.nextBoolean();
    long[] asked = new long[2];
    long nowNs = random.nextLong();
    for (int i = 0; i < 500; i++) {
      nowNs += random.nextLong(Duration.ofDays(1).toNanos());
      ratio.tick();
      for (int backend = 0; backend < 2; backend++) {
        asked[backend] += random.nextInt(5);
        long answered = answers ? asked[backend] : 0;
        ratio.sample(backend, asked[backend], answered, 0, answered, 0);
      }
      boolean changed =
          switch (random.nextInt(3)) {
            case 0 -> answers && health.answered(nowNs);
            case 1 -> health.elapsed(nowNs);
            default -> health.heard(nowNs, ratio.hearing(0));
          };
      assertThat(changed).as("seed %d, event %d: %s", seed, i, health.reason()).isFalse();
    }
    assertThat(health.state()).isEqualTo(State.UP);
  }

  /** All kinds of evidence, wishes and time; what must hold whatever happens. */
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void keepsItsPromisesWhateverHappens(long seed) {
    Random random = new Random(seed);
    Rules rules = randomRules(random);
    Probing probing = new Probing(1 + random.nextInt(3), 1 + random.nextInt(4));
    boolean full = random.nextBoolean();
    boolean denied = false;
    boolean[] room = {true};
    Health health =
        new Health(rules, probing, Silence.USUAL, LongUnaryOperator.identity(), () -> room[0]);
    long nowNs = random.nextLong();
    int failed = 0;
    long lastEjectionNs = 0;
    long lastForNs = 0;
    Set<State> seen = EnumSet.noneOf(State.class);
    for (int i = 0; i < EVENTS; i++) {
      State before = health.state();
      Health.Wish wish = health.wish();
      int event = random.nextInt(9);
      boolean changed;
      switch (event) {
        case 0 -> {
          nowNs += random.nextLong(2 * rules.ejectFor().toNanos());
          changed = health.elapsed(nowNs);
        }
        case 1 -> {
          long remaining = health.remainingNs(nowNs);
          nowNs += remaining == Health.NEVER ? 0 : remaining;
          changed = health.elapsed(nowNs);
        }
        case 2 -> changed = health.answered(nowNs);
        case 3 -> changed = health.heard(nowNs, randomHearing(random));
        case 4 -> {
          failed = 0;
          changed = health.passed(nowNs, random.nextInt(6) == 0);
        }
        case 5 -> {
          failed++;
          changed = health.failed(nowNs, "no answer");
        }
        case 6 -> {
          Health.Wish[] wishes = Health.Wish.values();
          changed = random.nextInt(4) == 0 && health.wish(wishes[random.nextInt(wishes.length)]);
        }
        default -> {
          room[0] = !full || random.nextInt(4) > 0;
          changed = health.refused(nowNs, random.nextInt(8), random.nextInt(6));
        }
      }
      State now = health.state();
      seen.add(now);
      String where = "seed %d, event %d (%d): %s".formatted(seed, i, event, health.reason());
      assertThat(changed).as(where).isEqualTo(now != before);
      assertThat(edges(before)).as(where).contains(now);
      boolean out = now == State.EJECTED || now == State.DOWN;
      int score = health.score(nowNs);
      assertThat(score).as(where).isBetween(0, 100);
      denied |= !room[0];
      if (out || !denied) {
        assertThat(score == 0).as(where).isEqualTo(out);
      }
      if (now == State.UP) {
        assertThat(score).as(where).isEqualTo(100);
      }
      if (now == State.DOWN && before != State.DOWN) {
        assertThat(failed).as(where).isGreaterThanOrEqualTo(probing.fall());
      }
      if (!out) {
        assertThat(now == State.DRAINING).as(where).isEqualTo(health.wish() != Health.Wish.NOBODY);
      }
      if (wish == Health.Wish.OPERATOR && event != 6) {
        assertThat(health.wish()).as(where).isEqualTo(Health.Wish.OPERATOR);
      }
      if (now == State.EJECTED && before != State.EJECTED) {
        assertThat(room[0]).as(where).isTrue();
        long forNs = health.remainingNs(nowNs);
        boolean forgiven = nowNs - lastEjectionNs - lastForNs >= rules.ejectMax().toNanos();
        if (lastForNs > 0 && forNs != Health.NEVER && !forgiven) {
          assertThat(forNs)
              .as("%s; the one before lasted %d", where, lastForNs)
              .isEqualTo(Math.min(2 * lastForNs, rules.ejectMax().toNanos()));
        }
        lastEjectionNs = nowNs;
        lastForNs = forNs == Health.NEVER ? 0 : forNs;
      } else if (now == State.DOWN) {
        lastForNs = 0;
      }
    }
    assertThat(seen).as("seed %d comes by every state", seed).hasSizeGreaterThanOrEqualTo(5);
  }

  private static Hearing randomHearing(Random random) {
    boolean silent = random.nextInt(4) == 0;
    boolean low = random.nextInt(8) == 0;
    return new Hearing(
        silent,
        silent ? 1 + random.nextInt(20) : 0,
        random.nextInt(100),
        silent ? random.nextInt(1, 11) / 10.0 : 0,
        OptionalDouble.of(random.nextDouble()),
        1,
        low ? random.nextDouble() : 0);
  }

  private static List<State> edges(State from) {
    return switch (from) {
      case UP, SUSPECT ->
          List.of(State.UP, State.SUSPECT, State.EJECTED, State.DOWN, State.DRAINING);
      case EJECTED -> List.of(State.EJECTED, State.TRIAL, State.DOWN, State.DRAINING);
      case DOWN -> List.of(State.DOWN, State.UP, State.DRAINING);
      case TRIAL, DRAINING -> List.of(State.values());
    };
  }

  private static Rules randomRules(Random random) {
    Duration ejectFor = Duration.ofNanos(1 + random.nextInt(1_000));
    return new Rules(
        true,
        1 + random.nextInt(6),
        Duration.ofNanos(1 + random.nextInt(1_000)),
        ejectFor,
        ejectFor.multipliedBy(1 + random.nextInt(20)).plusNanos(random.nextInt(7)));
  }

  /** Remembers every refusal and says it the long way round. */
  private static final class Model {
    record Refusal(long atNs, long flow) {}

    final Rules rules;
    final List<Refusal> refusals = new ArrayList<>();
    State state = State.UP;
    long sinceNs;
    long lastRefusalOrUpNs;
    int relapses;
    int ejections;

    Model(Rules rules) {
      this.rules = rules;
    }

    boolean refused(long nowNs, long flow, int live) {
      if (state == State.TRIAL) {
        return eject(nowNs);
      }
      if (state == State.EJECTED) {
        return false;
      }
      if (nowNs - lastRefusalOrUpNs >= rules.ejectMax().toNanos()) {
        relapses = 0;
      }
      lastRefusalOrUpNs = nowNs;
      refusals.add(new Refusal(nowNs, flow));
      List<Refusal> young =
          refusals.stream().filter(r -> nowNs - r.atNs <= rules.window().toNanos()).toList();
      long flows = young.stream().mapToLong(Refusal::flow).distinct().count();
      boolean enough = young.size() >= rules.fall() && flows >= Math.min(rules.fall(), live);
      return enough ? eject(nowNs) : settle(nowNs);
    }

    /** Without enough to eject. */
    private boolean settle(long nowNs) {
      State before = state;
      boolean young = refusals.stream().anyMatch(r -> nowNs - r.atNs <= rules.window().toNanos());
      state = young ? State.SUSPECT : State.UP;
      return state != before;
    }

    boolean answered(long nowNs) {
      return state == State.TRIAL && enter(State.UP, nowNs);
    }

    boolean elapsed(long nowNs) {
      if (state == State.UP || state == State.SUSPECT) {
        return settle(nowNs);
      }
      return remainingNs(nowNs) == 0
          && enter(state == State.EJECTED ? State.TRIAL : State.UP, nowNs);
    }

    long remainingNs(long nowNs) {
      return switch (state) {
        case UP, SUSPECT, DOWN, DRAINING -> Health.NEVER;
        case EJECTED -> Math.max(0, ejectionNs() - (nowNs - sinceNs));
        case TRIAL -> Math.max(0, rules.ejectFor().toNanos() - (nowNs - sinceNs));
      };
    }

    /** Of the ejection under way, which {@code relapses} already counts. */
    private long ejectionNs() {
      double ns = rules.ejectFor().toNanos() * Math.pow(2, relapses - 1);
      return Math.min((long) ns, rules.ejectMax().toNanos());
    }

    private boolean eject(long nowNs) {
      relapses++;
      ejections++;
      return enter(State.EJECTED, nowNs);
    }

    private boolean enter(State next, long nowNs) {
      state = next;
      sinceNs = nowNs;
      lastRefusalOrUpNs = nowNs;
      refusals.clear();
      return true;
    }
  }
}
