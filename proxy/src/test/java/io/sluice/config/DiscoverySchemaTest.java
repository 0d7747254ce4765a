package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Discovery;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a pool says where its backends are found. */
class DiscoverySchemaTest {
  private static String pool(String discovery) {
    return "sluice { fronts.f { listen = [\"0.0.0.0:5300\"], pool = p }, pools.p { %s } }"
        .formatted(discovery);
  }

  private static Discovery read(String discovery) throws InvalidConfig {
    return Samples.read(pool("discovery { " + discovery + " }"))
        .pools()
        .getFirst()
        .discovery()
        .orElseThrow();
  }

  private static String problems(String discovery) {
    return Samples.problems(pool("discovery { " + discovery + " }"), Map.of());
  }

  @Test
  void a_name_and_a_port_will_do() throws Exception {
    assertThat(read("dns { name = resolvers.example, port = 53 }"))
        .isEqualTo(
            new Discovery(
                new Origin.Dns(
                    "resolvers.example",
                    Origin.Type.A,
                    53,
                    List.of(),
                    Duration.ofSeconds(5),
                    Duration.ofMinutes(5),
                    Duration.ofSeconds(2)),
                Duration.ofMinutes(5)));
  }

  @Test
  void all_of_dns_can_be_said() throws Exception {
    assertThat(
            read(
                """
                drain = 0s
                dns { name = "_dns._udp.example.", type = SRV, resolvers = ["192.0.2.53:53"]
                  min-ttl = 1s, max-ttl = 1h, timeout = 300ms }
                """))
        .isEqualTo(
            new Discovery(
                new Origin.Dns(
                    "_dns._udp.example.",
                    Origin.Type.SRV,
                    0,
                    List.of(new InetSocketAddress(InetAddress.ofLiteral("192.0.2.53"), 53)),
                    Duration.ofSeconds(1),
                    Duration.ofHours(1),
                    Duration.ofMillis(300)),
                Duration.ZERO));
  }

  @Test
  void a_file_is_a_path() throws Exception {
    assertThat(read("file { path = backends.json }").origin())
        .isEqualTo(new Origin.File(Path.of("backends.json")));
  }

  @Test
  void of_kubernetes_a_service_will_do() throws Exception {
    assertThat(read("kubernetes { service = dns }").origin())
        .isEqualTo(
            new Origin.Kubernetes(
                Optional.empty(),
                "dns",
                Optional.empty(),
                Optional.empty(),
                Optional.empty(),
                Optional.empty()));
  }

  @Test
  void there_may_be_backends_beside() throws Exception {
    SluiceConfig.Pool pool =
        Samples.read(
                pool(
                    "backends.a.address = \"192.0.2.1:53\", source-addresses = [\"2001:db8::1\"],"
                        + " discovery.file.path = x"))
            .pools()
            .getFirst();
    assertThat(pool.backends()).hasSize(1);
    assertThat(pool.sourceAddresses()).hasSize(1); // an IPv6 backend may yet be found
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "drain = 1m", "dns { name = a.example, port = 1 }, file { path = x }"})
  void it_takes_exactly_one(String discovery) {
    assertThat(problems(discovery))
        .contains("needs exactly one of dns, file, kubernetes, e.g. dns { name =");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "dns { port = 53 }                                | needs 'name'",
        "dns { name = a.example }                         | needs 'port'",
        "dns { name = 192.0.2.1, port = 53 }              | is an address, not a name: put it",
        "dns { name = \"::1\", port = 53 }                | is an address, not a name: put it",
        "dns { name = a..example, port = 53 }             | is no name of a host: labels of",
        "dns { name = -a.example, port = 53 }             | is no name of a host: labels of",
        "dns { name = bücher.example, port = 53 }         | others as xn--",
        "dns { name = a.example, type = SRV, port = 53 }  | SRV records bring their ports",
        "dns { name = a.example, type = TXT, port = 53 }  | unknown type",
        "dns { name = a.example, port = 0 }               | from 1 to 65535",
        "dns { name = a.example, port = 1, min-ttl = 999ms } | must be 1s at least",
        "dns { name = a.example, port = 1, min-ttl = 9s, max-ttl = 8s } | not be shorter than",
        "dns { name = a.example, port = 1, resolvers = [\"ns.example:53\"] } | is not a numeric",
        "dns { name = a.example, port = 1, resolvers = [\"0.0.0.0:53\"] } | no address of one host",
        "dns { name = a.example, prot = 1, port = 1 }     | unknown key; did you mean",
        "file { }                                         | needs 'path'",
        "file { path = \" \" }                            | must be a path",
        "kubernetes { }                                   | needs 'service'",
        "kubernetes { service = A_b }                     | is no name in Kubernetes",
        "kubernetes { service = a, api = \"http://10.0.0.1\" } | http:// only on 127.0.0.1",
        "kubernetes { service = a, api = \"https://10.0.0.1/x\" } | must be where the API server"
            + " is",
      })
  void what_is_wrong_is_said(String discovery, String problem) {
    assertThat(problems(discovery)).contains(problem);
  }

  @Test
  void a_pool_needs_backends_or_a_discovery() {
    assertThat(Samples.problems(pool(""), Map.of())).contains("needs 'backends'");
    assertThat(Samples.problems(pool("discovry.file.path = x"), Map.of()))
        .contains("did you mean 'discovery'?");
  }
}
