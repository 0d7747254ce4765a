package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./sluice ctl} as people start it, and an appliance that relays. */
@Timeout(120)
class CtlIT {
  private static final String SLUICE = Path.of("../sluice").toAbsolutePath().normalize().toString();

  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final String ENTER = "\033[?1049h";
  private static final String LEAVE = "\033[?25h\033[?1049l";

  @TempDir Path folder;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private ApplianceProcess appliance;

  @BeforeEach
  void start() throws Exception {
    List<Integer> ports = freePorts();
    appliance =
        ApplianceProcess.start(
            folder,
            """
            sluice {
              echo { one = "127.0.0.1:%1$d", two = "127.0.0.1:%2$d" }
              fronts { echo { listen = ["127.0.0.1:0"], pool = echoes, flows { max = 100, unassured-max = 100 } } }
              pools { echoes { backends { one { address = "127.0.0.1:%1$d" }, two { address = "127.0.0.1:%2$d" } } } }
              admin { listen = "127.0.0.1:0" }
            }
            """
                .formatted(ports.get(0), ports.get(1)));
  }

  private static List<Integer> freePorts() throws Exception {
    try (DatagramSocket one = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        DatagramSocket two = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      return List.of(one.getLocalPort(), two.getLocalPort());
    }
  }

  @AfterEach
  void stop() {
    appliance.close();
  }

  private Ended ctl(String... arguments) throws Exception {
    return run(Stream.concat(Stream.of(SLUICE, "ctl"), Stream.of(arguments)).toList());
  }

  private Ended run(List<String> command) throws Exception {
    return Ended.run(builder(command));
  }

  private ProcessBuilder builder(List<String> command) {
    var builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.startsWith("SLUICE_"));
    // Never builds: this runs within a build.
    builder.environment().put("SLUICE_BUILD", "never");
    builder.environment().put("SLUICE_ADMIN", appliance.admin());
    return builder;
  }

  private static Ended well(Ended ended) {
    assertThat(ended.status()).as(ended.out() + ended.err()).isZero();
    assertThat(ended.err()).isEmpty();
    return ended;
  }

  /** The echo of a word through the front. */
  private static void converse(DatagramSocket client, int port) throws Exception {
    client.setSoTimeout(10_000);
    var word = new DatagramPacket(new byte[] {1}, 1, InetAddress.getLoopbackAddress(), port);
    client.send(word);
    client.receive(new DatagramPacket(new byte[9], 9));
  }

  @Test
  void an_operator_sees_a_flow_moves_its_backend_out_and_in_again_and_reads_json_by_jq()
      throws Exception {
    String listen =
        appliance
            .json("/v1/fronts")
            .getJsonArray("fronts")
            .getJsonObject(0)
            .getJsonArray("listen")
            .getString(0);
    int port = Integer.parseInt(listen.substring(listen.lastIndexOf(':') + 1));
    try (DatagramSocket client = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      converse(client, port);
      String pipe = "'%s' ctl flows --json | jq -r '.flows[].client'".formatted(SLUICE);
      assertThat(well(run(List.of("sh", "-c", pipe))).out())
          .isEqualTo("127.0.0.1:" + client.getLocalPort() + "\n");
    }
    assertThat(well(ctl("drain", "echoes/one")).out()).contains("echoes/one", " is DRAINING: ");
    assertThat(well(ctl("enable", "echoes/one")).out()).contains(" is UP: ");
    assertThat(well(ctl("top", "--interval", "100ms")).out())
        .contains("REQUESTS/s", "echoes/two", "UTILISATION")
        .doesNotContain("\033");

    Ended refused = ctl("drain", "echoes/three");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err())
        .isEqualTo("sluice ctl: no backend 'three'; there are: 'one', 'two'\n");
  }

  @Test
  void a_terminal_is_given_back_as_it_was_also_after_ctrl_c() throws Exception {
    assumeTrue(
        Ended.run("sh", "-c", "command -v script").status() == 0,
        "needs script: install the package bsdutils");
    // It gives the program a terminal, and copies what that shows.
    Path shown = folder.resolve("shown");
    String top = "'%s' ctl top --interval 100ms".formatted(SLUICE);
    Process script =
        builder(List.of("script", "-qefc", top, "/dev/null"))
            .redirectOutput(shown.toFile())
            .start();
    try {
      await().atMost(PATIENCE).until(() -> Files.readString(shown).contains("REQUESTS/s"));
      ctrlC(script);
      assertThat(script.waitFor(PATIENCE.toSeconds(), SECONDS)).isTrue();
    } finally {
      script.destroyForcibly();
    }
    assertThat(Files.readString(shown)).startsWith(ENTER).endsWith(LEAVE);
  }

  /** What the terminal would send: SIGINT, to the program in it. */
  private static void ctrlC(Process terminal) throws Exception {
    ProcessHandle java =
        terminal
            .descendants()
            .filter(each -> each.info().command().orElse("").endsWith("/java"))
            .findFirst()
            .orElseThrow();
    well(Ended.run("kill", "-INT", Long.toString(java.pid())));
  }
}
