package io.sluice.admin;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./sluice} as people start it, over what this build has just packaged. */
@Timeout(60)
class LauncherIT {
  private static final Path HOME = Path.of("..").toAbsolutePath().normalize();

  private static final String ON_FREE_PORTS =
      """
      sluice {
        fronts { f { listen = ["127.0.0.1:0"], pool = p, flows { max = 10, unassured-max = 10 } } }
        pools { p { backends { b { address = "127.0.0.1:9" } } } }
        admin { listen = "127.0.0.1:0" }
      }
      """;

  /** Stands in for a newcomer's folder. */
  @TempDir Path folder;

  @BeforeEach
  void aFolderWithASpace() throws Exception {
    folder = Files.createDirectory(folder.resolve("a folder"));
  }

  @Test
  void it_runs_through_a_symbolic_link_from_any_folder() throws Exception {
    Path link = Files.createSymbolicLink(folder.resolve("my sluice"), HOME.resolve("sluice"));
    Ended version = run(Map.of(), link.toString(), "version");
    assertThat(version.status()).as(version.err()).isZero();
    assertThat(version.out()).startsWith("sluice ").contains("java       25");
    assertThat(version.err()).isEmpty();
  }

  @Test
  void a_relative_path_is_the_callers() throws Exception {
    Ended check = sluice(Map.of(), "check", "-c", "no such.conf");
    assertThat(check.status()).isEqualTo(1);
    assertThat(check.err()).startsWith("no such.conf:");
  }

  @Test
  void a_java_home_that_is_not_25_is_passed_over() throws Exception {
    Path old = folder.resolve("jdk");
    Files.createDirectories(old.resolve("bin"));
    Files.createSymbolicLink(old.resolve("bin/java"), Path.of("/bin/false"));
    Files.writeString(old.resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");
    Ended version = sluice(Map.of("JAVA_HOME", old.toString()), "version");
    assertThat(version.status()).as(version.err()).isZero();
  }

  @Test
  void more_java_options_are_taken_from_the_environment() throws Exception {
    Ended help = sluice(Map.of("SLUICE_JAVA_OPTS", "-showversion -Dx=y"), "--help");
    assertThat(help.status()).isZero();
    assertThat(help.err()).contains("openjdk version \"25");
  }

  @Test
  void the_first_run_makes_a_cache_that_later_ones_start_from() throws Exception {
    Path target = HOME.resolve("admin-api/target");
    deleteCaches(target);
    assertThat(upAndDown("-Da=b")).contains("sluice: making the start-up cache of this build");
    assertThat(caches(target)).singleElement().matches(cache -> cache.toFile().length() > 0);
    assertThat(upAndDown("-Xlog:class+load:file=classes")).doesNotContain("cache");
    assertThat(Files.readAllLines(folder.resolve("classes")))
        .anyMatch(line -> line.contains(" io.sluice.net.UdpSocket source: shared objects file"));
  }

  @Test
  void java_options_are_those_the_tests_run_with() throws Exception {
    assertThat(find(HOME.resolve("sluice"), "java_options=\"(.*)\""))
        .isEqualTo(find(HOME.resolve("pom.xml"), "<sluice.jvm>(.*)</sluice.jvm>"));
  }

  private static String find(Path file, String regex) throws Exception {
    Matcher matcher = Pattern.compile(regex).matcher(Files.readString(file));
    assertThat(matcher.find()).as("%s in %s", regex, file).isTrue();
    return matcher.group(1);
  }

  private Ended sluice(Map<String, String> environment, String... arguments) throws Exception {
    var command = Stream.concat(Stream.of(HOME.resolve("sluice").toString()), Stream.of(arguments));
    return run(environment, command.toArray(String[]::new));
  }

  private static void deleteCaches(Path target) throws IOException {
    for (Path cache : caches(target)) {
      Files.delete(cache);
    }
  }

  private static List<Path> caches(Path target) throws IOException {
    try (Stream<Path> all = Files.list(target)) {
      return all.filter(each -> each.getFileName().toString().matches("start-.*aot.*")).toList();
    }
  }

  /** Runs the appliance until it is up, ends it, and returns what it said. */
  private String upAndDown(String javaOptions) throws Exception {
    Path config = Files.writeString(folder.resolve("free.conf"), ON_FREE_PORTS);
    Path log = folder.resolve("log");
    Process process =
        builder(
                Map.of("SLUICE_JAVA_OPTS", javaOptions),
                HOME.resolve("sluice").toString(),
                "run",
                "-c",
                config.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      while (!Files.readString(log).contains(" is up: ")) {
        assertThat(process.waitFor(20, MILLISECONDS)).as(Files.readString(log)).isFalse();
      }
      process.destroy();
      assertThat(process.waitFor()).as(Files.readString(log)).isZero();
      return Files.readString(log);
    } finally {
      process.destroyForcibly();
    }
  }

  /** Never builds: this runs within a build. */
  private ProcessBuilder builder(Map<String, String> environment, String... command) {
    var builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
    builder.environment().put("SLUICE_BUILD", "never");
    builder.environment().putAll(environment);
    return builder;
  }

  private Ended run(Map<String, String> environment, String... command) throws Exception {
    return Ended.run(builder(environment, command));
  }
}
