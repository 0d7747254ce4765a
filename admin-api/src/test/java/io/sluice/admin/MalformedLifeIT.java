package io.sluice.admin;

import static io.sluice.admin.Lab.at;
import static io.sluice.admin.Lab.awaitLedger;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * What no well-behaved client sends. A front a test, so that each counts from zero; the last word
 * of every test is an ordinary client's.
 */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // by start()
class MalformedLifeIT {
  private static final String SLUICE = "10.1.0.1";
  private static final byte[] X = {'x'};

  private static Lab lab;
  private static ApplianceProcess sluice;
  private static UdpServer server;
  private static RawSocket raw;

  @BeforeAll
  static void start(@TempDir Path folder) throws Exception {
    lab = new Lab();
    server = lab.add(UdpServer.start(lab.a, at("10.2.0.2", 7), MalformedLifeIT::answer));
    raw = lab.add(RawSocket.open(lab.client));
    sluice =
        lab.start(
            folder,
            """
            sluice {
              fronts {
                sizes { listen = ["10.1.0.1:5001"], pool = a, max-datagram = 1500 }
                large { listen = ["10.1.0.1:5002"], pool = a, max-datagram = 65507 }
                sources { listen = ["10.1.0.1:5003"], pool = a }
                headers { listen = ["10.1.0.1:5004"], pool = a }
                fragments { listen = ["10.1.0.1:5005"], pool = a }
                forgeries { listen = ["10.1.0.1:5006"], pool = forgeries }
                smurf { listen = ["10.1.0.1:5007"], pool = a }
              }
              pools {
                a.backends.a.address = "10.2.0.2:7"
                forgeries { backends.a.address = "10.2.0.2:7", health.passive.fall = 1000 }
              }
              admin.listen = "127.0.0.1:0"
            }
            """);
  }

  @AfterAll
  static void stop() throws Exception {
    if (lab != null) {
      lab.close();
    }
  }

  /** As many bytes as "reply N" asks for, else the same again. */
  private static byte[] answer(byte[] payload) {
    String text = new String(payload, StandardCharsets.UTF_8);
    return text.startsWith("reply ") ? new byte[Integer.parseInt(text.substring(6))] : payload;
  }

  @Test
  void datagrams_of_any_size_up_to_the_front_s_are_relayed_byte_for_byte() throws Exception {
    try (UdpClient sizes = client(5001);
        UdpClient large = client(5002)) {
      for (int bytes : new int[] {0, 1, 1499, 1500}) {
        assertThat(sizes.ask(random(bytes))).isEqualTo(random(bytes));
      }
      sizes.send(random(1501));
      sizes.send(random(65_507));
      sizes.send("reply 1501".getBytes(StandardCharsets.UTF_8));
      sizes.send("reply 65507".getBytes(StandardCharsets.UTF_8));
      assertThat(sizes.ask("reply 0")).isEmpty();
      for (int bytes : new int[] {0, 1, 1472, 1473, 9_000, 65_506, 65_507}) {
        assertThat(large.ask(random(bytes))).isEqualTo(random(bytes));
      }
    }
    awaitLedger(sluice, "sizes", "request", "received 9, forwarded 7, OVERSIZE 2");
    awaitLedger(sluice, "sizes", "reply", "received 7, forwarded 5, OVERSIZE 2");
    awaitLedger(sluice, "large", "request", "received 7, forwarded 7");
    awaitLedger(sluice, "large", "reply", "received 7, forwarded 7");
  }

  /**
   * Port 0 reaches us. The kernel itself drops as "martian", before any socket, a multicast,
   * broadcast or loopback source and our own address.
   */
  @Test
  void sources_that_cannot_be_answered_are_dropped() throws Exception {
    InetSocketAddress front = at(SLUICE, 5003);
    raw.send(Packets.udp(at("10.1.0.2", 0), front, X));
    raw.send(Packets.udp(at("203.0.113.1", 0), front, X));
    for (String martian :
        List.of("224.0.0.1", "239.255.255.255", "255.255.255.255", "127.0.0.1", SLUICE)) {
      raw.send(Packets.udp(at(martian, 4000), front, X));
    }
    well(5003);
    awaitLedger(sluice, "sources", "request", "received 3, forwarded 1, BAD_SOURCE 2");
    awaitLedger(sluice, "sources", "reply", "received 1, forwarded 1");
  }

  /** That an address is its network's broadcast address only the routes know, so only a send. */
  @Test
  void a_reply_to_a_subnet_s_broadcast_address_is_not_sent() throws Exception {
    raw.send(Packets.udp(at("10.1.0.255", 4000), at(SLUICE, 5007), X));
    awaitLedger(sluice, "smurf", "reply", "received 1, forwarded 0, UNREACHABLE 1");
    well(5007);
    awaitLedger(sluice, "smurf", "request", "received 2, forwarded 2");
    awaitLedger(sluice, "smurf", "reply", "received 2, forwarded 1, UNREACHABLE 1");
  }

