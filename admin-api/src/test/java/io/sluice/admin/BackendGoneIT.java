package io.sluice.admin;

import static io.sluice.admin.Lab.at;
import static io.sluice.admin.Lab.awaitLedger;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Backends that go, and what the network says of it, or does not. */
@Timeout(60)
class BackendGoneIT {
  private static final Duration SOON = Duration.ofMillis(300);
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  @TempDir Path folder;

  @AutoClose private final Lab lab = new Lab();

  private ApplianceProcess serve(String pool) throws Exception {
    return serve("", pool);
  }

  private ApplianceProcess serve(String front, String pool) throws Exception {
    return lab.start(
        folder,
        """
        sluice {
          fronts.front { listen = ["10.1.0.1:5000", "[fd01::1]:5000"], pool = pool, max-datagram = 65507, %s }
          pools.pool { %s }
          admin.listen = "127.0.0.1:0"
        }
        """
            .formatted(front, pool));
  }

  @Test
  void a_killed_server_s_clients_move_and_it_comes_back_by_trial() throws Exception {
    UdpServer a = named("a");
    lab.add(named("b"));
    ApplianceProcess sluice =
        serve(
            """
            balance.policy = weighted-round-robin
            backends { a.address = "10.2.0.2:7", b.address = "10.3.0.2:7" }
            health.passive { fall = 3, eject-for = 2s }
            """);
    List<UdpClient> ofA = new ArrayList<>();
    List<UdpClient> ofB = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      UdpClient client = client();
      (client.ask("").equals("a") ? ofA : ofB).add(client);
    }
    assertThat(List.of(ofA.size(), ofB.size())).containsExactly(5, 5);

    a.close();
    for (int i = 0; i < 3; i++) { // each learns that its server is gone by a datagram
      assertThat(ofA.get(i).isAnswered("", SOON)).isFalse();
    }
    awaitState(sluice, "EJECTED");
    assertThat(Lab.backend(sluice, "pool", "a").getInteger("unreachable")).isEqualTo(3);
    assertThat(sluice.awaitLog("ejected for 2 s"))
        .contains("a", "3 ICMP unreachable errors from 3 flows");
    for (UdpClient client : ofA) {
      assertThat(client.ask("")).isEqualTo("b"); // at once, those that had not noticed as well
    }
    for (UdpClient client : ofB) {
      assertThat(client.ask("")).isEqualTo("b");
    }
    awaitLedger(sluice, "front", "request", "received 23, forwarded 23");
    awaitLedger(sluice, "front", "reply", "received 20, forwarded 20");

