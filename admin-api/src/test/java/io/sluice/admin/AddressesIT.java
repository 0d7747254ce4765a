package io.sluice.admin;

import static io.sluice.admin.Lab.at;
import static io.sluice.admin.Lab.awaitLedger;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A host with many addresses, and the ones that only mean something on one of its cables. */
@Timeout(60)
class AddressesIT {
  @TempDir Path folder;

  @AutoClose private final Lab lab = new Lab();

  @ParameterizedTest
  @ValueSource(strings = {"shared", "connected"})
  void a_wildcard_front_answers_from_the_very_address_that_was_asked(String peerSockets)
      throws Exception {
    lab.appliance.address("front", "10.1.0.9/24", "10.77.0.1/32", "fd01::9/64", "fd77::1/128");
    lab.add(UdpServer.echo(lab.a, at("10.2.0.2", 7)));
    ApplianceProcess sluice =
        lab.start(
            folder,
            """
            sluice {
              fronts.any { listen = ["0.0.0.0:5000", "[::]:5000"], pool = a, peer-sockets = %s }
              pools.a.backends.a.address = "10.2.0.2:7"
              admin.listen = "127.0.0.1:0"
            }
            """
                .formatted(peerSockets));
    int flows = 0;
    for (String ip :
        List.of(
            "10.1.0.1",
            "10.1.0.9",
            "10.77.0.1",
            "10.2.0.1",
            "fd01::1",
            "fd01::9",
            "fd77::1",
            "fd02::1")) {
      try (UdpClient client = UdpClient.open(lab.client, at(ip, 5000))) {
        assertThat(client.ask(ip)).isEqualTo(ip); // and the client checks who answers
        flows++;
        awaitPeerSockets(sluice, "any", peerSockets.equals("connected") ? flows : 0);
        assertThat(client.ask(ip + " again")).isEqualTo(ip + " again");
      }
    }
    awaitLedger(sluice, "any", "request", "received 16, forwarded 16");
    awaitLedger(sluice, "any", "reply", "received 16, forwarded 16");
    assertThat(sluice.get("/v1/flows"))
        .contains("\"local\":\"10.77.0.1:5000\"", "\"local\":\"[fd77::1]:5000\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"shared", "connected"})
  void link_local_addresses_work_on_both_sides(String peerSockets) throws Exception {
    lab.client.address("eth0", "fe80::c/64");
    lab.appliance.address("front", "fe80::5/64");
    lab.appliance.address("toa", "fe80::6/64");
    lab.a.address("eth0", "fe80::a/64");
    lab.add(UdpServer.echo(lab.a, linkLocal(lab.a, "fe80::a", "eth0", 7)));
    lab.add(UdpServer.echo(lab.a, at("fd02::2", 8)));
    ApplianceProcess sluice =
        lab.start(
            folder,
            """
            sluice {
              fronts {
                there { listen = ["[fe80::5%%front]:5000"], pool = there, peer-sockets = %1$s }
                everywhere { listen = ["[::]:5001"], pool = global, peer-sockets = %1$s }
              }
              pools {
                there.backends.a.address = "[fe80::a%%toa]:7"
                global.backends.a.address = "[fd02::2]:8"
              }
              admin.listen = "127.0.0.1:0"
            }
            """
                .formatted(peerSockets));
    Map<String, Integer> fronts = Map.of("there", 5000, "everywhere", 5001);
    for (Map.Entry<String, Integer> front : fronts.entrySet()) {
      InetSocketAddress to = linkLocal(lab.client, "fe80::5", "eth0", front.getValue());
      try (UdpClient client = UdpClient.open(lab.client, to)) {
        assertThat(client.ask("one")).isEqualTo("one");
        awaitPeerSockets(sluice, front.getKey(), peerSockets.equals("connected") ? 1 : 0);
        assertThat(client.ask("two")).isEqualTo("two");
      }
    }
    for (String front : fronts.keySet()) {
      awaitLedger(sluice, front, "request", "received 2, forwarded 2");
      awaitLedger(sluice, front, "reply", "received 2, forwarded 2");
      assertThat(Lab.front(sluice, front).getInteger("flowsOpened")).isEqualTo(1);
    }
  }

  @Test
  void without_the_privilege_a_low_port_is_refused_with_advice() throws Exception {
    Path config =
        Files.writeString(
            folder.resolve("low.conf"),
            """
            sluice {
              fronts.dns { listen = ["10.1.0.1:53"], pool = a }
              pools.a.backends.a.address = "10.2.0.2:7"
              admin.listen = "127.0.0.1:0"
            }
            """);
    String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    String[] unprivileged =
        lab.appliance.prefix("setpriv", "--bounding-set=-net_bind_service,-net_admin");
    Ended run =
        Ended.run(
            Stream.concat(
                    Stream.of(unprivileged),
                    Stream.of(
                        java,
                        "-cp",
                        System.getProperty("java.class.path"),
                        "io.sluice.Main",
                        "run",
                        "-c",
                        config.toString()))
                .toArray(String[]::new));
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err())
        .contains(
            "front 'dns': cannot bind 10.1.0.1 port 53/udp: not permitted;",
            "CAP_NET_BIND_SERVICE");
  }

  private static void awaitPeerSockets(ApplianceProcess sluice, String front, int wanted) {
    await().until(() -> sluice.metric("sluice_peer_sockets{front=\"" + front + "\",}") == wanted);
  }

  /** With the number of the interface: names are looked up where the caller is. */
  private static InetSocketAddress linkLocal(Netns host, String ip, String interfaceName, int port)
      throws Exception {
    int scope =
        host.inside(
            () ->
                Integer.parseInt(
                    host.ip("-o", "link", "show", interfaceName).split(":", 2)[0].strip()));
    return new InetSocketAddress(
        Inet6Address.getByAddress(null, InetAddress.getByName(ip).getAddress(), scope), port);
  }
}
