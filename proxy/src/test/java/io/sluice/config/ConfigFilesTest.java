package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files: those we ship, and those that are not as they should be. */
class ConfigFilesTest {
  private static final Path SHIPPED = Path.of("../conf");
  private static final String GOOD =
      """
      sluice {
        fronts.f { listen = ["0.0.0.0:5300"], pool = p }
        pools.p.backends.a.address = "192.0.2.1:53"
      }
      """;

  @TempDir Path dir;

  static Stream<Path> shipped() throws IOException {
    try (Stream<Path> files = Files.walk(SHIPPED)) {
      return files.filter(f -> f.toString().endsWith(".conf")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("shipped")
  void everyFileUnderConfLoads(Path file) throws Exception {
    assertThat(ConfigReader.read(file, Samples.BUILT_IN).fronts()).isNotEmpty();
  }

  @Test
  void theReferenceSaysTheDefaults() throws Exception {
    assertThat(ConfigReader.read(SHIPPED.resolve("sluice.conf"), Samples.BUILT_IN))
        .isEqualTo(
            Samples.read(
                """
                sluice {
                  fronts.dns { listen = ["0.0.0.0:5300", "[::]:5300"], pool = resolvers }
                  pools.resolvers.backends { a.address = "192.0.2.1:53", b.address = "192.0.2.2:53" }
                }
                """));
  }

  /** The keys are those the reader asks for; a key only a comment may show is shown as one. */
  @Test
  void theReferenceShowsEveryKey() throws Exception {
    // all of an affinity's and a probe's: problems where they go with different keys and types
    Reference reference = Reference.read();
    String all = reference.everyKey();
    Report supported = new Report();
    assertThatThrownBy(
            () -> ConfigReader.read("sluice.conf", all, Samples.BUILT_IN, Map.of(), supported))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageNotContaining("unknown key");
    SortedSet<String> shown = keys(all);

    assertThat(shown).isEqualTo(supported.keys());
    assertThat(reference.keys().stream().map(Reference.Key::path).filter(key -> !key.endsWith("*")))
        .as("each has a line of its own")
        .containsExactlyInAnyOrderElementsOf(shown);
  }

  private static SortedSet<String> keys(String text) {
    SortedSet<String> keys = new TreeSet<>();
    walk("", ConfigFactory.parseString(text).root(), keys);
    return keys;
  }

  private static void walk(String path, ConfigObject object, SortedSet<String> keys) {
    boolean named = path.matches("sluice\\.(fronts|pools(\\.\\*\\.backends)?|echo)\\.");
    object.forEach(
        (key, value) -> {
          String below = path + (named ? "*" : key);
          if (!named) {
            keys.add(below);
          }
          if (value instanceof ConfigObject section) {
            walk(below + ".", section, keys);
          }
          if (value instanceof ConfigList list) {
            list.stream()
                .filter(ConfigObject.class::isInstance)
                .forEach(each -> walk(below + ".", (ConfigObject) each, keys));
          }
        });
  }

  @Test
  void includesAreRelativeToTheirFileAndMayBeOverridden() throws Exception {
    write("deep/pools.conf", "include \"more.conf\"\np.backends.a { address = \"192.0.2.1:53\" }");
    write("deep/more.conf", "p.backends.b { address = \"192.0.2.2:53\" }");
    Path main =
        write(
            "main.conf",
            """
            sluice.pools { include "deep/pools.conf" }
            sluice.pools { p { backends { a { weight = 3 } } } }
            sluice.fronts.f { listen = ["0.0.0.0:5300"], pool = p }
            """);

    SluiceConfig config = ConfigReader.read(main, Samples.BUILT_IN);

    assertThat(config.pools().getFirst().backends())
        .extracting(b -> b.name() + " " + b.address().getPort() + " " + b.weight())
        .containsExactly("a 53 3", "b 53 1");
  }

  @Test
  void problemsOfIncludedFilesNameThemAfterThoseOfTheFirst() throws Exception {
    Path included = write("pools.conf", "\np.backends.a.address = nowhere");
    Path main =
        write(
            "main.conf",
            """
            sluice.pools { include "pools.conf" }
            sluice.fronts.f { pool = p
              listen = [] }
            """);

    assertThat(printed(main))
        .isEqualTo(
            main
                + ":3: sluice.fronts.f.listen: needs at least one address, e.g."
                + " [\"0.0.0.0:5300\"]\n"
                + included
                + ":2: sluice.pools.p.backends.a.address: \"nowhere\" is not a numeric address;"
                + " names are looked up by discovery.dns of a pool only: write e.g. 192.0.2.1:53 or"
                + " [2001:db8::1]:53");
  }

  @Test
  void everyIncludeMustBeThere() throws Exception {
    write("broken.conf", "a = 1\nb = [");
    Path main =
        write(
            "main.conf",
            """
            include "gone.conf"
            sluice { include file("gone/too.conf") }
              include "main.conf"
            include "broken.conf"
            include url("http://127.0.0.1:1/x.conf")
            include classpath("reference.conf")
            """);

    assertThat(printed(main))
        .isEqualTo(
            """
            main.conf:1: sluice: include "gone.conf": there is no such file: check the path
            main.conf:2: sluice: include "gone/too.conf": there is no such file: check the path
            main.conf:3: sluice: include "main.conf": includes itself
            main.conf:5: sluice: include "http://127.0.0.1:1/x.conf": only files can be included
            main.conf:6: sluice: include "reference.conf": only files can be included
            broken.conf:2: sluice: is not HOCON: List should have ] or a first element after \
            the open [, instead had token: end of file\
            """
                .replaceAll("(?m)^(?=main|broken)", dir + "/"));
  }

  @Test
  void aFileThatIsNoneSaysWhy() throws Exception {
    Path gone = dir.resolve("gone.conf");
    Path notText = dir.resolve("latin1.conf");
    Files.write(notText, new byte[] {'#', (byte) 0xe9, '\n'});
    Path large = write("large.conf", "#".repeat((1 << 20) + 1));
    Path largest = write("largest.conf", GOOD + "#".repeat((1 << 20) - GOOD.length()));

    assertThat(printed(gone)).isEqualTo(gone + ":1: sluice: there is no such file: check the path");
    assertThat(printed(dir))
        .isEqualTo(dir + ":1: sluice: is not a file: give a HOCON file, e.g. conf/demo.conf");
    assertThat(printed(notText))
        .isEqualTo(notText + ":1: sluice: is not UTF-8 text: save it as UTF-8");
    assertThat(printed(large))
        .isEqualTo(
            large
                + ":1: sluice: is larger than 1 MiB, the most a configuration may be: split it with"
                + " include");
    assertThat(printed(largest)).isEmpty();
    assertThat(printed(Path.of("/proc/self/mem")))
        .isEqualTo("/proc/self/mem:1: sluice: cannot be read: Input/output error");
  }

  private Path write(String name, String text) throws IOException {
    Path file = dir.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, text);
  }

  private static String printed(Path file) {
    try {
      ConfigReader.read(file, Samples.BUILT_IN);
      return "";
    } catch (InvalidConfig e) {
      return String.valueOf(e.getMessage());
    }
  }
}
