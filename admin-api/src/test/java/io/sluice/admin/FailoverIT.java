package io.sluice.admin;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.admin.Scenario.Outcome;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.opentest4j.TestAbortedException;

/**
 * The failover matrix, at a short tempo: every fault, two-way and one-way, with probes and without.
 * At the usual tempo, and beside nginx, {@code bench/failover} runs it.
 *
 * <p>Bars are times, so a fault is tried again when one is missed: the machine may have had other
 * things to do. The books are exact every time.
 */
@Timeout(300)
class FailoverIT {
  private static final int TRIES = 3;
  private static final int LABS = 2;
  private static final Tempo TEMPO = Tempo.SHORT;

  private static final Map<Fault, Future<List<Outcome>>> RUNS = new EnumMap<>(Fault.class);

  @TempDir static Path folder;

  @SuppressWarnings("NullAway.Init") // by begin()
  private static ExecutorService labs;

  @BeforeAll
  static void begin() {
    labs = Executors.newFixedThreadPool(LABS);
    for (Fault fault : Fault.values()) {
      RUNS.put(fault, labs.submit(() -> run(fault)));
    }
  }

  @AfterAll
  static void end() {
    labs.shutdownNow();
  }

  private static List<Outcome> run(Fault fault) throws Exception {
    assumeTrue(
        Ended.run("sh", "-c", "PATH=$PATH:/usr/sbin command -v nft").status() == 0,
        "needs nft: install the package nftables");
    for (int attempt = 1; ; attempt++) {
      Path place = folder.resolve(fault.name() + attempt);
      try (var scenario = new Scenario(place, TEMPO, TEMPO.all(), interval(fault), Cell.ours())) {
        List<Outcome> outcomes = scenario.suffer(fault);
        for (Outcome outcome : outcomes) {
          System.out.printf(
              "failover: %s: %s %s%n", fault, outcome.json().encode(), missed(fault, outcome));
        }
        if (attempt == TRIES
            || outcomes.stream().allMatch(outcome -> missed(fault, outcome).isEmpty())) {
          return outcomes;
        }
      }
    }
  }

  /** The bar of a killed process is 100 ms, so there must be two requests in that time. */
  private static Duration interval(Fault fault) {
    return Duration.ofMillis(fault == Fault.KILLED ? 50 : 100);
  }

  private static List<String> missed(Fault fault, Outcome outcome) {
    return Bars.missed(fault, outcome, TEMPO, interval(fault));
  }

  static Stream<Arguments> matrix() {
    return Stream.of(Fault.values())
        .flatMap(fault -> Cell.ours().stream().map(cell -> Arguments.of(fault, cell)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("matrix")
  void flows_find_another_backend_in_time_and_nobody_healthy_is_blamed(Fault fault, Cell cell)
      throws Exception {
    Outcome outcome =
        outcomes(fault).stream().filter(each -> each.cell() == cell).findFirst().orElseThrow();
    assertThat(missed(fault, outcome)).as(outcome.toString()).isEmpty();
  }

  private static List<Outcome> outcomes(Fault fault) throws Exception {
    try {
      return requireNonNull(RUNS.get(fault)).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TestAbortedException skipped) {
        throw skipped;
      }
      throw e;
    }
  }
}
