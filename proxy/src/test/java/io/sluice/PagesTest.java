package io.sluice;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.flow.CloseReason;
import io.sluice.metrics.Drop;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Pages for people: that they have what they promise, and lead where they say. */
class PagesTest {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

  /** Three cells and more, none of them empty, the first a reason or an alert. */
  private static final Pattern ROW =
      Pattern.compile("^\\| ([A-Z_]+|Sluice\\w+) (\\| [^|]+ ){2,}\\|$", Pattern.MULTILINE);

  private static final Pattern ALERT = Pattern.compile("- alert: (\\w+)");
  private static final Pattern LINK = Pattern.compile("]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("^#+ (.+)$", Pattern.MULTILINE);

  @Test
  void theOperationsPageSaysOfEveryReasonAndAlertWhatItMeansAndWhatToDo() throws Exception {
    String alerts = Files.readString(HOME.resolve("docker/prometheus/alerts.yml"));
    assertThat(firsts(ROW, Files.readString(HOME.resolve("docs/operations.md"))))
        .containsExactlyInAnyOrderElementsOf(
            Stream.of(names(Drop.values()), names(CloseReason.values()), firsts(ALERT, alerts))
                .flatMap(each -> each)
                .toList());
  }

  @Test
  void everyLinkToAFileOrAHeadingOfOursLeadsThere() throws Exception {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      for (String link : firsts(LINK, Files.readString(page)).toList()) {
        if (!link.contains(":") && !leadsSomewhere(page, link)) {
          broken.add(HOME.relativize(page) + ": " + link);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  private static boolean leadsSomewhere(Path page, String link) throws Exception {
    String[] parts = link.split("#", 2);
    Path target = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
    return Files.exists(target) && (parts.length == 1 || anchors(target).contains(parts[1]));
  }

  /** As GitHub makes them. */
  private static Set<String> anchors(Path page) throws Exception {
    return firsts(HEADING, Files.readString(page))
        .map(heading -> heading.toLowerCase(Locale.ROOT).replace("`", ""))
        .map(heading -> heading.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .collect(toSet());
  }

  private static List<Path> pages() throws Exception {
    List<Path> pages = new ArrayList<>();
    for (String folder : List.of(".", "docs", "docs/adr", "bench", "bench/results")) {
      try (Stream<Path> files = Files.list(HOME.resolve(folder))) {
        files
            .filter(file -> file.toString().endsWith(".md"))
            .map(Path::normalize)
            .forEach(pages::add);
      }
    }
    assertThat(pages).hasSizeGreaterThan(20);
    return pages;
  }

  private static Stream<String> firsts(Pattern pattern, String text) {
    return pattern.matcher(text).results().map((MatchResult found) -> found.group(1));
  }

  private static Stream<String> names(Enum<?>[] all) {
    return Stream.of(all).map(Enum::name);
  }
}
