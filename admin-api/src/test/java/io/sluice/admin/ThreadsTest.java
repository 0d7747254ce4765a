package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom the API's threads give way to, by the kernel's word: proc_pid_stat(5). */
class ThreadsTest {
  private static final Path TASKS = Path.of("/proc/self/task");

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void thoseThatFaceStrangersGiveWayAndThoseThatWorkForOperatorsDoNot() throws Exception {
    int mine = nice(Path.of("/proc/thread-self"));

    assertThat(api.get("/v1/flows").statusCode()).isEqualTo(200);
    assertThat(api.post("/v1/pools/resolvers/backends/a/drain", "{}").statusCode()).isEqualTo(200);

    for (String name : List.of("vert.x-eventloo", "vert.x-acceptor")) {
      assertThat(niceOf(name))
          .isNotEmpty()
          .allSatisfy((id, nice) -> assertThat(nice).isEqualTo(Math.min(mine + 10, 19)));
    }
    // workers are started by them, and would be as they are
    for (String name : List.of("sluice-reads", "vert.x-changes")) {
      assertThat(niceOf(name))
          .isNotEmpty()
          .allSatisfy((id, nice) -> assertThat(nice).isEqualTo(mine));
    }
  }

  private static Map<Path, Integer> niceOf(String name) throws IOException {
    try (Stream<Path> tasks = Files.list(TASKS)) {
      return tasks
          .filter(task -> read(task.resolve("comm")).startsWith(name))
          .collect(Collectors.toMap(task -> task, ThreadsTest::nice));
    }
  }

  private static int nice(Path task) {
    String stat = read(task.resolve("stat"));
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