  @Test
  void headers_that_lie_never_reach_a_flow() throws Exception {
    InetSocketAddress front = at(SLUICE, 5004);
    byte[] longer = Packets.udp(at("10.1.0.2", 4000), front, new byte[16]);
    ByteBuffer.wrap(longer).putShort(Packets.UDP_LENGTH, (short) 25);
    raw.send(longer);
    byte[] impossible = Packets.udp(at("10.1.0.2", 4000), front, new byte[16]);
    ByteBuffer.wrap(impossible).putShort(Packets.UDP_LENGTH, (short) 7);
    raw.send(impossible);
    for (int bytes : new int[] {16, 200}) { // the kernel looks up to 76 bytes before any socket
      byte[] wrongChecksum = Packets.udp(at("10.1.0.2", 4000), front, new byte[bytes]);
      ByteBuffer.wrap(wrongChecksum).putShort(Packets.UDP_CHECKSUM, (short) 1);
      raw.send(wrongChecksum);
    }
    byte[] shorter = Packets.udp(at("10.1.0.2", 4000), front, new byte[16]);
    ByteBuffer.wrap(shorter).putShort(Packets.UDP_LENGTH, (short) 9); // 15 bytes of padding then
    raw.send(shorter);
    well(5004);
    awaitLedger(sluice, "headers", "request", "received 2, forwarded 2");
    assertThat(sluice.metric("sluice_bytes_total{front=\"headers\",direction=\"request\",}"))
        .isEqualTo(2);
    assertThat(Lab.front(sluice, "headers").getLong("kernelDrops")).isEqualTo(1); // the longer one
  }

  @Test
  void fragments_make_a_datagram_or_nothing() throws Exception {
    InetSocketAddress front = at(SLUICE, 5005);
    byte[] packet = Packets.udp(at("10.1.0.2", 4000), front, random(1400));
    raw.send(Packets.fragment(packet, 1, 0, 800));
    raw.send(Packets.fragment(packet, 1, 800, 1408));
    raw.send(Packets.fragment(packet, 2, 800, 1408)); // the other way round
    raw.send(Packets.fragment(packet, 2, 0, 800));
    raw.send(Packets.fragment(packet, 3, 0, 800)); // no end
    raw.send(Packets.fragment(packet, 4, 800, 1408)); // no beginning
    raw.send(Packets.fragment(packet, 5, 0, 800)); // overlapping ("teardrop")
    raw.send(Packets.fragment(packet, 5, 792, 1408));
    well(5005);
    awaitLedger(sluice, "fragments", "request", "received 3, forwarded 3");
    assertThat(sluice.metric("sluice_bytes_total{front=\"fragments\",direction=\"request\",}"))
        .isEqualTo(2 * 1400 + 1);
  }

  /**
   * Whoever knows the four numbers of a flow's link can forge an error; it then counts, but costs
   * no datagram.
   */
  @Test
  void forged_icmp_errors_cost_no_datagram() throws Exception {
    InetSocketAddress backend = at("10.2.0.2", 7);
    InetSocketAddress attacker = at("10.1.0.2", 0);
    try (UdpClient other = client(5006);
        UdpClient victim = client(5006)) {
      other.ask("a flow beside");
      var before = server.clients();
      victim.ask("a flow");
      InetSocketAddress link =
          server.clients().stream().filter(at -> !before.contains(at)).findFirst().orElseThrow();
      long unreachable = unreachable();
      // For what the front sent to the client: an unconnected socket hears of none.
      InetSocketAddress victimAddress = at("10.1.0.2", victim.port());
      raw.send(forged(Packets.PORT_UNREACHABLE, attacker, at(SLUICE, 5006), victimAddress));
      // For a link that does not exist.
      raw.send(forged(Packets.PORT_UNREACHABLE, attacker, link, at("10.2.0.2", 8)));
      raw.send(forged(Packets.PORT_UNREACHABLE, attacker, at("10.2.0.1", 1), backend));
      assertThat(victim.ask("still there")).isEqualTo("still there");
      assertThat(unreachable()).isEqualTo(unreachable);
      for (int code = 0; code < 16; code++) {
        var flow = client(5006);
        try (flow) {
          var known = server.clients();
          assertThat(flow.ask("one")).isEqualTo("one");
          InetSocketAddress itsLink =
              server.clients().stream().filter(at -> !known.contains(at)).findFirst().orElseThrow();
          raw.send(forged(code, attacker, itsLink, backend));
          assertThat(flow.isAnswered("two after code " + code, Duration.ofSeconds(2)))
              .as("code %d", code)
              .isTrue();
        }
      }
    }
    // All but 4 and 5, "fragmentation needed" and "source route failed" (icmp_err_convert).
    assertThat(unreachable()).isEqualTo(14);
    assertThat(Lab.backend(sluice, "forgeries", "a").getBoolean("eligible")).isTrue();
  }

  private static byte[] forged(
      int code, InetSocketAddress from, InetSocketAddress to, InetSocketAddress missed) {
    return Packets.unreachable(code, 1400, from, to, missed);
  }

  private static long unreachable() throws Exception {
    return Lab.backend(sluice, "forgeries", "a").getLong("unreachable");
  }

  private static UdpClient client(int port) throws Exception {
    return UdpClient.open(lab.client, at(SLUICE, port));
  }

  /** An ordinary datagram after all that, of one byte. */
  private static void well(int port) throws Exception {
    try (UdpClient client = client(port)) {
      assertThat(client.ask(X)).isEqualTo(X);
    }
  }

  /** The same for the same size. */
  private static byte[] random(int bytes) {
    byte[] random = new byte[bytes];
    new Random(bytes).nextBytes(random);
    return random;
  }
}
