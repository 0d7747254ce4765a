package io.sluice.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.BackendFile;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Origin;
import io.sluice.config.SluiceConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that others write, in whatever way. */
class FileDiscoveryTest extends DiscoveryContract {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path dir;

  private int writes;
  private long memory = Long.MAX_VALUE;

  @Override
  Discovery discovery() {
    return new FileDiscovery(new Origin.File(file()), this::read, Runnable::run, timer);
  }

  private List<SluiceConfig.Backend> read(Path file) throws InvalidConfig {
    if (memory < file.toFile().length()) {
      throw new OutOfMemoryError("Java heap space");
    }
    return BackendFile.read(file);
  }

  private Path file() {
    return dir.resolve("backends.json");
  }

  @Override
  void there(Set<String> addresses) throws IOException {
    write(file(), list(addresses));
  }

  @Override
  void broken() throws IOException {
    write(file(), "{\"backends\": [\n{\"address\": \"nowhere\"}");
  }

  private static String list(Set<String> addresses) {
    return addresses.stream()
        .map("{\"address\": \"%s\"}"::formatted)
        .collect(Collectors.joining(",\n", "{\"backends\": [", "]}"));
  }

  /** A clock of a coarse file system would not tell two writes apart. */
  private void write(Path to, String text) throws IOException {
    Files.writeString(to, text);
    Files.setLastModifiedTime(to, FileTime.fromMillis(1_000L * ++writes));
  }

  private void passes(Duration time) {
    timer.advance(time);
  }

  @Test
  void a_file_that_is_left_alone_is_read_once() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    passes(LONG);
    assertThat(findings).hasSize(1);
    assertThat(findings.getFirst().next()).isEmpty();
  }

  @Test
  void a_file_that_is_being_written_is_read_when_that_is_over() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    passes(Duration.ofSeconds(1));
    for (int i = 0; i < 8; i++) {
      write(file(), "{\"backends\": [" + " ".repeat(i));
      passes(Duration.ofMillis(250));
    }
    there(Set.of("192.0.2.2:53"));
    passes(Duration.ofSeconds(1));
    assertThat(findings).hasSize(2).allMatch(Finding.Found.class::isInstance);
  }

  @Test
  void another_file_in_its_place_is_read() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    passes(Duration.ofSeconds(1));
    Path fresh = dir.resolve("fresh");
    write(fresh, list(Set.of("192.0.2.2:53")));
    Files.move(fresh, file(), java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    assertThat(addresses(next())).containsExactly("192.0.2.2:53");
  }

  /** As a ConfigMap is mounted: the file is a link into ..data, and that a link to a directory. */
  @Test
  void a_link_on_the_way_may_be_swapped() throws Exception {
    Files.createDirectory(dir.resolve("one"));
    Files.createDirectory(dir.resolve("two"));
    write(dir.resolve("one/backends.json"), list(Set.of("192.0.2.1:53")));
    write(dir.resolve("two/backends.json"), list(Set.of("192.0.2.2:53")));
    Files.createSymbolicLink(dir.resolve("..data"), Path.of("one"));
    Files.createSymbolicLink(file(), Path.of("..data/backends.json"));
    started();
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
    Files.createSymbolicLink(dir.resolve("..tmp"), Path.of("two"));
    Files.move(
        dir.resolve("..tmp"), dir.resolve("..data"), java.nio.file.StandardCopyOption.ATOMIC_MOVE);
    assertThat(addresses(next())).containsExactly("192.0.2.2:53");
  }

  @Test
  void what_is_wrong_is_told_with_file_and_line() throws Exception {
    write(file(), "{\"backends\": [\n  {\"address\": \"192.0.2.1\"},\n  {\"weight\": 1}]}");
    started();
    assertThat(((Finding.Failed) next()).why())
        .startsWith(file() + ":2: backends[0].address: \"192.0.2.1\" needs a port")
        .endsWith("; and 1 more");
  }

  @Test
  void an_error_is_a_failure_and_it_looks_again() throws Exception {
    there(Set.of("192.0.2.1:53", "192.0.2.2:53"));
    memory = 50;
    started();
    assertThat(((Finding.Failed) next()).why())
        .isEqualTo(file() + ": java.lang.OutOfMemoryError: Java heap space");
    there(Set.of("192.0.2.1:53"));
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
  }

  @Test
  void a_file_that_comes_later_is_found_then() throws Exception {
    started();
    assertThat(((Finding.Failed) next()).why()).contains("there is no such file");
    passes(LONG);
    assertThat(findings).hasSize(1);
    there(Set.of("192.0.2.1:53"));
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
    Files.delete(file());
    assertThat(next()).isInstanceOf(Finding.Failed.class);
  }
}
