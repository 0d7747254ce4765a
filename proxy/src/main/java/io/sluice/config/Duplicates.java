package io.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigUtil;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Finds fronts, pools and backends whose {@code name { ... }} stands twice in one file. HOCON
 * merges them without a word: a backend copied and not renamed would simply be gone.
 *
 * <p>Typesafe Config keeps no trace of it, hence this walk over the brackets of text it has found
 * well-formed. Overriding single keys stays possible ({@code x = 1, x = ${?X}} or {@code
 * pools.a.backends.b.weight = 2}), and so does overriding what another file includes.
 */
final class Duplicates {
  // Possessive throughout: such loops run without recursion, however long the text.
  private static final Pattern TOKEN =
      Pattern.compile(
          "(?<comment>(?:#|//)[^\\n]*+)"
              + "|(?<sign>[{}\\[\\],\\n]|\\+?=|:)"
              + "|(?<text>\"\"\"(?s:.*?)\"{3,}+|\"[^\"\\\\\\n]*+(?:\\\\.[^\"\\\\\\n]*+)*+\""
              + "|\\$\\{[^}]*+}|(?:(?!//)[^\\s{}\\[\\],=:+#\"$])++|.)");
  // HOCON's white space is wider than Java's.
  private static final Pattern AROUND =
      Pattern.compile("^[\\s\\p{Z}\\x1c-\\x1f\\ufeff]+|[\\s\\p{Z}\\x1c-\\x1f\\ufeff]+$");
  private static final Pattern NAMED =
      Pattern.compile("(?:sluice/)?(?:fronts/[^/]*|pools/[^/]*(?:/backends/[^/]*)?)");

  /** Where in a field the walk is. */
  private enum At {
    KEY,
    SIGN, // after = or :, where a line may still end
    VALUE
  }

  /** An open { or [. */
  private static final class Level {
    final List<String> path;
    final boolean list;
    final StringBuilder key = new StringBuilder();
    At at = At.KEY;

    Level(List<String> path, boolean list) {
      this.path = path;
      this.list = list;
    }

    void nextField() {
      key.setLength(0);
      at = At.KEY;
    }

    String key() {
      return AROUND.matcher(key).replaceAll("");
    }

    List<String> field() {
      List<String> field = new ArrayList<>(path);
      if (!key().isEmpty()) {
        field.addAll(ConfigUtil.splitPath(key()));
      }
      return field;
    }
  }

  /** By path; sorted, so that all below one are next to each other. */
  private final SortedMap<String, Integer> firstLines = new TreeMap<>();

  private final Deque<Level> levels = new ArrayDeque<>(List.of(new Level(List.of(), false)));
  private final String file;
  private final Report report;

  private Duplicates(String file, Report report) {
    this.file = file;
    this.report = report;
  }

  /** Reports those of a file that has been parsed without complaint. */
  static void find(String file, String text, Report report) {
    try {
      new Duplicates(file, report).walk(text);
    } catch (ConfigException.BadPath | NoSuchElementException e) {
      // a valid configuration must not fail because this walk lost its way, but tests should
      assert false : "astray in what Typesafe Config parses: " + e;
    }
  }

  private void walk(String text) {
    Matcher token = TOKEN.matcher(text);
    int line = 1;
    while (token.find()) {
      String sign = token.group("sign");
      if (sign != null) {
        sign(sign, line);
      } else if (token.group("text") != null) {
        text(token.group());
      }
      line += (int) token.group().chars().filter(c -> c == '\n').count();
    }
  }

  private void text(String text) {
    Level level = levels.getLast();
    if (level.at == At.KEY && !level.list) {
      level.key.append(text);
    } else if (!AROUND.matcher(text).matches()) {
      level.at = At.VALUE;
    }
  }

  private void sign(String sign, int line) {
    Level level = levels.getLast();
    switch (sign) {
      case "{" -> {
        List<String> field = level.field();
        level.at = At.VALUE;
        opened(field, line);
        levels.addLast(new Level(field, false));
      }
      case "[" -> {
        level.at = At.VALUE;
        levels.addLast(new Level(List.of("[]"), true)); // no path of ours leads through a list
      }
      case "}", "]" -> levels.removeLast();
      case "," -> level.nextField();
      case "\n" -> {
        if (level.at == At.VALUE || level.key().startsWith("include ")) {
          level.nextField();
        }
      }
      default -> level.at = At.SIGN;
    }
  }

  private void opened(List<String> path, int line) {
    String joined = String.join("/", path);
    Integer first = NAMED.matcher(joined).matches() ? firstLines.putIfAbsent(joined, line) : null;
    if (first != null) {
      firstLines.subMap(joined + "/", joined + (char) ('/' + 1)).clear(); // one report will do
      report.add(
          new Spot(file, line, ConfigUtil.joinPath(path)),
          "stands at line " + first + " already, and HOCON merges the two: rename one");
    }
  }
}
