package io.sluice.config;

import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Names and texts the tests of this room share. */
final class Samples {
  static final Names BUILT_IN =
      new Names(
          Set.of("maglev", "ketama", "least-load", "weighted-round-robin", "random"),
          Set.of("source-address", "source-ip", "source-prefix", "payload"),
          Set.of("dns", "http", "ntp", "quic", "radius", "sip-options", "stun", "tcp", "udp"),
          Set.of("access-list", "rate-limit"));

  /** A configuration of what has no default. */
  static final String LEAST =
      """
      sluice {
        fronts.f { listen = ["0.0.0.0:5300"], pool = p }
        pools.p.backends.a.address = "192.0.2.1:53"
      }
      """;

  private Samples() {}

  static SluiceConfig read(String text) throws InvalidConfig {
    return read(text, Map.of());
  }

  static SluiceConfig read(String text, Map<String, String> environment) throws InvalidConfig {
    return ConfigReader.read("f", text, BUILT_IN, environment, new Report());
  }

  /** The problems as printed, one a line; empty when there are none. */
  static String problems(String text, Map<String, String> environment) {
    try {
      read(text, environment);
      return "";
    } catch (InvalidConfig e) {
      return e.problems().stream().map(Problem::toString).collect(Collectors.joining("\n"));
    }
  }
}
