package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an appliance leaves behind of a few DNS queries: tshark reads the packets, we the log. */
@Timeout(120)
class CaptureIT {
  /** Programs, and the Debian packages that have them. */
  private static final Map<String, String> NEEDED =
      Map.of(
          "curl", "curl",
          "dig", "bind9-dnsutils",
          "tshark", "tshark",
          "/usr/sbin/nsd", "nsd");

  @TempDir Path folder;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private NameServer server;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private ApplianceProcess sluice;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private Dig front;

  private final Deque<AutoCloseable> running = new ArrayDeque<>();

  @BeforeEach
  void start() throws Exception {
    for (var needed : NEEDED.entrySet()) {
      assumeTrue(
          Ended.run("sh", "-c", "command -v " + needed.getKey()).status() == 0,
          () -> "needs %s: install the package %s".formatted(needed.getKey(), needed.getValue()));
    }
    server = NameServer.nsd(folder);
    running.push(server);
    sluice =
        ApplianceProcess.start(
            folder,
            """
            sluice {
              fronts.dns { listen = ["127.0.0.1:0"], pool = resolvers, max-datagram = 1400 }
              pools.resolvers {
                backends.a.address = "%s"
                health.when-none-eligible = drop
              }
              admin.listen = "127.0.0.1:0"
              access-log.file = "%s"
            }
            """
                .formatted(server.address(), folder.resolve("access.log")));
    running.push(sluice);
    String listen = sluice.json("/v1/fronts/dns").getJsonArray("listen").getString(0);
    front = new Dig("127.0.0.1", Integer.parseInt(listen.substring(listen.lastIndexOf(':') + 1)));
  }

  @AfterEach
  void stopAll() throws Exception {
    while (!running.isEmpty()) {
      running.pop().close();
    }
  }

  @Test
  void tsharkReadsAnAnsweredQueryOnBothSidesAndADroppedOneWithItsReason() throws Exception {
    Path file = folder.resolve("dns.pcapng");
    Process curl = curl("-N", "-o", file.toString(), sluice.url("/v1/capture?front=dns&limit=5"));
    await().until(() -> sluice.metric("sluice_captures") == 1);
    assertThat(front.ask("-b", "127.0.0.2", "+short", "www.sluice.test", "A").out())
        .isEqualTo("192.0.2.80\n");
    drain();
    front.ask("-b", "127.0.0.3", "gone.sluice.test", "A");
    assertThat(curl.waitFor(30, SECONDS)).as("it ends at its limit").isTrue();
    assertThat(curl.exitValue()).isZero();

    String ours = "127\\.0\\.0\\.1\\|";
    String front = ours + this.front.port();
    String server = ours + this.server.address().replaceAll(".*:", "");
    String client = "127\\.0\\.0\\.2\\|\\d+";
    String link = ours + "\\d+";
    String flow = "\\|1\\|1\\|www\\.sluice\\.test\\|flow 1, backend a";
    assertThat(tshark(file))
        .satisfiesExactly(
            line ->
                assertThat(line)
                    .matches("front/dns\\|0x00000001\\|%s\\|%s%s".formatted(client, front, flow)),
            line ->
                assertThat(line)
                    .matches(
                        "pool/resolvers\\|0x00000002\\|%s\\|%s%s".formatted(link, server, flow)),
            line ->
                assertThat(line)
                    .matches(
                        "pool/resolvers\\|0x00000001\\|%s\\|%s%s".formatted(server, link, flow)),
            line ->
                assertThat(line)
                    .matches("front/dns\\|0x00000002\\|%s\\|%s%s".formatted(front, client, flow)),
            line ->
                assertThat(line)
                    .matches(
                        "front/dns\\|0x00000001\\|127\\.0\\.0\\.3\\|\\d+\\|%s\\|1\\|1\\|gone\\.sluice\\.test\\|dropped: NO_BACKEND"
                            .formatted(front)));
    assertThat(sluice.metric("sluice_drops_total{front=\"dns\",reason=\"NO_BACKEND\",}")).isOne();

    Path recorded = folder.resolve("recorded.pcapng");
    assertThat(curl("-o", recorded.toString(), sluice.url("/v1/recorder")).waitFor()).isZero();
    assertThat(tshark(recorded))
        .hasSize(3)
        .allSatisfy(line -> assertThat(line).startsWith("front/dns|"))
        .last()
        .asString()
        .endsWith("|gone.sluice.test|dropped: NO_BACKEND");

    assertThat(sluice.terminate()).isZero();
    JsonObject line = new JsonObject(Files.readString(folder.resolve("access.log")));
    assertThat(line.getString("client")).startsWith("127.0.0.2:");
    assertThat(line.getString("backend")).isEqualTo("a");
    assertThat(line.getString("reason")).isEqualTo("STOPPED");
    assertThat(line.getInteger("requests")).isOne();
    assertThat(line.getInteger("replies")).isOne();
    assertThat(line.getDouble("firstReplySeconds")).isPositive();
  }

  /** A line for each packet; its checksums are looked at, too: 1 is good. */
  private List<String> tshark(Path file) throws Exception {
    Ended tshark =
        Ended.run(
            "tshark",
            "-n",
            "-r",
            file.toString(),
            "-d",
            "udp.port==%d,dns".formatted(front.port()),
            "-d",
            "udp.port==%s,dns".formatted(server.address().replaceAll(".*:", "")),
            "-o",
            "udp.check_checksum:TRUE",
            "-o",
            "ip.check_checksum:TRUE",
            "-T",
            "fields",
            "-E",
            "separator=|",
            "-e",
            "frame.interface_name",
            "-e",
            "frame.packet_flags_direction",
            "-e",
            "ip.src",
            "-e",
            "udp.srcport",
            "-e",
            "ip.dst",
            "-e",
            "udp.dstport",
            "-e",
            "ip.checksum.status",
            "-e",
            "udp.checksum.status",
            "-e",
            "dns.qry.name",
            "-e",
            "frame.comment");
    assertThat(tshark.status()).as(tshark.err()).isZero();
    return tshark.out().lines().toList();
  }

  private Process curl(String... arguments) throws Exception {
    var command = new ArrayList<>(List.of("curl", "-sS", "-m", "30"));
    command.addAll(List.of(arguments));
    Process curl = new ProcessBuilder(command).inheritIO().start();
    running.push(() -> curl.destroyForcibly().waitFor());
    return curl;
  }

  private void drain() throws Exception {
    Ended curl =
        Ended.run(
            "curl",
            "-sS",
            "--fail-with-body",
            "-X",
            "POST",
            "-H",
            "Content-Type: application/json",
            "-d",
            "{}",
            sluice.url("/v1/pools/resolvers/backends/a/drain"));
    assertThat(curl.status()).as(curl.out() + curl.err()).isZero();
  }
}
