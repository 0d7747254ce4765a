package io.sluice.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.metrics.Journal.Event;
import io.sluice.metrics.Journal.Kind;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class JournalTest {
  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

  private final Journal journal = new Journal(() -> NOW);

  @Test
  void tellsWhatCameAfterAnEvent() {
    journal.enter(Kind.BACKEND, "p/a", "EJECTED", "3 ICMP errors");
    journal.enter(Kind.PROBE, "p/b", "FAILED", "no answer within 1 s");

    assertThat(journal.after(0)).extracting(Event::id).containsExactly(1L, 2L);
    assertThat(journal.after(1))
        .containsExactly(new Event(2, NOW, Kind.PROBE, "p/b", "FAILED", "no answer within 1 s"));
    assertThat(journal.after(2)).isEmpty();
    assertThat(journal.after(3)).as("of an earlier process").hasSize(2);
  }

  @Test
  void keepsTheLatestSoManyAndGapsShowInTheIds() {
    for (int i = 0; i < Journal.EVENTS + 3; i++) {
      journal.enter(Kind.WORKERS, "", Integer.toString(i), "");
    }

    assertThat(journal.after(0)).hasSize(Journal.EVENTS);
    assertThat(journal.after(0).getFirst().id()).isEqualTo(4);
    assertThat(journal.after(0).getLast().what()).isEqualTo("" + (Journal.EVENTS + 2));
  }

  @Test
  void aListenerThatFailsIsNotToldAgainAndHarmsNobody() {
    var rings = new AtomicInteger();
    var fails = new AtomicInteger();
    try (var _ =
            journal.listen(
                () -> {
                  fails.incrementAndGet();
                  throw new IllegalStateException("stopped");
                });
        var _ = journal.listen(rings::incrementAndGet)) {
      journal.enter(Kind.WORKERS, "", "1", "");
      journal.enter(Kind.WORKERS, "", "2", "");
    }
    assertThat(rings).hasValue(2);
    assertThat(fails).hasValue(1);
  }

  @Test
  void ringsUntilNobodyListens() {
    var rings = new AtomicInteger();
    try (var _ = journal.listen(rings::incrementAndGet)) {
      journal.enter(Kind.APPLIANCE, "", "DRAINING", "SIGTERM");
      assertThat(rings).hasValue(1);
    }
    journal.enter(Kind.APPLIANCE, "", "DRAINING", "again");
    assertThat(rings).hasValue(1);
  }
}
