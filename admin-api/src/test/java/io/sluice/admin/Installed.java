package io.sluice.admin;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;

/** What this build has just packaged, laid out by {@code docker/install}: once for all tests. */
final class Installed {
  static final Path CHECKOUT = Path.of("..").toAbsolutePath().normalize();

  /** Stands for a file system: the tree is in its /opt/sluice. */
  private static final Path ROOT = CHECKOUT.resolve("admin-api/target/installed");

  private static boolean done;

  private Installed() {}

  static synchronized Path root() throws Exception {
    if (!done) {
      Files.createDirectories(ROOT);
      Path log = ROOT.resolve("log");
      var install =
          new ProcessBuilder(
                  CHECKOUT.resolve("docker/install").toString(),
                  ROOT.resolve("opt/sluice").toString())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile());
      install.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
      install.environment().put("JAVA_HOME", System.getProperty("java.home"));
      Process process = install.start();
      try {
        assertThat(process.waitFor(3, MINUTES)).as(Files.readString(log)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isZero();
      } finally {
        process.destroyForcibly();
      }
      Files.delete(log);
      done = true;
    }
    return ROOT;
  }
}
