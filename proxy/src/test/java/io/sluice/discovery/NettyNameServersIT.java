package io.sluice.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Nsd;
import io.sluice.config.Origin;
import io.sluice.discovery.NameServers.Answer;
import io.sluice.discovery.NameServers.Entry;
import io.sluice.discovery.NameServers.NoSuchName;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Questions to a name server that others have written. */
@Timeout(120)
class NettyNameServersIT {
  /** The answers fill some 3,000 bytes. */
  private static final int MANY = 120;

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  @SuppressWarnings("NullAway.Init")
  private Nsd nsd;

  private final Discoveries discoveries = new Discoveries();

  @BeforeEach
  void open() throws Exception {
    var zone =
        new StringBuilder(
            """
            www A 192.0.2.1
            www 30 A 192.0.2.2
            www AAAA 2001:db8::1
            alias CNAME www
            only6 AAAA 2001:db8::2
            _udp SRV 10 20 53 www
            _udp SRV 10 0 54 only6
            empty TXT "nothing else"
            """);
    for (int i = 0; i < MANY; i++) {
      zone.append("many A 10.0.0.").append(i).append('\n');
      zone.append("_many SRV 1 ").append(i).append(" 53 h").append(i).append(".long-name-of\n");
    }
    assertThat(folder.toFile().setExecutable(true, false)).isTrue(); // NSD may give up root
    nsd = new Nsd(folder, zone.toString());
    await()
        .atMost(Duration.ofSeconds(30))
        .ignoreExceptions()
        .until(() -> !ask("www", Origin.Type.A).entries().isEmpty());
  }

  @AfterEach
  void close() throws Exception {
    discoveries.close();
    nsd.close();
  }

  private Answer ask(String name, Origin.Type type) throws Exception {
    return ask(name, type, Duration.ofSeconds(5), nsd.address());
  }

  private Answer ask(String name, Origin.Type type, Duration timeout, InetSocketAddress... servers)
      throws Exception {
    Origin.Dns wanted =
        new Origin.Dns(
            name,
            type,
            53,
            List.of(servers),
            Duration.ofSeconds(1),
            Duration.ofSeconds(9),
            timeout);
    return discoveries.nameServers(wanted).ask(name + ".sluice.test", type);
  }

  @Test
  void addresses_come_with_the_shortest_time_to_live() throws Exception {
    Answer answer = ask("www", Origin.Type.A);
    assertThat(answer.entries()).containsExactlyInAnyOrder(host("192.0.2.1"), host("192.0.2.2"));
    assertThat(answer.ttl()).isLessThanOrEqualTo(Duration.ofSeconds(30)); // NSD evens an RRset out
    assertThat(ask("www", Origin.Type.AAAA).entries()).containsExactly(host("2001:db8::1"));
  }

  @Test
  void aliases_are_followed() throws Exception {
    assertThat(ask("alias", Origin.Type.A).entries())
        .containsExactlyInAnyOrder(host("192.0.2.1"), host("192.0.2.2"));
  }

  @Test
  void services_are_read_as_they_are() throws Exception {
    assertThat(ask("_udp", Origin.Type.SRV).entries())
        .containsExactlyInAnyOrder(
            new Entry.Service(10, 20, 53, "www.sluice.test."),
            new Entry.Service(10, 0, 54, "only6.sluice.test."));
  }

  @Test
  void what_does_not_fit_a_datagram_comes_by_tcp() throws Exception {
    assertThat(ask("many", Origin.Type.A).entries()).hasSize(MANY).doesNotHaveDuplicates();
    assertThat(ask("_many", Origin.Type.SRV).entries())
        .hasSize(MANY)
        .contains(new Entry.Service(1, 119, 53, "h119.long-name-of.sluice.test."));
  }

  @Test
  void what_is_not_there_is_told_apart_from_what_cannot_be_said() {
    assertThatThrownBy(() -> ask("none", Origin.Type.A))
        .isInstanceOf(NoSuchName.class)
        .hasMessage("none.sluice.test A: there is no such name (NXDOMAIN)");
    assertThatThrownBy(() -> ask("empty", Origin.Type.A))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("empty.sluice.test A: ");
    assertThatThrownBy(() -> discoveries.nameServers(wanted()).ask("example.org", Origin.Type.A))
        .isInstanceOf(IOException.class)
        .isNotInstanceOf(NoSuchName.class)
        .hasMessageStartingWith("example.org A: ")
        .hasMessageEndingWith(" answers Refused(5)"); // it has one zone only
  }

  private Origin.Dns wanted() {
    return new Origin.Dns(
        "x",
        Origin.Type.A,
        53,
        List.of(nsd.address()),
        Duration.ofSeconds(1),
        Duration.ofSeconds(9),
        Duration.ofSeconds(5));
  }

  @Test
  void one_that_does_not_answer_costs_its_timeout_and_the_next_is_asked() throws Exception {
    try (var silent = new java.net.DatagramSocket(0, InetAddress.ofLiteral("127.0.0.1"))) {
      var nobody = (InetSocketAddress) silent.getLocalSocketAddress();
      Duration timeout = Duration.ofMillis(300);
      assertThat(ask("www", Origin.Type.A, timeout, nobody, nsd.address()).entries()).hasSize(2);
      assertThatThrownBy(() -> ask("www", Origin.Type.A, timeout, nobody))
          .isInstanceOf(IOException.class)
          .hasMessage(
              "www.sluice.test A: 127.0.0.1:"
                  + nobody.getPort()
                  + " does not answer within 300 ms"); // nothing that differs each time
    }
  }

  private static Entry host(String ip) {
    return FakeNameServers.host(ip);
  }
}
