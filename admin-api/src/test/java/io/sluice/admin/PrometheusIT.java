package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.admin.GrafanaDashboard.Question;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What docker/ has for Prometheus and Grafana, on a real Prometheus that scrapes a loaded
 * appliance: every panel shows something, every rule loads, and what is provoked is reported.
 */
@Timeout(150)
class PrometheusIT {
  private static final Path SHIPPED = Path.of("../docker/prometheus");
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path folder;

  private final Deque<AutoCloseable> running = new ArrayDeque<>();

  @BeforeEach
  void needsPrometheus() throws Exception {
    assumeTrue(
        Ended.run("sh", "-c", "command -v prometheus && command -v promtool").status() == 0,
        "needs prometheus and promtool: install the package prometheus");
  }

  @AfterEach
  void stopAll() throws Exception {
    while (!running.isEmpty()) {
      running.pop().close();
    }
  }

  private <T extends AutoCloseable> T keep(T it) {
    running.push(it);
    return it;
  }

  @Test
  void what_is_shipped_is_valid_and_every_alert_fires_when_it_should() throws Exception {
    succeeds("promtool", "check", "config", SHIPPED.resolve("prometheus.yml").toString());
    succeeds("promtool", "test", "rules", SHIPPED.resolve("alerts.test.yml").toString());
    String tests = Files.readString(SHIPPED.resolve("alerts.test.yml"));
    Matcher alert =
        Pattern.compile("alert: (\\w+)").matcher(Files.readString(SHIPPED.resolve("alerts.yml")));
    assertThat(alert.results().map(match -> match.group(1)))
        .isNotEmpty()
        .allSatisfy(name -> assertThat(tests).contains("alertname: " + name + "\n"));
  }

  private static void succeeds(String... command) throws Exception {
    Ended ended = Ended.run(command);
    assertThat(ended.status()).as(ended.out() + ended.err()).isZero();
  }

  @Test
  void every_panel_has_data_and_a_backend_that_is_out_raises_its_alert() throws Exception {
    ApplianceProcess sluice = loadedAppliance();
    Prometheus prometheus = keep(new Prometheus(folder, scraping(sluice)));

    Map<String, String> variables =
        Map.of("__rate_interval", "8s", "instance", ".*", "front", ".*", "pool", ".*");
    for (Question question : GrafanaDashboard.read().questions()) {
      String expression = GrafanaDashboard.fillIn(question.expression(), variables);
      await(question.of() + ": " + expression)
          .atMost(PATIENCE)
          .pollInterval(Duration.ofMillis(200))
          .until(() -> hasData(prometheus.query(expression)));
    }
    assertThat(prometheus.rules())
        .hasSizeGreaterThan(10)
        .allSatisfy(rule -> assertThat(rule.getString("lastError")).isNull());
    await("an alert for the backend that is mute")
        .atMost(PATIENCE)
        .until(() -> prometheus.rules().stream().anyMatch(PrometheusIT::firesForTheMuteBackend));
  }

  /** At least one series with a number. */
  private static boolean hasData(List<JsonObject> series) {
    return series.stream()
        .map(each -> Double.parseDouble(each.getJsonArray("value").getString(1)))
        .anyMatch(Double::isFinite);
  }

  private static boolean firesForTheMuteBackend(JsonObject rule) {
    return rule.getString("name").equals("SluiceBackendOut")
        && rule.getString("state").equals("firing")
        && rule.getJsonArray("alerts").stream()
            .map(alert -> ((JsonObject) alert).getJsonObject("labels"))
            .anyMatch(labels -> labels.getString("backend").equals("mute"));
  }

  /** The shipped files, but for the address, and in a hurry: a second is half a minute. */
  private String scraping(ApplianceProcess sluice) throws Exception {
    String target = sluice.admin().replace("http://", "");
    Files.writeString(
        folder.resolve("prometheus.yml"),
        Files.readString(SHIPPED.resolve("prometheus.yml"))
            .replace("localhost:9901", target)
            .replace("scrape_interval: 5s", "scrape_interval: 500ms")
            .replace("evaluation_interval: 15s", "evaluation_interval: 500ms"));
    Files.writeString(
        folder.resolve("alerts.yml"),
        Files.readString(SHIPPED.resolve("alerts.yml"))
            .replaceAll("for: \\w+", "for: 1s")
            .replace("[5m]", "[5s]"));
    return "prometheus.yml";
  }

