package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that change in the ways in which editors, scripts and Kubernetes change them. */
class FileWatchIT {
  private static final String CONFIG =
      """
      sluice {
        watch = true
        fronts { dns { listen = ["127.0.0.1:5300"], pool = resolvers } }
        pools { resolvers { backends { a { address = "127.0.0.1:53" } } } }
      }
      """;

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path dir;

  /** What was there to be read when it was to be. */
  private final List<String> read = new CopyOnWriteArrayList<>();

  @SuppressWarnings("NullAway.Init")
  private Path file;

  /** Whether the next reload runs into one. */
  private final AtomicBoolean bug = new AtomicBoolean();

  private final AtomicInteger failures = new AtomicInteger();

  private final FileWatch watch = new FileWatch(this::reload);

  @BeforeEach
  void name() {
    file = dir.resolve("sluice.conf");
  }

  @AfterEach
  void close() {
    watch.close();
  }

  @Test
  void aFileThatIsWrittenAgainIsReadAgainOnceItIsLeftAlone() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    for (int i = 0; i < 3; i++) {
      Files.writeString(file, "# " + i + "\n", StandardOpenOption.APPEND);
    }
    awaitRead(CONFIG + "# 0\n# 1\n# 2\n");
    Files.writeString(file, CONFIG + "# more\n");
    awaitRead(CONFIG + "# more\n");
  }

  @Test
  void anEditorPutsAnotherFileInItsPlace() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    for (String text : List.of("# 1\n", "# 2\n")) {
      Path next = Files.writeString(dir.resolve(".sluice.conf.swp"), CONFIG + text);
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
      awaitRead(CONFIG + text);
    }
    Files.move(file, dir.resolve("sluice.conf~")); // some leave nothing there for a moment
    Files.writeString(file, CONFIG + "# 3\n");
    awaitRead(CONFIG + "# 3\n");
  }

  @Test
  void kubernetesPutsAnotherDirectoryInItsPlace() throws Exception {
    Path data = dir.resolve("..data");
    Files.writeString(Files.createDirectory(dir.resolve("..1")).resolve("sluice.conf"), CONFIG);
    Files.createSymbolicLink(data, Path.of("..1"));
    Files.createSymbolicLink(file, Path.of("..data", "sluice.conf"));
    follow();
    for (int i = 2; i < 5; i++) {
      Path next = Files.createDirectory(dir.resolve(".." + i));
      Files.writeString(next.resolve("sluice.conf"), CONFIG + "# " + i + "\n");
      Path link = Files.createSymbolicLink(dir.resolve("..data_tmp"), next.getFileName());
      Files.move(link, data, StandardCopyOption.ATOMIC_MOVE);
      Files.delete(dir.resolve(".." + (i - 1)).resolve("sluice.conf"));
      Files.delete(dir.resolve(".." + (i - 1)));
      awaitRead(CONFIG + "# " + i + "\n");
    }
  }

  @Test
  void aFileThatItIncludesIsWatchedToo() throws Exception {
    Path other = Files.createDirectory(dir.resolve("d")).resolve("pools.conf");
    Files.writeString(other, "");
    Files.writeString(file, "include \"d/pools.conf\"\n" + CONFIG);
    follow();
    Files.writeString(other, "# another\n");
    await().until(() -> read.size() == 1);
  }

  @Test
  void anIncludeThatIsMissingIsReadWhenItArrivesAndTriedOnceUntilThen() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    Files.writeString(file, "include \"late/pools.conf\"\n" + CONFIG);
    await().until(() -> failures.get() == 1);
    Path late = Files.createDirectory(dir.resolve("late")).resolve("pools.conf");
    Files.writeString(late, "# here it is\n");
    await().until(() -> read.size() == 2);
    assertThat(failures).hasValue(1);
  }

  @Test
  void filesThatAreReadForAnotherReasonAreWatchedFromThenOn() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    Path other = Files.createDirectory(dir.resolve("d")).resolve("pools.conf");
    watch.expect(List.of(file, other)); // as a SIGHUP does that finds it missing
    Files.writeString(other, "# here it is\n");
    await().until(() -> read.size() == 1);
  }

  @Test
  void aReloadThatFailsInAWayNobodyThoughtOfIsNotTheLast() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    bug.set(true);
    Files.writeString(file, CONFIG + "# 1\n");
    await().until(() -> !bug.get());
    Files.writeString(file, CONFIG + "# 2\n");
    awaitRead(CONFIG + "# 2\n");
  }

  @Test
  void whatElseHappensBesideItIsNoChange() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    Files.writeString(dir.resolve("log"), "a line\n");
    Files.writeString(dir.resolve("another.conf"), CONFIG);
    Files.writeString(file, CONFIG + "# 1\n");
    awaitRead(CONFIG + "# 1\n");
    assertThat(read).hasSize(1);
  }

  @Test
  void withoutWatchNobodyLooks() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    Files.writeString(file, CONFIG.replace("watch = true", "watch = false"));
    await().until(() -> threads() == 0);
    Files.writeString(file, CONFIG);
    follow();
    assertThat(threads()).isEqualTo(1);
    Files.writeString(file, CONFIG + "# 1\n");
    awaitRead(CONFIG + "# 1\n");
  }

  @Test
  void onceClosedItStaysSo() throws Exception {
    Files.writeString(file, CONFIG);
    follow();
    watch.close();
    follow(); // as a reload does that was under way
    await().until(() -> threads() == 0);
  }

  private static long threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("sluice-watch"))
        .count();
  }

  private void reload() {
    if (bug.getAndSet(false)) {
      throw new IllegalStateException("a bug");
    }
    read.add(content());
    try {
      follow();
    } catch (InvalidConfig e) {
      failures.incrementAndGet();
      watch.expect(e.files());
    } catch (StartFailure e) {
      throw new IllegalStateException(e);
    }
  }

  private void follow() throws InvalidConfig, StartFailure {
    watch.follow(Document.read(file, Plugins.load(getClass().getClassLoader()).names()));
  }

  private void awaitRead(String text) {
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> !read.isEmpty() && read.getLast().equals(text));
  }

  private String content() {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
