package io.sluice.admin;

import static io.sluice.admin.Lab.at;
import static io.sluice.admin.Lab.awaitLedger;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A host with 100 local ports to leave from, or few descriptors: every last one, and none twice.
 */
@Timeout(120)
@SuppressWarnings("NullAway.Init") // by start()
class ScarcityIT {
  private static final int FIRST = 40_000;
  private static final int PORTS = 100;
  private static final int IDLE_SECONDS = 20;
  private static final String A = "a.address = \"10.2.0.2:7\"\n";
  private static final String B = "b.address = \"10.3.0.2:7\"\n";

  @TempDir Path folder;

  @AutoClose private final Lab lab = new Lab();
  private UdpServer a;
  private UdpServer b;

  @BeforeEach
  void start() throws Exception {
    lab.appliance.sysctl(
        "net/ipv4/ip_local_port_range", "%d %d".formatted(FIRST, FIRST + PORTS - 1));
    a = lab.add(UdpServer.echo(lab.a, at("10.2.0.2", 7)));
    b = lab.add(UdpServer.echo(lab.b, at("10.3.0.2", 7)));
  }

  @Test
  void every_port_serves_both_backends_the_next_flow_is_refused_and_ports_come_back()
      throws Exception {
    ApplianceProcess sluice = sluice("one", "10.1.0.1:5000", A + B, "");
    assertThat(sluice.log())
        .anyMatch(line -> line.contains("has 200 local ports for them (100 of net.ipv4"));
    // In turn, so that the 200th client is the 100th of its backend.
    List<UdpClient> clients = askAll(at("10.1.0.1", 5000), 2 * PORTS);
    assertThat(ports(a)).hasSize(PORTS).containsExactlyInAnyOrderElementsOf(ports(b));
    assertThat(portsFree(sluice, "any")).isZero();

    UdpClient late = client(at("10.1.0.1", 5000));
    for (int i = 0; i < 10; i++) {
      assertThat(late.isAnswered("late", Duration.ofMillis(20))).isFalse();
    }
    awaitLedger(sluice, "one", "request", "received 210, forwarded 200, NO_PORT 10");
    for (UdpClient client : clients) {
      assertThat(client.ask("again")).isEqualTo("again");
    }
    await().atMost(Duration.ofSeconds(80)).until(() -> flows(sluice) == 0);
    assertThat(portsFree(sluice, "any")).isEqualTo(PORTS);
    assertThat(late.ask("at last")).isEqualTo("at last");
    assertThat(portsFree(sluice, "any")).isEqualTo(PORTS - 1);
    askAll(at("10.1.0.1", 5000), 2 * PORTS - 1);
    assertThat(portsFree(sluice, "any")).isZero();
  }

  @Test
  void two_appliances_on_one_host_never_share_a_port() throws Exception {
    ApplianceProcess one = sluice("one", "10.1.0.1:5000", A, "");
    ApplianceProcess two = sluice("two", "10.1.0.1:5001", A, "");
    for (int i = 0; i < PORTS / 2; i++) {
      askAll(at("10.1.0.1", 5000), 1);
      askAll(at("10.1.0.1", 5001), 1);
    }
    assertThat(ports(a)).hasSize(PORTS); // a port of two would be in here once
    for (int port : new int[] {5000, 5001}) {
      assertThat(client(at("10.1.0.1", port)).isAnswered("late", Duration.ofMillis(50))).isFalse();
    }
    awaitLedger(one, "one", "request", "received 51, forwarded 50, NO_PORT 1");
    awaitLedger(two, "two", "request", "received 51, forwarded 50, NO_PORT 1");
    one.terminate();
    assertThat(client(at("10.1.0.1", 5001)).ask("now")).isEqualTo("now");
  }

  @Test
  void source_addresses_multiply_the_ports() throws Exception {
    lab.appliance.address("toa", "10.2.0.3/24", "10.2.0.4/24");
    ApplianceProcess sluice =
        sluice("one", "10.1.0.1:5000", A, "source-addresses = [\"10.2.0.3\", \"10.2.0.4\"]");
    askAll(at("10.1.0.1", 5000), 2 * PORTS);
    assertThat(a.clients()).hasSize(2 * PORTS);
    for (String source : List.of("10.2.0.3", "10.2.0.4")) {
      assertThat(a.clients())
          .filteredOn(client -> client.getHostString().equals(source))
          .hasSize(PORTS);
      assertThat(portsFree(sluice, source)).isZero();
    }
    assertThat(client(at("10.1.0.1", 5000)).isAnswered("late", Duration.ofMillis(50))).isFalse();
    awaitLedger(sluice, "one", "request", "received 201, forwarded 200, NO_PORT 1");
  }

