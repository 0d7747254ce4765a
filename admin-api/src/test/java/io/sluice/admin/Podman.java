package io.sluice.admin;

import static java.util.concurrent.TimeUnit.MINUTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Images and containers without a daemon: buildah builds, podman and runc run, Debian's own
 * packages are the base. Skips where something of it is missing or not permitted.
 */
final class Podman {
  /** For the same reason; more than the appliance needs. */
  static final String THREADS = "--ulimit=nproc=4096:4096";

  private static final String BASE = "localhost/base";

  private final Path folder;
  private final List<String> storage;

  /**
   * Makes the base image, too.
   *
   * @param folder for everything; its path must be short
   */
  Podman(Path folder) throws Exception {
    this.folder = folder;
    storage =
        List.of(
            "--root",
            folder.resolve("r").toString(),
            "--runroot",
            folder.resolve("rr").toString(),
            // Copies instead of overlay mounts: those fail where this runs in a container itself.
            "--storage-driver",
            "vfs");
    for (String tool : List.of("buildah", "podman", "runc", "mmdebstrap", "nsenter")) {
      assumeTrue(
          Ended.run("sh", "-c", "command -v " + tool).status() == 0, "NOT TESTED: needs " + tool);
    }
    skipUnless(run("sh", "-c", ROOT_FILE_SYSTEM, "-", folder.resolve("base.tar").toString()));
    Files.writeString(folder.resolve("Dockerfile"), "FROM scratch\nADD base.tar /\n");
    skipUnless(buildah("-t", BASE, folder.toString()));
    skipUnless(run(podman("run", "--rm", THREADS, files(), "--network=host", BASE, "true")));
  }

  /**
   * What debian:bookworm-slim has of what the launcher needs, from where this machine has its own.
   */
  private static final String ROOT_FILE_SYSTEM =
      """
      [ "$(id -u)" = 0 ] || { echo "not root" >&2; exit 1; }
      . /etc/os-release
      cd /etc/apt
      for sources in sources.list.d/debian.sources sources.list.d/ubuntu.sources sources.list; do
        [ ! -s "$sources" ] || break
      done
      exec mmdebstrap --quiet --variant=extract --include=base-files,coreutils,dash,grep,libc6,netbase \
        "$VERSION_CODENAME" "$1" <"$sources"
      """;

  private static void skipUnless(Ended ended) {
    assumeTrue(
        ended.status() == 0,
        () -> "NOT TESTED: no containers here: " + ended.err().strip().replaceAll("\\s+", " "));
  }

  /** As many open files as this machine gives: podman would ask for more, and may not. */
  static String files() throws Exception {
    String most = Ended.run("sh", "-c", "ulimit -H -n").out().strip();
    return "--ulimit=nofile=%s:%s".formatted(most, most);
  }

  /** Builds the last stage of our Dockerfile, over what was installed instead of the first. */
  void build(String tag, Path installed, String version) throws Exception {
    Path checkout = Installed.CHECKOUT;
    Ended built =
        buildah(
            "--build-context",
            "build=" + installed,
            "--build-arg",
            "BASE=" + BASE,
            "--build-arg",
            "VERSION=" + version,
            "-t",
            tag,
            "-f",
            checkout.resolve("docker/Dockerfile").toString(),
            checkout.toString());
    assertThat(built.status()).as(built.out() + built.err()).isZero();
  }

  /** Docker's format: that of OCI has no HEALTHCHECK. */
  private Ended buildah(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("buildah"));
    command.addAll(storage);
    command.addAll(List.of("bud", "--isolation", "chroot", "--format", "docker"));
    command.addAll(List.of(arguments));
    return run(command.toArray(String[]::new));
  }

  /** The command that has podman do that. */
  String[] podman(String... arguments) {
    Stream<String> how = Stream.of("--runtime", "runc", "--cgroup-manager", "cgroupfs");
    return Stream.of(Stream.of("podman"), storage.stream(), how, Stream.of(arguments))
        .flatMap(each -> each)
        .toArray(String[]::new);
  }

  /** Has podman do what must succeed, and returns what it printed. */
  String done(String... arguments) throws Exception {
    Ended ended = run(podman(arguments));
    assertThat(ended.status())
        .as("%s: %s%s", List.of(arguments), ended.out(), ended.err())
        .isZero();
    return ended.out();
  }

  /** In files: what podman leaves running would keep a pipe open. */
  Ended run(String... command) throws Exception {
    Path out = Files.createTempFile(folder, "out", "");
    Path err = Files.createTempFile(folder, "err", "");
    Process process =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try {
      assertThat(process.waitFor(2, MINUTES)).as("%s ends", List.of(command)).isTrue();
      return new Ended(process.exitValue(), Files.readString(out), Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }
}
