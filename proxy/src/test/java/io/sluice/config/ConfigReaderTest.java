package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Affinity;
import io.sluice.config.SluiceConfig.Backend;
import io.sluice.config.SluiceConfig.Balance;
import io.sluice.config.SluiceConfig.Echo;
import io.sluice.config.SluiceConfig.Flows;
import io.sluice.config.SluiceConfig.Front;
import io.sluice.config.SluiceConfig.Health;
import io.sluice.config.SluiceConfig.Load;
import io.sluice.config.SluiceConfig.Passive;
import io.sluice.config.SluiceConfig.PeerSockets;
import io.sluice.config.SluiceConfig.Pool;
import io.sluice.config.SluiceConfig.Rehome;
import io.sluice.config.SluiceConfig.WhenNoneEligible;
import io.sluice.config.SluiceConfig.Workers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ConfigReaderTest {
  @Test
  void whatIsLeftOutHasItsDefault() throws Exception {
    int cores = Runtime.getRuntime().availableProcessors();
    assertThat(Samples.read(Samples.LEAST))
        .isEqualTo(
            new SluiceConfig(
                Duration.ofSeconds(10),
                new Workers(1, cores),
                List.of(
                    new Front(
                        "f",
                        List.of(at("0.0.0.0", 5300)),
                        "p",
                        1_500,
                        PeerSockets.SHARED,
                        false,
                        new Flows(
                            100_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 10_000, 20_000),
                        List.of())),
                List.of(
                    new Pool(
                        "p",
                        new Balance("maglev", Load.FLOWS),
                        new Affinity("source-address", 0, 0, 24, 56),
                        List.of(new Backend("a", at("192.0.2.1", 53), 1)),
                        Optional.empty(),
                        List.of(),
                        new Health(
                            Optional.empty(),
                            new Passive(
                                true,
                                3,
                                Duration.ofSeconds(10),
                                true,
                                10,
                                Duration.ofSeconds(3),
                                Duration.ofSeconds(5),
                                Duration.ofMinutes(5),
                                50),
                            WhenNoneEligible.ALL),
                        true,
                        new Rehome(5_000, false),
                        Duration.ZERO)),
                new Admin(at("127.0.0.1", 9901)),
                Optional.empty(),
                new SluiceConfig.Recorder(1_024),
                false,
                List.of()));
  }

  @Test
  void whatIsSetArrives() throws Exception {
    SluiceConfig config =
        Samples.read(
            """
            sluice {
              drain-timeout = 1m, workers { min = 2, max = 5 }, echo { e = "127.0.0.1:9101" }
              fronts {
                z {
                  listen = ["127.0.0.1:"${PORT}, "[::1]:0", "[fe80::1%1]:5"], pool = "p.1", max-datagram = 4KiB, one-way = true
                  flows { max = 9, idle-timeout = 1.5h, unassured-timeout = 250ms, unassured-max = 8, new-per-second = 7 }
                }
                a { listen = ["127.0.0.1:1"], pool = q, peer-sockets = connected }
              }
              pools {
                q { affinity { key = source-prefix, prefix-v4 = 16, prefix-v6 = 48 }, backends.y.address = "[2001:db8::1]:1" }
                "p.1" {
                  balance.policy = ketama
                  affinity { key = payload, offset = 4, length = 8 }
                  backends { b { address = "192.0.2.2:53" }, a { address = "192.0.2.1:53", weight = 5 } }
                  source-addresses = ["192.0.2.9", "192.0.2.8"]
                  health {
                    passive {
                      icmp = false, fall = 2, window = 3s, reply-ratio = false, min-requests = 4, stall-timeout = 1s
                      eject-for = 4s, eject-max = 4s, max-ejected = 34
                    }
                    when-none-eligible = drop
                  }
                  repeatable = false, rehome { per-second = 7, return = true }, slow-start = 30s
                }
              }
              admin.listen = "[::1]:0"
            }
            """,
            Map.of("PORT", "5300"));

    assertThat(config.drainTimeout()).isEqualTo(Duration.ofMinutes(1));
    assertThat(config.workers()).isEqualTo(new Workers(2, 5));
    assertThat(config.echoes()).containsExactly(new Echo("e", at("127.0.0.1", 9101)));
    assertThat(config.admin().listen()).isEqualTo(at("::1", 0));
    assertThat(config.fronts()).extracting(Front::name).containsExactly("a", "z");
    assertThat(config.fronts().get(0).peerSockets()).isEqualTo(PeerSockets.CONNECTED);
    assertThat(config.fronts().get(1))
        .isEqualTo(
            new Front(
                "z",
                List.of(at("127.0.0.1", 5300), at("::1", 0), at("fe80::1%1", 5)),
                "p.1",
                4_096,
                PeerSockets.SHARED,
                true,
                new Flows(9, Duration.ofMinutes(90), Duration.ofMillis(250), 8, 7),
                List.of()));
    assertThat(config.pools()).extracting(Pool::name).containsExactly("p.1", "q");
    assertThat(config.pools().get(0))
        .isEqualTo(
            new Pool(
                "p.1",
                new Balance("ketama", Load.FLOWS),
                new Affinity("payload", 4, 8, 24, 56),
                List.of(
                    new Backend("a", at("192.0.2.1", 53), 5),
                    new Backend("b", at("192.0.2.2", 53), 1)),
                Optional.empty(),
                List.of(InetAddress.ofLiteral("192.0.2.9"), InetAddress.ofLiteral("192.0.2.8")),
                new Health(
                    Optional.empty(),
                    new Passive(
                        false,
                        2,
                        Duration.ofSeconds(3),
                        false,
                        4,
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(4),
                        Duration.ofSeconds(4),
                        34),
                    WhenNoneEligible.DROP),
                false,
                new Rehome(7, true),
                Duration.ofSeconds(30)));
    assertThat(config.pools().get(1).affinity())
        .isEqualTo(new Affinity("source-prefix", 0, 0, 16, 48));
    assertThat(config.pools().get(1).backends())
        .containsExactly(new Backend("y", at("2001:db8::1", 1), 1));
  }

  @Test
  void smallerDefaultsGiveWayToWhatIsSetBesideThem() throws Exception {
    SluiceConfig config =
        Samples.read(
            Samples.LEAST
                + "sluice.fronts.f.flows { max = 100, idle-timeout = 2s }\n"
                + "sluice.pools.p.health.passive.eject-for = 10m");

    Flows flows = config.fronts().getFirst().flows();
    assertThat(flows.unassuredMax()).isEqualTo(100);
    assertThat(flows.unassuredTimeout()).isEqualTo(Duration.ofSeconds(2));
    assertThat(config.pools().getFirst().health().passive().ejectMax())
        .isEqualTo(Duration.ofMinutes(10));
  }

  @Test
  void laterKeysMaySayWhatIsTrueToday() throws Exception {
    assertThat(
            Samples.read(
                Samples.LEAST
                    + """
                    sluice.fronts.f.per-datagram = false
                    sluice.fronts.f.client-address = none
                    sluice.fronts.f.accept-client-address = none
                    sluice.fronts.f.flows.max-per-source = 0
                    sluice.pools.p.slow-start = 0s
                    sluice.admin.tokens = []
                    """))
        .isEqualTo(Samples.read(Samples.LEAST));
  }

  @Test
  void theEnvironmentFillsInAndTheTextGoesFirst() throws Exception {
    String text =
        Samples.LEAST
            + """
            sluice.fronts.f.max-datagram = 100
            sluice.fronts.f.max-datagram = ${?MTU}
            sluice.fronts.f.one-way = ${?ONE_WAY}
            sluice.pools.p.backends.a.weight = ${sluice.fronts.f.max-datagram}
            """;

    SluiceConfig with = Samples.read(text, Map.of("MTU", "512", "ONE_WAY", "true"));
    SluiceConfig without = Samples.read(text);

    assertThat(with.fronts().getFirst().maxDatagramBytes()).isEqualTo(512);
    assertThat(with.fronts().getFirst().oneWay()).isTrue();
    assertThat(with.pools().getFirst().backends().getFirst().weight()).isEqualTo(512);
    assertThat(without.fronts().getFirst().maxDatagramBytes()).isEqualTo(100);
    assertThat(without.fronts().getFirst().oneWay()).isFalse();
  }

  @Test
  void theProcessEnvironmentIsTheOneAsked() {
    String path = System.getenv("PATH");
    assertThat(path).isNotBlank();
    assertThat(problemsOf("sluice.drain-timeout = ${PATH}"))
        .noneMatch(p -> p.message().contains("nothing defines"));
  }

  @Test
  void systemPropertiesHaveNoSay() throws Exception {
    System.setProperty("sluice.drain-timeout", "1s");
    System.setProperty("MTU", "77");
    try {
      SluiceConfig config = Samples.read(Samples.LEAST + "sluice.fronts.f.max-datagram = ${?MTU}");
      assertThat(config.drainTimeout()).isEqualTo(Duration.ofSeconds(10));
      assertThat(config.fronts().getFirst().maxDatagramBytes()).isEqualTo(1_500);
    } finally {
      System.clearProperty("sluice.drain-timeout");
      System.clearProperty("MTU");
    }
  }

  @Test
  void filtersAreReadInTheirOrder() throws Exception {
    assertThat(
            Samples.read(
                    Samples.LEAST
                        + """
                        sluice.fronts.f.filters = [
                          { type = access-list, allow = ["10.0.0.0/8", "2001:db8::/32", "::1"], deny = ["10.1.2.3"] }
                          { type = rate-limit, datagrams-per-second = 1000 }
                          { type = rate-limit, name = all, per = front, datagrams-per-second = 9, burst = 2 }
                        ]
                        """)
                .fronts()
                .getFirst()
                .filters())
        .containsExactly(
            new Filter.AccessList(
                "access-list",
                List.of(network("10.0.0.0", 8), network("2001:db8::", 32), network("::1", 128)),
                List.of(network("10.1.2.3", 32))),
            new Filter.RateLimit("rate-limit", Filter.Per.SOURCE_IP, 1_000, 1_000),
            new Filter.RateLimit("all", Filter.Per.FRONT, 9, 2));
  }

  private static Filter.Network network(String address, int bits) {
    return new Filter.Network(InetAddress.ofLiteral(address), bits);
  }

  @Test
  void pluginNamesAreAsGoodAsBuiltIns() throws Exception {
    Names known =
        new Names(
            Set.of("sticky"), Set.of("quic-connection-id"), Set.of("ping"), Set.of("cookies"));
    SluiceConfig config =
        ConfigReader.read(
            "f",
            Samples.LEAST
                + "sluice.pools.p { balance.policy = sticky, affinity.key = quic-connection-id,"
                + " health.probe.type = ping }\n"
                + "sluice.fronts.f.filters = [{ type = cookies }, { type = cookies, name = more }]",
            known);
    Pool pool = config.pools().getFirst();
    assertThat(config.fronts().getFirst().filters())
        .containsExactly(
            new Filter.Plain("cookies", "cookies"), new Filter.Plain("more", "cookies"));
    assertThat(pool.balance().policy()).isEqualTo("sticky");
    assertThat(pool.affinity().key()).isEqualTo("quic-connection-id");
    assertThat(pool.health().probe().orElseThrow().check()).isEqualTo(new Check.Plain("ping"));
  }

  @Test
  void addressesOfDifferentReachAreNoConflict() {
    assertThat(
            Samples.problems(
                Samples.LEAST
                    + """
                    sluice.fronts.g { listen = ["192.0.2.9:5300", "127.0.0.1:0", "127.0.0.1:0"], pool = p }
                    sluice.pools.q.backends { a.address = "192.0.2.1:53", b.address = "[fe80::1%1]:53", c.address = "[fe80::1%2]:53" }
                    """,
                Map.of()))
        .isEmpty();
  }

  @Test
  void aHundredMistakesAreAHundredProblemsInFileOrder() {
    StringBuilder text = new StringBuilder(Samples.LEAST);
    for (int i = 0; i < 100; i++) {
      text.append("sluice.pools.p.backends.x").append(99 - i).append(".address = \"nowhere\"\n");
    }

    List<Problem> problems = problemsOf(text.toString());

    assertThat(problems)
        .extracting(Problem::line)
        .containsExactlyElementsOf(IntStream.range(5, 105).boxed().toList());
    assertThat(problems.getFirst().path()).isEqualTo("sluice.pools.p.backends.x99.address");
  }

  @Test
  void depthIsAProblemAndNoCrash() {
    assertThat(problemsOf("a = " + "[".repeat(500_000)))
        .extracting(Problem::message)
        .containsExactly("nests brackets or substitutions too deeply");
  }

  private static List<Problem> problemsOf(String text) {
    try {
      ConfigReader.read("f", text, Samples.BUILT_IN);
      return List.of();
    } catch (InvalidConfig e) {
      return e.problems();
    }
  }

  private static InetSocketAddress at(String address, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(address), port);
  }
}
