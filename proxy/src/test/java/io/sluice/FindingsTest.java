package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.ConfigReader;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Finding.Server;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is found, laid over what is configured. */
class FindingsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  private static SluiceConfig config(String more) throws Exception {
    return ConfigReader.read(
        "f",
        """
        sluice {
          fronts.f { listen = ["0.0.0.0:5300", "192.0.2.99:53"], pool = p }
          pools.p {
            backends.a { address = "192.0.2.1:53", weight = 9 }
            discovery { file.path = x, %s }
          }
        }
        """
            .formatted(more),
        Plugins.load(FindingsTest.class.getClassLoader()).names());
  }

  private static Server server(String name, String ip, int port) {
    return new Server(name, new InetSocketAddress(InetAddress.ofLiteral(ip), port), 2);
  }

  private static Findings found(SluiceConfig config, Findings before, Server... servers) {
    SluiceConfig.Discovery by = config.pools().getFirst().discovery().orElseThrow();
    return before.with("p", by, List.of(servers), NOW);
  }

  private static Stream<String> backends(Aim aim) {
    return aim.config().pools().getFirst().backends().stream()
        .map(
            each ->
                each.name()
                    + " "
                    + each.address().getAddress().getHostAddress()
                    + "*"
                    + each.weight()
                    + (aim.leaving("p").containsKey(each.name()) ? " leaving" : ""));
  }

  @Test
  void whatIsFoundStandsBesideWhatIsConfigured() throws Exception {
    SluiceConfig config = config("");
    Findings findings = found(config, Findings.NONE, server("b", "192.0.2.2", 53));
    assertThat(backends(findings.over(config, Set.of())))
        .containsExactly("a 192.0.2.1*9", "b 192.0.2.2*2");
    assertThat(Findings.NONE.over(config, Set.of())).isEqualTo(new Aim(config, Map.of(), Set.of()));
  }

  @Test
  void whatIsConfiguredGoesBeforeWhatIsFound() throws Exception {
    SluiceConfig config = config("");
    Findings findings =
        found(
            config,
            Findings.NONE,
            server("other", "192.0.2.1", 53), // the address is a's
            server("a", "192.0.2.2", 53)); // the name is
    assertThat(backends(findings.over(config, Set.of())))
        .containsExactly("192.0.2.2_53 192.0.2.2*2", "a 192.0.2.1*9");
  }

  @Test
  void whatWouldGoInACircleOrNowhereIsLeftOut() throws Exception {
    SluiceConfig config = config("");
    Findings findings =
        found(
            config,
            Findings.NONE,
            server("b", "192.0.2.99", 53),
            server("c", "127.0.0.1", 5300), // which 0.0.0.0 hears
            server("d", "0.0.0.0", 53),
            server("e", "239.0.0.1", 53),
            server("f", "255.255.255.255", 53),
            server("h", "192.0.2.3", 0),
            server("g", "::1", 5300)); // which it does not
    assertThat(backends(findings.over(config, Set.of())))
        .containsExactly("a 192.0.2.1*9", "g 0:0:0:0:0:0:0:1*2");
    assertThat(Findings.Fits.in(config).unfit(server("b", "192.0.2.99", 53).address()))
        .hasValue("is where front 'f' listens: datagrams would circle");
  }

  @Test
  void aWildcardFrontHearsWhatIsSentToTheHostsOwnAddresses() throws Exception {
    SluiceConfig config = config("");
    Findings.Fits fits =
        new Findings.Fits(
            config,
            Set.of(InetAddress.ofLiteral("198.51.100.7"), InetAddress.ofLiteral("2001:db8::7")));
    Findings findings =
        found(
            config,
            Findings.NONE,
            server("b", "198.51.100.7", 5300),
            server("c", "198.51.100.7", 53), // where nobody listens
            server("d", "198.51.100.8", 5300), // another host's
            server("e", "2001:db8::7", 5300)); // which 0.0.0.0 does not hear
    assertThat(backends(findings.over(fits, Set.of())))
        .containsExactly(
            "a 192.0.2.1*9", "c 198.51.100.7*2", "d 198.51.100.8*2", "e 2001:db8:0:0:0:0:0:7*2");
  }

  @Test
  void theHostsOwnAddressesAreThoseOfItsInterfaces() throws Exception {
    assertThat(Findings.Fits.in(config("")).own()).contains(InetAddress.ofLiteral("127.0.0.1"));
  }

  @Test
  void whoLeavesGoesOnLeavingWhenItsNameIsConfigured() throws Exception {
    SluiceConfig config = config("");
    Findings both =
        found(config, Findings.NONE, server("b", "192.0.2.2", 53), server("c", "192.0.2.3", 53));
    Findings one = found(config, both, server("c", "192.0.2.3", 53));
    assertThat(backends(one.over(with(config, "b", "192.0.2.77"), Set.of())))
        .containsExactly(
            "192.0.2.2_53 192.0.2.2*2 leaving", "a 192.0.2.1*9", "b 192.0.2.77*1", "c 192.0.2.3*2");
  }

  @Test
  void whoIsConfiguredDoesNotLeave() throws Exception {
    SluiceConfig config = config("");
    Findings both =
        found(config, Findings.NONE, server("b", "192.0.2.2", 53), server("c", "192.0.2.3", 53));
    Findings one = found(config, both, server("c", "192.0.2.3", 53));
    assertThat(backends(one.over(with(config, "b", "192.0.2.2"), Set.of())))
        .containsExactly("a 192.0.2.1*9", "b 192.0.2.2*1", "c 192.0.2.3*2");
  }

  private static SluiceConfig with(SluiceConfig config, String name, String ip) {
    SluiceConfig.Pool pool = config.pools().getFirst();
    var more = new SluiceConfig.Backend(name, server(name, ip, 53).address(), 1);
    return config.with(
        List.of(pool.with(Stream.concat(pool.backends().stream(), Stream.of(more)).toList())));
  }

  @Test
  void whoIsFoundNoLongerLeavesAndMayComeBack() throws Exception {
    SluiceConfig config = config("drain = 1m");
    Server b = server("b", "192.0.2.2", 53);
    Server c = server("c", "192.0.2.3", 53);
    Findings both = found(config, Findings.NONE, b, c);
    Findings one = found(config, both, c);
    assertThat(backends(one.over(config, Set.of())))
        .containsExactly("a 192.0.2.1*9", "b 192.0.2.2*2 leaving", "c 192.0.2.3*2");
    assertThat(one.over(config, Set.of()).leaving("p").get("b"))
        .isEqualTo("file finds it no longer; its flows may stay until 2026-01-01T00:01:00Z");
    assertThat(one.anyLeaving()).isTrue();
    assertThat(one.has("p", "b")).isTrue();
    assertThat(found(config, one, b, c).over(config, Set.of()))
        .isEqualTo(both.over(config, Set.of()));
    Findings swept = one.without((pool, leaving) -> leaving.server().equals(b));
    assertThat(backends(swept.over(config, Set.of())))
        .containsExactly("a 192.0.2.1*9", "c 192.0.2.3*2");
    assertThat(swept.has("p", "b")).isFalse();
  }

  @Test
  void withoutDrainWhoIsFoundNoLongerIsGone() throws Exception {
    SluiceConfig config = config("drain = 0s");
    Findings both = found(config, Findings.NONE, server("b", "192.0.2.2", 53));
    assertThat(found(config, both, server("c", "192.0.2.3", 53)).anyLeaving()).isFalse();
  }

  @Test
  void aNameWithAnotherAddressIsAnotherBackend() throws Exception {
    SluiceConfig config = config("");
    Findings before = found(config, Findings.NONE, server("b", "192.0.2.2", 53));
    Findings after = found(config, before, server("b", "192.0.2.3", 53));
    assertThat(backends(after.over(config, Set.of())))
        .containsExactly("a 192.0.2.1*9", "b 192.0.2.3*2");
  }

  @Test
  void noMoreLeaveAtATimeThanMayBeThere() throws Exception {
    SluiceConfig config = config("");
    Findings findings = Findings.NONE;
    for (int round = 0; round < 4; round++) {
      int port = 1 + 1_000 * round;
      findings =
          found(
              config,
              findings,
              IntStream.range(port, port + 1_000)
                  .mapToObj(at -> server("s" + at, "192.0.2.3", at))
                  .toArray(Server[]::new));
    }
    assertThat(findings.of("p").leaving()).hasSize(1_000);
  }

  @Test
  void whatAPoolFoundIsForgottenWithItsDiscovery() throws Exception {
    SluiceConfig config = config("");
    Findings findings = found(config, Findings.NONE, server("b", "192.0.2.2", 53));
    assertThat(findings.in(config)).isEqualTo(findings);
    SluiceConfig without =
        ConfigReader.read(
            "f",
            "sluice { fronts.f { listen = [\"0.0.0.0:1\"], pool = p }, pools.p.backends.a.address ="
                + " \"192.0.2.1:53\" }",
            Plugins.load(FindingsTest.class.getClassLoader()).names());
    assertThat(findings.in(without)).isEqualTo(Findings.NONE);
    assertThat(findings.over(without, Set.of()).config()).isEqualTo(without);
  }
}
