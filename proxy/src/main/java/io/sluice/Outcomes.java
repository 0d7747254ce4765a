package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.sluice.metrics.Journal;
import java.util.List;
import java.util.Locale;

/** What came of the configurations that were brought: counted, and told as events. */
final class Outcomes {
  /** Of an event; the rest is in the log and in the answer. */
  private static final int MOST_LINES = 20;

  enum Result {
    APPLIED,
    UNCHANGED,
    INVALID,
    REFUSED
  }

  private final Journal journal;
  private final Counter results;

  Outcomes(CollectorRegistry metrics, Journal journal) {
    this.journal = journal;
    results =
        Counter.build("sluice_config_reloads_total", "Configurations brought, by what came of it.")
            .labelNames("result")
            .register(metrics);
    for (Result result : Result.values()) {
      count(result, 0);
    }
  }

  private void count(Result result, int by) {
    results.labels(result.name().toLowerCase(Locale.ROOT)).inc(by);
  }

  void enter(Result result, String subject, List<String> lines) {
    count(result, 1);
    if (result != Result.UNCHANGED) {
      List<String> first = lines.subList(0, Math.min(lines.size(), MOST_LINES));
      String more =
          lines.size() > MOST_LINES ? "; and " + (lines.size() - MOST_LINES) + " more" : "";
      journal.enter(Journal.Kind.CONFIG, subject, result.name(), String.join("; ", first) + more);
    }
  }
}
