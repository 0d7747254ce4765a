package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.admin.GrafanaDashboard.Question;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * What can be said of the dashboard without Grafana: that it is laid out, that it asks the source
 * somebody chooses, and of metrics that there are.
 */
class GrafanaDashboardTest {
  private static final int COLUMNS = 24;
  private static final JsonObject SOURCE =
      JsonObject.of("type", "prometheus", "uid", "${datasource}");
  private static final Pattern SLUICE_METRIC = Pattern.compile("\\bsluice_\\w+");
  private static final Pattern VARIABLE = Pattern.compile("\\$(\\w+)");

  private final GrafanaDashboard dashboard;

  GrafanaDashboardTest() throws IOException {
    dashboard = GrafanaDashboard.read();
  }

  @Test
  void panelsHaveIdsTitlesAndADescriptionForWhoIsWokenUp() {
    assertThat(dashboard.panels())
        .extracting(panel -> panel.getInteger("id"))
        .doesNotHaveDuplicates();
    assertThat(dashboard.panels())
        .allSatisfy(
            panel -> {
              assertThat(panel.getString("title")).isNotBlank();
              if (!panel.getString("type").equals("row")) {
                assertThat(panel.getString("description")).as(panel.encode()).isNotBlank();
                assertThat(GrafanaDashboard.targets(panel)).isNotEmpty();
              }
            });
  }

  @Test
  void noTwoPanelsOverlapAndNoneStandsOut() {
    Set<List<Integer>> taken = new HashSet<>();
    for (JsonObject panel : dashboard.panels()) {
      JsonObject at = panel.getJsonObject("gridPos");
      int x = at.getInteger("x");
      int width = at.getInteger("w");
      assertThat(x + width).as(panel.getString("title")).isLessThanOrEqualTo(COLUMNS);
      for (int column = x; column < x + width; column++) {
        for (int y = at.getInteger("y"); y < at.getInteger("y") + at.getInteger("h"); y++) {
          assertThat(taken.add(List.of(column, y))).as(panel.getString("title")).isTrue();
        }
      }
    }
  }

  @Test
  void everythingAsksTheSourceThatIsChosen() {
    assertThat(dashboard.variables())
        .filteredOn(variable -> variable.getString("name").equals("datasource"))
        .singleElement()
        .satisfies(
            variable -> {
              assertThat(variable.getString("type")).isEqualTo("datasource");
              assertThat(variable.getString("query")).isEqualTo("prometheus");
            });
    assertThat(dashboard.variables())
        .filteredOn(variable -> variable.getString("type").equals("query"))
        .isNotEmpty()
        .allMatch(variable -> SOURCE.equals(variable.getJsonObject("datasource")));
    assertThat(dashboard.annotations())
        .allMatch(annotation -> SOURCE.equals(annotation.getJsonObject("datasource")));
    for (JsonObject panel : dashboard.panels()) {
      List<JsonObject> targets = GrafanaDashboard.targets(panel);
      assertThat(targets).allMatch(target -> SOURCE.equals(target.getJsonObject("datasource")));
      assertThat(targets).extracting(target -> target.getString("refId")).doesNotHaveDuplicates();
    }
  }

  @Test
  void everyVariableThatIsUsedIsThere() {
    Set<String> there = new HashSet<>(Set.of("__rate_interval"));
    dashboard.variables().forEach(variable -> there.add(variable.getString("name")));
    assertThat(dashboard.questions())
        .flatMap(question -> groups(VARIABLE, question.expression()))
        .isNotEmpty()
        .isSubsetOf(there);
  }

  /** A histogram's parts carry its name and an ending. */
  @Test
  void everyMetricThatIsAskedForIsDocumented() throws IOException {
    String page = Files.readString(Path.of("../docs/metrics.md"));
    String alerts = Files.readString(Path.of("../docker/prometheus/alerts.yml"));
    assertThat(
            dashboard.questions().stream()
                .map(Question::expression)
                .flatMap(expression -> words(expression).stream()))
        .isNotEmpty()
        .allSatisfy(metric -> assertThat(page).contains("`" + metric + "`"));
    assertThat(words(alerts)).allSatisfy(metric -> assertThat(page).contains("`" + metric + "`"));
  }

  private static List<String> words(String text) {
    return SLUICE_METRIC
        .matcher(text)
        .results()
        .map(MatchResult::group)
        .map(name -> name.replaceFirst("_seconds_bucket$", "_seconds"))
        .toList();
  }

  private static List<String> groups(Pattern pattern, String text) {
    return pattern.matcher(text).results().map(match -> match.group(1)).toList();
  }
}