    lab.add(named("a"));
    awaitState(sluice, "TRIAL");
    await().atMost(PATIENCE).until(() -> client().ask("").equals("a"));
    awaitState(sluice, "UP");
    assertThat(Lab.backend(sluice, "pool", "a").getString("reason"))
        .isEqualTo("up: answered on trial");
  }

  /** No router says so: our own kernel does, once nobody has answered when it asked for him. */
  @ParameterizedTest
  @CsvSource({
    "10.1.0.1, 10.2.0.2:7, false",
    "fd01::1, [fd02::2]:7, false",
    "10.1.0.1, 10.2.0.2:7, true",
  })
  void a_host_that_vanished_without_a_word_is_missed(String front, String address, boolean oneWay)
      throws Exception {
    ApplianceProcess sluice =
        serve(
            "one-way = " + oneWay,
            "backends.a.address = \"%s\", health.passive.fall = 1".formatted(address));
    UdpServer a = lab.add(UdpServer.echo(lab.a, at(address.replaceAll("[\\[\\]]|:7$", ""), 7)));
    try (UdpClient client = UdpClient.open(lab.client, at(front, 5000))) {
      client.send(new byte[1]);
      await().until(() -> a.clients().size() == 1);
      lab.a.ip("link", "set", "eth0", "down");
      lab.appliance.ip("neighbour", "flush", "all");
      await()
          .atMost(Duration.ofSeconds(20)) // three requests, a second apart
          .untilAsserted(
              () -> {
                client.send(new byte[1]);
                assertThat(Lab.backend(sluice, "pool", "a").getString("state"))
                    .isEqualTo("EJECTED");
              });
    }
  }

  /**
   * RFC 1122, 4.2.3.9, has "unreachable" of net or host pass, unlike "prohibited", which is
   * somebody's will; here either is evidence, of which it takes {@code fall}.
   */
  @ParameterizedTest
  @ValueSource(strings = {"unreachable", "prohibit"})
  void what_a_router_says_is_heard(String kind) throws Exception {
    route();
    ApplianceProcess sluice = serve("backends.a.address = \"10.9.0.2:7\", health.passive.fall = 1");
    try (UdpClient client = client()) {
      lab.a.ip("route", "add", kind, "10.9.0.2/32");
      assertThat(client.isAnswered("", SOON)).isFalse();
      awaitState(sluice, "EJECTED");
      assertThat(Lab.backend(sluice, "pool", "a").getInteger("unreachable")).isEqualTo(1);
    }
    awaitLedger(sluice, "front", "request", "received 1, forwarded 1");
  }

  /** What does not fit is lost once, as with any router; the kernel then knows, and fragments. */
  @Test
  void a_narrow_path_costs_one_datagram_and_says_nothing_against_the_backend() throws Exception {
    lab.add(UdpServer.echo(route(), at("10.9.0.2", 7)));
    ApplianceProcess sluice = serve("backends.a.address = \"10.9.0.2:7\", health.passive.fall = 1");
    narrow(sluice);
  }

  @Test
  void so_does_a_narrow_ipv6_path() throws Exception {
    lab.add(UdpServer.echo(route(), at("fd09::2", 7)));
    ApplianceProcess sluice =
        serve("backends.a.address = \"[fd09::2]:7\", health.passive.fall = 1");
    narrow(sluice);
  }

  private void narrow(ApplianceProcess sluice) throws Exception {
    String big = "x".repeat(1_450);
    try (UdpClient client = client()) {
      assertThat(client.ask("small")).isEqualTo("small");
      assertThat(client.isAnswered(big, SOON)).isFalse();
      assertThat(client.ask("small")).isEqualTo("small");
      assertThat(client.ask(big)).isEqualTo(big);
      assertThat(client.ask(big.repeat(5))).isEqualTo(big.repeat(5));
    }
    awaitLedger(sluice, "front", "request", "received 5, forwarded 5");
    awaitLedger(sluice, "front", "reply", "received 4, forwarded 4");
    assertThat(Lab.backend(sluice, "pool", "a").getInteger("unreachable")).isZero();
    assertThat(Lab.front(sluice, "front").getInteger("flowsOpened")).isEqualTo(1);
  }

  /** Each datagram is a new attempt at a flow, and evidence when it fails. */
  @Test
  void without_a_route_datagrams_are_dropped_as_unreachable_and_the_backend_is_ejected()
      throws Exception {
    ApplianceProcess sluice =
        serve("backends.a.address = \"198.51.100.1:7\", health.passive.fall = 3");
    try (UdpClient client = client()) {
      for (int i = 0; i < 3; i++) {
        client.send(new byte[i]);
      }
      awaitState(sluice, "EJECTED");
    }
    awaitLedger(sluice, "front", "request", "received 3, forwarded 0, UNREACHABLE 3");
    assertThat(Lab.front(sluice, "front").getInteger("flowsOpened")).isZero();
    assertThat(Lab.backend(sluice, "pool", "a").getInteger("unreachable")).isEqualTo(3);
  }

  /** A route that goes while flows use it is the kernel's refusal of each send. */
  @Test
  void a_route_that_goes_ejects() throws Exception {
    named("a");
    ApplianceProcess sluice = serve("backends.a.address = \"10.2.0.2:7\", health.passive.fall = 1");
    try (UdpClient client = client()) {
      assertThat(client.ask("")).isEqualTo("a");
      lab.appliance.ip("link", "set", "toa", "down");
      assertThat(client.isAnswered("", SOON)).isFalse();
      awaitState(sluice, "EJECTED");
    }
    awaitLedger(sluice, "front", "request", "received 2, forwarded 1, UNREACHABLE 1");
  }

  /** Makes host a a router, and behind it another host over a cable for 1,400 bytes. */
  private Netns route() throws Exception {
    Netns beyond = lab.add(Netns.create("beyond"));
    Netns.join(lab.a, "tobeyond", beyond, "eth0");
    lab.a.ip("link", "set", "tobeyond", "mtu", "1400");
    lab.a.address("tobeyond", "10.9.0.1/24", "fd09::1/64");
    lab.a.sysctl("net/ipv4/ip_forward", 1);
    lab.a.sysctl("net/ipv6/conf/all/forwarding", 1);
    beyond.ip("link", "set", "eth0", "mtu", "1400");
    beyond.address("eth0", "10.9.0.2/24", "fd09::2/64");
    beyond.ip("route", "add", "default", "via", "10.9.0.1");
    beyond.ip("route", "add", "default", "via", "fd09::1");
    lab.appliance.ip("route", "add", "10.9.0.0/24", "via", "10.2.0.2");
    lab.appliance.ip("route", "add", "fd09::/64", "via", "fd02::2");
    return beyond;
  }

  private UdpServer named(String name) throws Exception {
    Netns host = name.equals("a") ? lab.a : lab.b;
    return lab.add(
        UdpServer.start(
            host,
            at(name.equals("a") ? "10.2.0.2" : "10.3.0.2", 7),
            payload -> name.getBytes(StandardCharsets.UTF_8)));
  }

  private UdpClient client() throws Exception {
    return lab.add(UdpClient.open(lab.client, at("10.1.0.1", 5000)));
  }

  private static void awaitState(ApplianceProcess sluice, String state) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> assertThat(Lab.backend(sluice, "pool", "a").getString("state")).isEqualTo(state));
  }
}
