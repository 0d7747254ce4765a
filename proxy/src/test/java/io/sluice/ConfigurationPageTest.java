package io.sluice;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.toList;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import io.sluice.config.ConfigReader;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Names;
import io.sluice.config.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * docs/configuration.md is conf/sluice.conf as tables: keys and meanings are its comments', what is
 * required or has a default is the reader's, what a reload changes is {@link Diff}'s. With {@code
 * -Dreference.write=true} it is written anew.
 */
class ConfigurationPageTest {
  private static final Path PAGE = Path.of("../docs/configuration.md");

  private static final String LEAST =
      """
      sluice {
        fronts.f { listen = ["127.0.0.1:5300"], pool = p }
        pools.p.backends.b.address = "127.0.0.1:53"
      }
      """;

  /** What has to be there for all defaults to show: one of its sections in each. */
  private static final List<String> SAMPLES =
      List.of(
          "balance.policy = least-load",
          "affinity.key = source-prefix",
          "health.probe { type = udp, send = \"text:ping\" }",
          "health.probe { type = dns }",
          "health.probe { type = http }");

  private static final String SECTIONS =
      """
      sluice {
        fronts.f.filters = [
          { type = access-list, deny = ["192.0.2.0/24"] }
          { type = rate-limit, datagrams-per-second = 1000 }
        ]
        admin {
          tokens = [ { name = ops, sha256 = "%s" } ]
          tls { certificate = c, key = k, client-ca = a }
        }
        access-log {}
      }
      """
          .formatted("a1".repeat(32));

  /** Whatever may be missing is: the reader asks for what may not. */
  private static final List<String> GAPS =
      List.of(
          "sluice {}",
          """
          sluice {
            fronts.f { filters = [ {}, { type = rate-limit } ] }
            pools.p { backends.b {}, affinity.key = payload, health.probe {} }
            admin { tokens = [ {} ], tls {} }
          }
          """,
          "sluice.pools.p.health.probe { type = udp }",
          "sluice.pools.p.health.probe { type = radius }");

  private static final Pattern NEEDS = Pattern.compile("needs '([a-z0-9-]+)',.*");
  private static final Pattern CHOICE = Pattern.compile("([a-z][a-z0-9-]*) {2,}(.*)");

  @Test
  void thePageIsAsTheReferenceTheReaderAndTheReloadSay() throws Exception {
    String page = page();
    if (Boolean.getBoolean("reference.write")) {
      Files.writeString(PAGE, page);
    }
    assertThat(Files.readString(PAGE))
        .as(
            "%s is stale: mvn -pl proxy test -Dtest=ConfigurationPageTest -Dreference.write=true",
            PAGE)
        .isEqualTo(page);
  }

  /** So nobody shows in a comment what would not happen if it were left out. */
  @Test
  void theReferenceShowsDefaultsInCommentsToo() throws Exception {
    Map<String, Object> defaults = defaults();
    List<String> wrong = new ArrayList<>();
    for (Reference.Key key : Reference.read().keys()) {
      Object otherwise = defaults.get(key.path());
      if (otherwise == null || key.isSection() || same(key.value(), otherwise)) {
        continue;
      }
      if (key.live() || !isNone(otherwise)) {
        wrong.add(key.path() + " = " + key.value() + ", and its default is " + otherwise);
      }
    }
    assertThat(wrong).isEmpty();
  }

