package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The appliance as a process of its own, and a client of its admin API. */
final class ApplianceProcess implements AutoCloseable {
  private static final PublishedContract CONTRACT = new PublishedContract();
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final List<String> within;
  private final Path log;
  private final Process process;
  private final String admin;

  /**
   * Starts it and returns when it is ready to relay.
   *
   * @param folder for its files, of which it needs its own
   * @param config its whole configuration; the admin API may be on port 0
   * @param within what to run it by, such as {@code ip netns exec NAME}; the admin API is asked
   *     from there too
   */
  static ApplianceProcess start(Path folder, String config, String... within) throws Exception {
    return new ApplianceProcess(folder, config, List.of(within));
  }

  private ApplianceProcess(Path folder, String config, List<String> within) throws Exception {
    this.within = within;
    log = folder.resolve("sluice.log");
    Path file = Files.writeString(folder.resolve("sluice.conf"), config);
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var builder =
        builder(
                java,
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-ea",
                "-cp",
                System.getProperty("java.class.path"),
                "io.sluice.Main",
                "run",
                "-c",
                file.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
    process = builder.start();
    try {
      String up = awaitLog(" is up: admin API on ");
      Matcher url = Pattern.compile("https?://[^, ]+").matcher(up);
      assertThat(url.find()).as(up).isTrue();
      admin = url.group();
      get("/readyz");
    } catch (Throwable e) {
      process.destroyForcibly();
      throw e;
    }
  }

  /** Where its admin API is. */
  String admin() {
    return admin;
  }

  String url(String path) {
    return admin + path;
  }

  /** GETs what must be there. */
  String get(String path) throws Exception {
    Ended curl = Ended.run(builder("curl", "-sS", "-i", "-m", "10", admin + path));
    assertThat(curl.status()).as("GET %s: %s%s%s", path, curl.out(), curl.err(), text()).isZero();
    Answer answer = Answer.read("GET", new ByteArrayInputStream(curl.out().getBytes(UTF_8)));
    CONTRACT.check("GET", path, answer);
    assertThat(answer.status()).as("GET %s: %s%s", path, answer.body(), text()).isEqualTo(200);
    return answer.body();
  }

  JsonObject json(String path) throws Exception {
    return new JsonObject(get(path));
  }

  /** The value of a sample, named as the text format writes it: {@code name{label="value",}}. */
  double metric(String sample) throws Exception {
    return get("/metrics")
        .lines()
        .filter(line -> line.startsWith(sample + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(sample.length())))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no metric " + sample));
  }

  List<String> log() throws IOException {
    return Files.readAllLines(log);
  }

  /** Returns the first line of the log that contains a text. */
  String awaitLog(String text) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      boolean last = !process.isAlive() || System.nanoTime() - deadline > 0;
      Optional<String> line = log().stream().filter(each -> each.contains(text)).findFirst();
      if (line.isPresent()) {
        return line.get();
      }
      assertThat(last).as("no '%s' in the log: %s", text, text()).isFalse();
      process.waitFor(20, MILLISECONDS);
    }
  }

  /** Of its admin API. */
  String url() {
    return admin;
  }

  long pid() {
    return process.pid();
  }

  /** Sends SIGTERM and returns the exit status. */
  int terminate() throws Exception {
    process.destroy();
    assertThat(process.waitFor(PATIENCE.toSeconds(), SECONDS)).as("it stops: %s", text()).isTrue();
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }

  private String text() throws IOException {
    return "\n" + String.join("\n", log());
  }

  private ProcessBuilder builder(String... command) {
    var all = new ArrayList<>(within);
    Stream.of(command).forEach(all::add);
    return new ProcessBuilder(all);
  }
}