  @Test
  void flows_beyond_the_descriptors_are_refused_and_the_rest_of_the_process_has_some()
      throws Exception {
    ApplianceProcess sluice =
        sluice("one", "10.1.0.1:5000", A + B, "", "prlimit", "--nofile=300:300");
    int room = 300 / 2 - 2; // half for everything else, and a listener on each of two workers
    assertThat((int) sluice.metric("sluice_fds_free")).isEqualTo(room);
    askAll(at("10.1.0.1", 5000), room);
    assertThat(sluice.metric("sluice_fds_free")).isZero();
    for (int i = 0; i < 5; i++) {
      assertThat(client(at("10.1.0.1", 5000)).isAnswered("late", Duration.ofMillis(20))).isFalse();
    }
    awaitLedger(
        sluice, "one", "request", "received %d, forwarded %d, NO_FD 5".formatted(room + 5, room));
    assertThat(sluice.json("/v1/status").getInteger("fdsOpen")).isLessThan(300);
    await().atMost(Duration.ofSeconds(80)).until(() -> flows(sluice) == 0);
    assertThat((int) sluice.metric("sluice_fds_free")).isEqualTo(room);
    askAll(at("10.1.0.1", 5000), room);
  }

  /**
   * Somebody beside the backends floods all ports that flows leave from: what a link catches before
   * it has its peer is no reply.
   */
  @Test
  void what_strangers_send_to_a_link_that_has_no_peer_yet_reaches_no_client() throws Exception {
    int few = 8;
    lab.appliance.sysctl("net/ipv4/ip_local_port_range", "%d %d".formatted(FIRST, FIRST + few - 1));
    lab.add(UdpServer.start(lab.a, at("10.2.0.2", 9), _ -> null));
    ApplianceProcess sluice =
        lab.start(
            folder,
            """
            sluice {
              fronts.one { listen = ["10.1.0.1:5000"], pool = silent, flows { unassured-max = 4 } }
              pools.silent.backends.a.address = "10.2.0.2:9"
              admin.listen = "127.0.0.1:0"
            }
            """);
    // It has read them; whoever asks it for its counts needs some, too.
    lab.appliance.sysctl("net/ipv4/ip_local_port_range", "50000 59999");
    // Newcomers push each other out, so that a link is opened for each.
    CompletableFuture<Long> newcomers =
        flood(
            lab.client,
            Packets.udp(at("10.1.0.2", 1), at("10.1.0.1", 5000), new byte[16]),
            15_000,
            (n, packet) -> packet.putShort(Packets.SOURCE_PORT, (short) (n % 60_000 + 1)));
    CompletableFuture<Long> strangers =
        flood(
            lab.b,
            Packets.udp(at("10.3.0.2", 9), at("10.3.0.1", FIRST), new byte[16]),
            150_000,
            (n, packet) -> packet.putShort(Packets.DESTINATION_PORT, (short) (FIRST + n % few)));
    assertThat(newcomers.get()).isEqualTo(15_000);
    assertThat(strangers.get()).isEqualTo(150_000);
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> Lab.front(sluice, "one").getInteger("flows") == 0);

    long caught = (long) sluice.metric("sluice_drops_total{front=\"one\",reason=\"BAD_SOURCE\",}");
    long links = Lab.front(sluice, "one").getLong("flowsOpened");
    System.out.printf("scarcity: %d strays, at %d links%n", caught, links);
    assertThat(caught).isPositive();
    awaitLedger(
        sluice, "one", "reply", "received %1$d, forwarded 0, BAD_SOURCE %1$d".formatted(caught));
    assertThat(Lab.front(sluice, "one").getInteger("assuredFlows")).isZero();
  }

  /** For three seconds. */
  private CompletableFuture<Long> flood(
      Netns from, byte[] packet, long count, BiConsumer<Long, ByteBuffer> vary) throws Exception {
    RawSocket raw = lab.add(RawSocket.open(from));
    return CompletableFuture.supplyAsync(
        () -> raw.flood(packet, count, count / 3, vary), run -> Thread.ofPlatform().start(run));
  }

  private ApplianceProcess sluice(
      String front, String listen, String members, String ofPool, String... by) throws Exception {
    return lab.start(
        Files.createDirectory(folder.resolve(front)),
        """
        sluice {
          workers { min = 1, max = 2 }
          fronts.%s { listen = ["%s"], pool = p, flows { idle-timeout = %ds } }
          pools.p {
            balance.policy = weighted-round-robin
            backends { %s }
            %s
          }
          admin.listen = "127.0.0.1:0"
        }
        """
            .formatted(front, listen, IDLE_SECONDS, members, ofPool),
        by);
  }

  /** Newcomers one after the other, each of whom is answered. */
  private List<UdpClient> askAll(InetSocketAddress front, int count) throws Exception {
    List<UdpClient> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      UdpClient client = client(front);
      assertThat(client.ask("client " + i)).isEqualTo("client " + i);
      clients.add(client);
    }
    return clients;
  }

  private UdpClient client(InetSocketAddress front) throws Exception {
    return lab.add(UdpClient.open(lab.client, front));
  }

  /** Which ports flows have come to a backend from. */
  private static List<Integer> ports(UdpServer backend) {
    return backend.clients().stream().map(InetSocketAddress::getPort).toList();
  }

  private static int portsFree(ApplianceProcess sluice, String source) throws Exception {
    return (int) sluice.metric("sluice_ports_free{pool=\"p\",source=\"%s\",}".formatted(source));
  }

  private static int flows(ApplianceProcess sluice) throws Exception {
    return sluice.json("/v1/status").getInteger("flows");
  }
}
