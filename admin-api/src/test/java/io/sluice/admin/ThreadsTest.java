package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Tls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whom the API's threads give way to, by the kernel's word: proc_pid_stat(5). */
class ThreadsTest {
  private static final Path TASKS = Path.of("/proc/self/task");

  @TempDir Path folder;

  @Test
  void thoseThatFaceStrangersGiveWayAndThoseThatWorkForOperatorsDoNot() throws Exception {
    try (AdminApi api = new AdminApi()) {
      assertThat(api.get("/v1/flows").statusCode()).isEqualTo(200);
      assertThat(api.post("/v1/pools/resolvers/backends/a/drain", "{}").statusCode())
          .isEqualTo(200);
      assertInOrder();
    }
  }

  @Test
  void withTlsToo() throws Exception {
    Authority authority = new Authority(folder);
    authority.issue("server", "/CN=sluice");
    Tls tls =
        new Tls(
            authority.file("server.pem"),
            authority.file("server.key"),
            Optional.empty(),
            Role.VIEWER);
    try (AdminApi api =
        new AdminApi(
            new Admin(
                CannedAppliance.address("127.0.0.1", 0),
                List.of(),
                Optional.of(tls),
                Optional.empty()))) {
      assertThat(api.port()).isPositive();
      await().untilAsserted(ThreadsTest::assertInOrder);
    }
  }

  private static void assertInOrder() throws IOException {
    int mine = nice(read(Path.of("/proc/thread-self/stat")));
    for (String name : List.of("vert.x-eventloo", "vert.x-acceptor")) {
      assertThat(niceOf(name)).as(name).isNotEmpty().containsOnly(Math.min(mine + 10, 19));
    }
    // workers are started by them, and would be as they are
    for (String name : List.of("sluice-reads", "vert.x-changes")) {
      assertThat(niceOf(name)).as(name).isNotEmpty().containsOnly(mine);
    }
  }

  private static List<Integer> niceOf(String name) throws IOException {
    try (Stream<Path> tasks = Files.list(TASKS)) {
      return tasks
          .map(task -> read(task.resolve("stat")))
          .filter(stat -> stat.contains("(" + name))
          .map(ThreadsTest::nice)
          .toList();
    }
  }

  private static int nice(String stat) {
    // the 19th, counted from the third, as the second may hold anything
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[19 - 3]);
  }

  /** Empty for one that has ended. */
  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }
}