  private static String page() throws Exception {
    Reference reference = Reference.read();
    Map<String, Object> defaults = defaults();
    Set<String> required = required();
    Map<String, List<Reference.Key>> sections =
        reference.keys().stream()
            .filter(key -> !key.path().equals("sluice"))
            .collect(groupingBy(ConfigurationPageTest::parent, LinkedHashMap::new, toList()));
    Map<String, String> about = new TreeMap<>();
    reference.keys().forEach(key -> about.put(key.path(), meaning(key)));
    StringBuilder page =
        new StringBuilder(
            """
            # Configuration reference

            [conf/sluice.conf](../conf/sluice.conf) as tables, made by `mvn -pl proxy test -Dtest=ConfigurationPageTest -Dreference.write=true`; a test fails where it is stale. Change the file, not this page.
            *Reload*: yes, if SIGHUP, `watch` or the API put another value in force while datagrams move; *restart*, if such a reload is refused, and says so. `NAME` is a name you give.

            """);
    page.append(introduction()).append('\n');
    sections.forEach(
        (section, keys) -> {
          page.append("\n## ").append(title(section)).append("\n\n");
          String text = about.getOrDefault(section, "");
          page.append(text.isEmpty() ? "" : text + "\n\n");
          page.append("| key | type | default | reload | meaning |\n|---|---|---|---|---|\n");
          keys.forEach(key -> page.append(row(key, sections.keySet(), defaults, required)));
        });
    return page.toString();
  }

  /** The file's own, a paragraph each. */
  private static String introduction() throws Exception {
    return Files.readString(Reference.FILE)
        .lines()
        .takeWhile(line -> !line.startsWith("sluice"))
        .map(line -> line.replaceFirst("# ?", ""))
        .collect(joining("\n"))
        .replaceAll("(?m)^  (.*)$", "`$1`")
        .strip();
  }

  private static String row(
      Reference.Key key, Set<String> sections, Map<String, Object> defaults, Set<String> required) {
    return "| %s | %s | %s | %s | %s |\n"
        .formatted(
            code(leaf(key.path())),
            type(key),
            otherwise(key, defaults, required),
            reload(key),
            sections.contains(key.path()) ? section(key) : meaning(key).replace("|", "\\|"));
  }

  private static String section(Reference.Key key) {
    String title = title(key.path());
    String anchor =
        title.replace(" ", "-").replaceAll("[^a-zA-Z0-9-]", "").toLowerCase(Locale.ROOT);
    return "[" + title + "](#" + anchor + ")";
  }

  private static String type(Reference.Key key) {
    String value = key.value();
    if (key.isSection()) {
      return "section";
    }
    if (value.startsWith("[")) {
      return "list";
    }
    if (value.matches("true|false")) {
      return "true or false";
    }
    if (value.matches("\\d+(ns|us|ms|s|m|h|d)")) {
      return "duration";
    }
    if (value.matches("\\d+[KMG]iB") || key.path().endsWith("max-datagram")) {
      return "size";
    }
    if (value.matches("[0-9.]+")) {
      return "number";
    }
    return value.matches("\"(\\d+\\.\\d+\\.\\d+\\.\\d+|\\[.*]):\\d+\"") ? "address" : "text";
  }

  private static String otherwise(
      Reference.Key key, Map<String, Object> defaults, Set<String> required) {
    if (required.contains(key.path())) {
      return key.isSection() ? "required" : "required, e.g. " + code(key.value());
    }
    Object otherwise = defaults.get(key.path());
    if (key.isSection()) {
      return "";
    }
    if (key.live() || (otherwise != null && !isNone(otherwise))) {
      return code(key.value());
    }
    return (otherwise == null ? "none" : "`[]`") + ", e.g. " + code(key.value());
  }

  private static boolean isNone(Object value) {
    return value.equals(List.of());
  }

  private static String reload(Reference.Key key) {
    String path = key.path().substring("sluice.".length());
    List<Boolean> live =
        Diff.live().entrySet().stream()
            .filter(each -> (path + ".").startsWith(each.getKey() + "."))
            .map(Map.Entry::getValue)
            .toList();
    if (key.isSection() && live.isEmpty()) {
      return "";
    }
    assertThat(live).as("whether %s can be reloaded stands once in Diff", path).hasSize(1);
    return live.getFirst() ? "yes" : "restart";
  }

  /** Lists of choices keep their lines. */
  private static String meaning(Reference.Key key) {
    StringBuilder meaning = new StringBuilder();
    boolean inChoice = false;
    for (String line : key.about()) {
      Matcher choice = CHOICE.matcher(line);
      if (choice.matches()) {
        meaning.append(meaning.isEmpty() ? "" : "<br>");
        meaning.append(code(choice.group(1))).append(": ").append(choice.group(2));
        inChoice = true;
      } else if (!line.isBlank()) {
        boolean goesOn = !inChoice || line.startsWith("   ");
        meaning.append(meaning.isEmpty() ? "" : goesOn ? " " : "<br>").append(line.strip());
        inChoice = inChoice && goesOn;
      }
    }
    return meaning.toString();
  }

