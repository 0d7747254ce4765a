package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The image, built and run for real: docker/compose.yaml's parts on a host of their own, each by
 * its line of that file, but for Grafana, which Debian does not have.
 */
@Timeout(300)
class ImageIT {
  private static final String IMAGE = "localhost/sluice";
  private static final String NAME = "sluice";
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir static Path folder;
  private static Podman podman;
  private static Netns host;

  private static final Deque<Process> running = new ArrayDeque<>();

  @BeforeAll
  static void built() throws Exception {
    host = Netns.create("image");
    podman = new Podman(folder);
    podman.build(IMAGE, Installed.root(), "1.2.3");
  }

  @AfterAll
  static void stopAll() throws Exception {
    while (!running.isEmpty()) {
      running.pop().destroyForcibly().waitFor();
    }
    if (podman != null) {
      podman.run(podman.podman("rm", "--all", "--force"));
    }
    if (host != null) {
      host.close();
    }
  }

  @Test
  void it_says_what_it_is_and_how_it_wants_to_be_run() throws Exception {
    JsonObject image = new JsonArray(podman.done("image", "inspect", IMAGE)).getJsonObject(0);
    JsonObject config = image.getJsonObject("Config");
    assertThat(config.getString("User")).isEqualTo("65532:65532");
    assertThat(config.getString("StopSignal")).isEqualTo("SIGTERM");
    assertThat(image.getJsonObject("Healthcheck").getJsonArray("Test"))
        .isEqualTo(JsonArray.of("CMD", "sluice", "ctl", "ready"));
    assertThat(config.getJsonObject("ExposedPorts").fieldNames())
        .containsExactlyInAnyOrder("9000/udp", "9901/tcp");
    assertThat(config.getJsonObject("Labels").getMap())
        .containsEntry("org.opencontainers.image.title", "Sluice")
        .containsEntry("org.opencontainers.image.licenses", "Apache-2.0")
        .containsEntry("org.opencontainers.image.version", "1.2.3");
  }

  @Test
  void the_parts_of_compose_relay_and_show_it() throws Exception {
    Compose compose = Compose.read();
    for (String echo : List.of("echo-one", "echo-two")) {
      start(echo, words(host.prefix("socat"), compose.service(echo).command()));
    }
    start("prometheus", words(host.prefix("prometheus"), prometheus(compose)));
    Process first = appliance(compose);
    talk(20);
    await("flows on both backends")
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(json("/v1/pools/echoes").getJsonArray("backends"))
                    .hasSize(2)
                    .allSatisfy(
                        each -> assertThat(((JsonObject) each).getInteger("flows")).isPositive()));

    assertThat(within("id", "-u").out().strip()).isEqualTo("65532");
    assertThat(within("grep", "-E", "^(CapEff|NoNewPrivs)", "/proc/1/status").out())
        .matches("CapEff:\\s+0+\\nNoNewPrivs:\\s+1\\n");
    assertThat(within("touch", "/opt/sluice/x").err()).contains("Read-only file system");
    Ended health = within("sluice", "ctl", "ready");
    assertThat(health.status()).as(health.err()).isZero();
    await("Prometheus has seen the datagrams")
        .atMost(PATIENCE)
        .until(() -> ask("9090", "/api/v1/query?query=sluice_datagrams_total").contains("echo"));

    podman.done("stop", "--time", "30", NAME);
    assertThat(ended(first)).as(log()).isZero();

    Process second = appliance(compose);
    talk(1);
    podman.done("kill", "--signal", "KILL", NAME);
    assertThat(ended(second)).as(log()).isEqualTo(137);
    appliance(compose);
    talk(1);
  }

  /** So many clients, each with a datagram that must come back. */
  private static void talk(int clients) throws Exception {
    for (int i = 0; i < clients; i++) {
      try (UdpClient client = UdpClient.open(host, Lab.at("127.0.0.1", 9000))) {
        assertThat(client.ask("datagram " + i)).isEqualTo("datagram " + i);
      }
    }
  }

  /** Starts it as the file says, and returns once it is ready. */
  private static Process appliance(Compose compose) throws Exception {
    Compose.Service service = compose.service("sluice");
    List<String> options = new ArrayList<>(List.of("--name", NAME, "--rm", "--no-healthcheck"));
    options.add("--network=" + service.json().getString("network_mode"));
    options.add("--read-only=" + service.json().getBoolean("read_only"));
    service.json().getJsonArray("cap_drop").forEach(each -> options.add("--cap-drop=" + each));
    service
        .json()
        .getJsonArray("security_opt")
        .forEach(each -> options.add("--security-opt=" + each.toString().replace(":true", "")));
    for (Compose.Mount mount : service.mounts()) {
      options.add("--volume=%s:%s:ro".formatted(mount.source(), mount.to()));
    }
    // Podman mounts /tmp and others by default, Docker and Kubernetes do not.
    options.add("--read-only-tmpfs=false");
    // Not the file's, which this machine may not give.
    options.add(Podman.files());
    options.add(Podman.THREADS);
    options.add(IMAGE);
    String[] run = podman.podman(words(new String[] {"run"}, options));
    Process process = start(NAME, host.network(run));
    await("readiness: " + log())
        .atMost(PATIENCE)
        .until(() -> !process.isAlive() || ask("9901", "/readyz").contains("READY"));
    assertThat(process.isAlive()).as(log()).isTrue();
    return process;
  }

  /** Its paths are those of this machine here. */
  private static List<String> prometheus(Compose compose) throws Exception {
    Compose.Service service = compose.service("prometheus");
    Path data = Files.createDirectories(folder.resolve("data"));
    return service.command().stream()
        .map(
            each ->
                each.replace(
                        "=/etc/prometheus", "=" + service.mountedAt("/etc/prometheus").source())
                    .replace("=/prometheus", "=" + data))
        .toList();
  }

  private static String[] words(String[] first, List<String> then) {
    return Stream.concat(Stream.of(first), then.stream()).toArray(String[]::new);
  }

  private static Process start(String name, String... command) throws Exception {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve(name + ".log").toFile())
            .start();
    running.push(process);
    return process;
  }

  /** Its network is the host's: that of whoever asks for it. */
  private static Ended within(String... command) throws Exception {
    String[] exec = podman.podman(words(new String[] {"exec", NAME}, List.of(command)));
    return podman.run(host.network(exec));
  }

  private static int ended(Process process) throws Exception {
    assertThat(process.waitFor(60, SECONDS)).as(log()).isTrue();
    return process.exitValue();
  }

  private static String log() throws Exception {
    Path log = folder.resolve(NAME + ".log");
    return Files.exists(log) ? Files.readString(log) : "";
  }

  /** What is answered there; nothing, where there is no answer yet. */
  private static String ask(String port, String path) throws Exception {
    return Ended.run(host.prefix("curl", "-sfm", "5", "127.0.0.1:" + port + path)).out();
  }

  private static JsonObject json(String path) throws Exception {
    return new JsonObject(ask("9901", path));
  }
}