  /** Beside a backend that answers, one that refuses (no probes) and one that is mute (probes). */
  private static String config(int echo, int mute, int gone) {
    return """
    sluice {
      fronts {
        well { listen = ["127.0.0.1:0"], pool = well, max-datagram = 512
               flows { max = 1000, idle-timeout = 1s, unassured-timeout = 1s, unassured-max = 1000 } }
        frail { listen = ["127.0.0.1:0"], pool = frail
               flows { max = 1000, idle-timeout = 1s, unassured-timeout = 1s, unassured-max = 1000 } }
      }
      pools {
        well {
          backends { echo { address = "127.0.0.1:%1$d" }, mute { address = "127.0.0.1:%2$d" } }
          health.probe { type = udp, send = "text:ping", expect = "text:ping", interval = 200ms, timeout = 150ms }
        }
        frail { backends { echo { address = "127.0.0.1:%1$d" }, gone { address = "127.0.0.1:%3$d" } } }
      }
      admin { listen = "127.0.0.1:0" }
    }
    """
        .formatted(echo, mute, gone);
  }

  private ApplianceProcess loadedAppliance() throws Exception {
    DatagramChannel echo = keep(bound());
    DatagramChannel mute = keep(bound());
    int gone;
    try (DatagramChannel closed = bound()) {
      gone = port(closed);
    }
    ApplianceProcess sluice =
        keep(ApplianceProcess.start(folder, config(port(echo), port(mute), gone)));
    List<SocketAddress> fronts = new ArrayList<>();
    for (Object front : sluice.json("/v1/fronts").getJsonArray("fronts")) {
      String address = ((JsonObject) front).getJsonArray("listen").getString(0);
      fronts.add(loopback(Integer.parseInt(address.substring(address.lastIndexOf(':') + 1))));
    }
    keep(new Load(echo, fronts));
    return sluice;
  }

  private static DatagramChannel bound() throws IOException {
    return DatagramChannel.open().bind(loopback(0));
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private static int port(DatagramChannel channel) throws IOException {
    return ((InetSocketAddress) channel.getLocalAddress()).getPort();
  }

  /**
   * A backend, and clients: some that stay, one new each time; now and then too large a datagram.
   */
  private static final class Load implements AutoCloseable {
    private static final int REGULARS = 8;
    private static final int TOO_LARGE = 600;
    private static final long TICK_MILLIS = 20;

    private final DatagramChannel echo;
    private final List<SocketAddress> fronts;
    private final Thread backend = Thread.ofPlatform().daemon().unstarted(this::answer);
    private final Thread clients = Thread.ofPlatform().daemon().unstarted(this::ask);
    private volatile boolean closed;

    Load(DatagramChannel echo, List<SocketAddress> fronts) {
      this.echo = echo;
      this.fronts = fronts;
      backend.start();
      clients.start();
    }

    private void answer() {
      ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);
      try {
        while (true) {
          SocketAddress from = echo.receive(buffer.clear());
          echo.send(buffer.flip(), from);
        }
      } catch (IOException end) {
        // The channel was closed.
      }
    }

    private void ask() {
      List<DatagramChannel> regulars = new ArrayList<>();
      try {
        for (int i = 0; i < REGULARS; i++) {
          regulars.add(client());
        }
        while (!closed) {
          for (DatagramChannel regular : regulars) {
            say(regular, "hello".length());
          }
          try (DatagramChannel newcomer = client()) {
            say(newcomer, TOO_LARGE);
            say(newcomer, "hello".length());
            Thread.sleep(TICK_MILLIS);
          }
        }
        for (DatagramChannel regular : regulars) {
          regular.close();
        }
      } catch (IOException | InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }

    /** Nobody reads the replies. */
    private static DatagramChannel client() throws IOException {
      DatagramChannel client = bound();
      client.configureBlocking(false);
      return client;
    }

    private void say(DatagramChannel client, int bytes) throws IOException {
      for (SocketAddress front : fronts) {
        client.send(ByteBuffer.allocate(bytes), front);
      }
    }

    @Override
    public void close() throws IOException {
      closed = true;
      echo.close();
      try {
        clients.join();
        backend.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }
}
