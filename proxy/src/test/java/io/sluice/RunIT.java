package io.sluice;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What signals do to a real process, and what it logs. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // a pipe hears no interrupt
class RunIT {
  private static final String FLOWS_THAT_NEVER_END = "flows-that-never-end";

  @TempDir Path folder;

  @SuppressWarnings("NullAway.Init") // by start()
  private Process process;

  @AfterEach
  void kill() {
    process.destroyForcibly();
  }

  @ParameterizedTest
  @CsvSource({"TERM", "INT"})
  void a_signal_drains_closes_in_reverse_and_exits_0(String signal) throws Exception {
    try (BufferedReader out = start(Map.of())) {
      awaitUp(out);
      send(signal);
      assertThat(out.lines()).containsExactly("drain PT7S", "close admin", "close");
      assertThat(exit()).isZero();
      assertThat(log()).last().asString().endsWith("INFO  Run: stopped");
    }
  }

  @ParameterizedTest
  @CsvSource({"TERM, 143", "INT, 130"})
  void a_second_signal_exits_at_once(String signal, int status) throws Exception {
    try (BufferedReader out = start(Map.of(), FLOWS_THAT_NEVER_END)) {
      awaitUp(out);
      send(signal);
      assertThat(out.readLine()).isEqualTo("drain PT7S");
      send(signal);
      assertThat(exit()).isEqualTo(status);
      assertThat(out.readLine()).isNull();
    }
  }

  @Test
  void sighup_reloads_and_says_what_came_of_it() throws Exception {
    try (BufferedReader out = start(Map.of())) {
      awaitUp(out);
      send("HUP");
      awaitLog("WARN  Run: SIGHUP: nothing has changed: this is a fake");
      send("TERM");
      assertThat(exit()).isZero();
    }
  }

  @Test
  void the_log_is_one_line_an_event_with_time_level_and_logger() throws Exception {
    try (BufferedReader out = start(Map.of())) {
      awaitUp(out);
      send("TERM");
      assertThat(exit()).isZero();
    }
    assertThat(log())
        .allMatch(
            line -> line.matches("\\d{4}-\\d\\d-\\d\\dT[\\d:.]{12}\\S+ (INFO |WARN ) \\w+: .+"))
        .anyMatch(line -> line.endsWith("INFO  Run: front demo on 127.0.0.1:9000/udp, pool echoes"))
        .anyMatch(line -> line.endsWith("INFO  Run: front demo on [::1]:9000/udp, pool echoes"));
  }

  @Test
  void the_log_is_one_json_object_an_event_when_asked() throws Exception {
    try (BufferedReader out = start(Map.of("SLUICE_LOG", "json"))) {
      awaitUp(out);
      send("TERM");
      assertThat(exit()).isZero();
    }
    assertThat(log())
        .extracting(line -> json(line).getString("formattedMessage"))
        .contains("front demo on 127.0.0.1:9000/udp, pool echoes", "stopped");
    assertThat(log())
        .allSatisfy(line -> assertThat(json(line).getString("level")).isEqualTo("INFO"));
  }

  @Test
  void the_level_can_be_chosen() throws Exception {
    try (BufferedReader out = start(Map.of("SLUICE_LOG_LEVEL", "warn"))) {
      awaitUp(out);
      send("HUP");
      awaitLog("SIGHUP: nothing has changed");
      send("TERM");
      assertThat(exit()).isZero();
    }
    assertThat(log()).hasSize(1);
  }

  private BufferedReader start(Map<String, String> environment, String... arguments)
      throws IOException {
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var command =
        Stream.concat(
            // By whom this was started (nohup, a shell's &), a signal may be ignored: then Java
            // ignores it, too, whatever it is told.
            Stream.of(
                "env",
                "--default-signal=HUP,INT,TERM",
                java,
                "-cp",
                System.getProperty("java.class.path"),
                "io.sluice.RunProcess"),
            Stream.of(arguments));
    var builder = new ProcessBuilder(command.toList()).redirectError(stderr().toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
    builder.environment().putAll(environment);
    process = builder.start();
    return process.inputReader();
  }

  /** Reads on to the end of what the demo suggests. */
  private static void awaitUp(BufferedReader out) throws IOException {
    String line;
    do {
      line = out.readLine();
      assertThat(line).as("a line of what to try").isNotNull();
    } while (!line.startsWith("Ctrl-C stops it."));
    assertThat(out.readLine()).isEmpty();
  }

  private void awaitLog(String text) throws Exception {
    while (log().stream().noneMatch(line -> line.contains(text))) {
      assertThat(process.waitFor(20, MILLISECONDS))
          .as("ended before logging '%s': %s", text, log())
          .isFalse();
    }
  }

  private void send(String signal) throws Exception {
    var kill = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start();
    assertThat(kill.waitFor()).isZero();
  }

  private int exit() throws InterruptedException {
    assertThat(process.waitFor(30, SECONDS)).as("the process ends").isTrue();
    return process.exitValue();
  }

  private Path stderr() {
    return folder.resolve("stderr");
  }

  private List<String> log() throws IOException {
    return Files.readAllLines(stderr());
  }

  private static Config json(String line) {
    return ConfigFactory.parseString(
        line, ConfigParseOptions.defaults().setSyntax(ConfigSyntax.JSON));
  }
}
