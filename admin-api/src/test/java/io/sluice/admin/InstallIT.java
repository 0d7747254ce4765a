package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What {@code docker/install} lays out, moved to another place first, as a package would be. */
@Timeout(240)
class InstallIT {
  private static final Pattern MODULE = Pattern.compile("(java|jdk)\\.[a-z.]+");

  @TempDir Path folder;
  private Path home;

  @BeforeEach
  void moved() throws Exception {
    home = folder.resolve("usr/lib/sluice");
    Files.createDirectories(home.getParent());
    Path made = Installed.root().resolve("opt/sluice");
    assertThat(Ended.run("cp", "-a", made.toString(), home.toString()).status()).isZero();
  }

  @Test
  void it_runs_without_a_jdk_a_checkout_or_maven() throws Exception {
    assertThat(sluice("version").out()).contains("transport  epoll");
    assertThat(sluice("check", "-c", home.resolve("conf/demo.conf").toString()).out())
        .startsWith("ok");
    assertThat(modules()).doesNotContain("java.desktop", "jdk.compiler");
  }

  /** As in a container whose file system is read-only: nobody can make a file in /proc. */
  @Test
  void nothing_is_unpacked_when_it_starts() throws Exception {
    Ended version =
        Ended.run(
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            "SLUICE_JAVA_OPTS=-Djava.io.tmpdir=/proc -Dio.netty.native.workdir=/proc",
            home.resolve("bin/sluice").toString(),
            "version");
    // Which it asks of epoll's sockets, and has none without the library.
    assertThat(version.out()).as(version.err()).contains("SO_REUSEPORT");
  }

  /** AOTMode=on: no start at all rather than one without the cache. */
  @Test
  void the_start_up_cache_is_of_use_where_it_was_moved_to() throws Exception {
    Ended help =
        Ended.run(
            "env",
            "-i",
            "PATH=/usr/bin:/bin",
            "SLUICE_JAVA_OPTS=-XX:AOTMode=on -Xlog:aot",
            home.resolve("bin/sluice").toString(),
            "--help");
    assertThat(help.status()).as(help.out() + help.err()).isZero();
  }

  @Test
  void both_architectures_are_in_the_jars() throws Exception {
    try (Stream<Path> jars = Files.list(home.resolve("lib"))) {
      assertThat(jars.map(each -> each.getFileName().toString()))
          .anyMatch(jar -> jar.matches("netty-transport-native-epoll-.*-linux-x86_64.jar"))
          .anyMatch(jar -> jar.matches("netty-transport-native-epoll-.*-linux-aarch_64.jar"));
    }
  }

  /** docker/install asks jdeps of all jars, less two modules; this asks it of our own classes. */
  @Test
  void the_runtime_has_every_module_that_the_appliance_names() throws Exception {
    StringWriter said = new StringWriter();
    PrintWriter out = new PrintWriter(said);
    int status =
        ToolProvider.findFirst("jdeps")
            .orElseThrow()
            .run(
                out,
                out,
                "--ignore-missing-deps",
                "--multi-release=25",
                "-q",
                "--list-deps",
                Installed.CHECKOUT.resolve("proxy/target/classes").toString(),
                Installed.CHECKOUT.resolve("admin-api/target/classes").toString());
    assertThat(status).as(said.toString()).isZero();
    List<String> named =
        said.toString().lines().map(String::strip).filter(MODULE.asMatchPredicate()).toList();
    assertThat(named).contains("java.base", "java.net.http");
    assertThat(modules()).containsAll(named);
  }

  private List<String> modules() throws Exception {
    Ended list = Ended.run(home.resolve("java/bin/java").toString(), "--list-modules");
    return list.out().lines().map(line -> line.replaceFirst("@.*", "")).toList();
  }

  @Test
  void systemd_finds_nothing_wrong_and_little_exposed() throws Exception {
    assumeTrue(
        Ended.run("sh", "-c", "command -v systemd-analyze").status() == 0,
        "NOT TESTED: needs systemd-analyze");
    Path shipped = Installed.CHECKOUT.resolve("docker/systemd/sluice.service");
    Path unit =
        Files.writeString(
            folder.resolve("sluice.service"),
            Files.readString(shipped).replace("/usr/lib/sluice", home.toString()));
    Ended verify = Ended.run("systemd-analyze", "verify", "--recursive-errors=no", unit.toString());
    assertThat(verify.status()).as(verify.out() + verify.err()).isZero();
    Ended security =
        Ended.run(
            "systemd-analyze", "security", "--offline=yes", "--threshold=20", unit.toString());
    assertThat(security.status()).as(security.out() + security.err()).isZero();
  }

  private Ended sluice(String... arguments) throws Exception {
    String[] command =
        Stream.concat(
                Stream.of("env", "-i", "PATH=/usr/bin:/bin", home.resolve("bin/sluice").toString()),
                Stream.of(arguments))
            .toArray(String[]::new);
    Ended ended = Ended.run(command);
    assertThat(ended.status()).as(ended.out() + ended.err()).isZero();
    return ended;
  }
}