  private static String title(String section) {
    return section.equals("sluice")
        ? "sluice"
        : section.substring("sluice.".length()).replace("*", "NAME");
  }

  private static String parent(Reference.Key key) {
    return key.path().substring(0, key.path().lastIndexOf('.'));
  }

  private static String leaf(String path) {
    String leaf = path.substring(path.lastIndexOf('.') + 1);
    return leaf.equals("*") ? "NAME" : leaf;
  }

  private static String code(String text) {
    return "`" + text.replace("|", "\\|") + "`";
  }

  /** By path: what stands for each key where a configuration does not have it. */
  private static Map<String, Object> defaults() throws Exception {
    Map<String, Object> defaults = new TreeMap<>();
    List<String> texts = new ArrayList<>(List.of(LEAST, LEAST + SECTIONS));
    SAMPLES.forEach(sample -> texts.add(LEAST + "sluice.pools.p { " + sample + " }"));
    for (String text : texts) {
      Set<String> written = new TreeSet<>();
      walk(
          "sluice",
          ConfigFactory.parseString(text).getObject("sluice").unwrapped(),
          (path, _) -> written.add(path));
      Map<String, Object> whole = Document.parse("f", text, names(), Optional.empty()).effective();
      walk(
          "sluice",
          whole,
          (path, value) -> {
            if (!written.contains(path)) {
              defaults.putIfAbsent(path, value);
            }
          });
    }
    return defaults;
  }

  private static void walk(String path, Object value, BiConsumer<String, Object> found) {
    if (value instanceof Map<?, ?> section) {
      boolean named = path.matches("sluice\\.(fronts|pools(\\.\\*\\.backends)?|echo)");
      section.forEach((key, below) -> walk(path + "." + (named ? "*" : key), below, found));
    } else if (value instanceof List<?> list && list.stream().anyMatch(Map.class::isInstance)) {
      found.accept(path, value);
      list.forEach(element -> walk(path, element, found));
    } else {
      found.accept(path, value);
    }
  }

  /** The paths of all that the reader complains of when it is missing. */
  private static Set<String> required() throws Exception {
    Set<String> required = new TreeSet<>();
    for (String text : GAPS) {
      try {
        ConfigReader.read("f", text, names());
      } catch (InvalidConfig e) {

        e.problems()
            .forEach(
                problem -> {
                  Matcher needs = NEEDS.matcher(problem.message());
                  if (needs.matches()) {
                    required.add(
                        problem
                                .path()
                                .replaceAll("\\[\\d+]", "")
                                .replaceFirst("\\.fronts\\.f", ".fronts.*")
                                .replaceFirst("\\.pools\\.p", ".pools.*")
                                .replaceFirst("\\.backends\\.b", ".backends.*")
                            + "."
                            + needs.group(1));
                  }
                });
      }
    }
    return required;
  }

  /** As the file writes it and as the reader has it: 5m and 300s are the same. */
  private static boolean same(String written, Object value) {
    Config both =
        ConfigFactory.parseString("written = " + written)
            .withFallback(ConfigFactory.parseMap(Map.of("value", value)));
    if (both.getAnyRef("written").equals(value)) {
      return true;
    }
    return Stream.<Reads>of(
            Config::getDuration, Config::getBytes, Config::getDouble, Config::getString)
        .anyMatch(
            reads -> {
              try {
                return reads.of(both, "written").equals(reads.of(both, "value"));
              } catch (ConfigException none) {
                return false;
              }
            });
  }

  private static Names names() throws StartFailure {
    return Plugins.load(ConfigurationPageTest.class.getClassLoader()).names();
  }

  private interface Reads {
    Object of(Config config, String key);
  }
}
