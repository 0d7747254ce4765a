package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
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
    long nowNs = random.nextLong();
    for (int i = 0; i < 100; i++) {
      nowNs += random.nextLong(Duration.ofDays(1).toNanos());
      boolean changed = random.nextBoolean() ? health.answered(nowNs) : health.elapsed(nowNs);
      assertThat(changed).as("seed %d, event %d", seed, i).isFalse();
    }
    assertThat(health.state()).isEqualTo(State.UP);
  }

  private static List<State> edges(State from) {
    return switch (from) {
      case UP, SUSPECT -> List.of(State.UP, State.SUSPECT, State.EJECTED);
      case EJECTED -> List.of(State.EJECTED, State.TRIAL);
      case TRIAL -> List.of(State.TRIAL, State.UP, State.EJECTED);
      case DOWN, DRAINING -> List.of();
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
