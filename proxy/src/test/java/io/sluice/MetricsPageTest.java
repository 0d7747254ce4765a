package io.sluice;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples;
import io.sluice.config.Document;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/metrics.md, against what a running appliance serves. */
class MetricsPageTest {
  private static final Path PAGE = Path.of("../docs/metrics.md");

  /** Name, type, labels and unit, of which only the last is in no machine's words. */
  private static final Pattern METRIC =
      Pattern.compile(
          "^\\| `(sluice_\\w+)` \\| (\\w+) \\| ([\\w, ]*)\\| [^|]+ \\| [^|]+ \\|$",
          Pattern.MULTILINE);

  private static final String CONFIG =
      """
      sluice {
        fronts { f { listen = ["127.0.0.1:0"], pool = p, flows { max = 10, unassured-max = 10 }
                       filters = [ { type = access-list, deny = ["192.0.2.0/24"] } ] } }
        pools { p { backends { b { address = "127.0.0.1:9" } }, discovery { file { path = none } } } }
        admin { listen = "127.0.0.1:0" }
      }
      """;

  private record Metric(String type, Set<String> labels) {}

  @TempDir Path folder;

  @Test
  void thePageHasEveryMetricThatIsServedWithItsTypeAndLabelsAndNoOther() throws Exception {
    Map<String, Metric> documented =
        METRIC
            .matcher(Files.readString(PAGE))
            .results()
            .collect(
                toMap(
                    row -> row.group(1),
                    row -> new Metric(row.group(2), words(row)),
                    (one, other) -> one,
                    TreeMap::new));
    assertThat(served().entrySet())
        .as("served; documented in " + PAGE)
        .containsExactlyElementsOf(documented.entrySet());
  }

  private static Set<String> words(MatchResult row) {
    return new TreeSet<>(
        Stream.of(row.group(3).split(",", -1))
            .map(String::strip)
            .filter(word -> !word.isEmpty())
            .toList());
  }

  private Map<String, Metric> served() throws Exception {
    Path file = Files.writeString(folder.resolve("sluice.conf"), CONFIG);
    Plugins plugins = Plugins.load(MetricsPageTest.class.getClassLoader());
    try (Datapath datapath =
        new EpollTransport().open(Document.read(file, plugins.names()), plugins)) {
      return Collections.list(datapath.appliance().metrics().metricFamilySamples()).stream()
          .filter(family -> family.name.startsWith("sluice_"))
          .collect(
              toMap(
                  family -> family.name + (family.type == Collector.Type.COUNTER ? "_total" : ""),
                  MetricsPageTest::metric,
                  (one, other) -> one,
                  TreeMap::new));
    }
  }

  /** A histogram's buckets have a label that is not the metric's. */
  private static Metric metric(MetricFamilySamples family) {
    Set<String> labels = new TreeSet<>();
    family.samples.forEach(sample -> labels.addAll(sample.labelNames));
    labels.remove("le");
    return new Metric(family.type.name().toLowerCase(Locale.ROOT), labels);
  }
}
