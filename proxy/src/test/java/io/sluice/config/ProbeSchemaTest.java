package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Probe;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What checks a backend, as it is written. */
class ProbeSchemaTest {
  @Test
  void aProbeHasItsTypesOptionsAndDefaults() throws Exception {
    Duration second = Duration.ofSeconds(1);
    assertThat(probe("type = dns"))
        .isEqualTo(
            new Probe(new Check.Dns(".", "NS", true), Duration.ofSeconds(2), second, 2, 3, 0));
    assertThat(probe("type = stun, interval = 500ms, rise = 1, fall = 2, port = 3478"))
        .isEqualTo(
            new Probe(
                new Check.Plain("stun"),
                Duration.ofMillis(500),
                Duration.ofMillis(500),
                1,
                2,
                3478));
    assertThat(probe("type = dns, name = a.example, query-type = AAAA, recursion = false").check())
        .isEqualTo(new Check.Dns("a.example", "AAAA", false));
    assertThat(
            probe("type = http, path = \"/up?x=1\", host = \"a.example:8080\", expect-status = 204")
                .check())
        .isEqualTo(new Check.Http("/up?x=1", "a.example:8080", 204, 204, Optional.empty()));
    assertThat(probe("type = http").check())
        .isEqualTo(new Check.Http("/", "", 200, 399, Optional.empty()));
  }

  @Test
  void aProbesBytesAreTextOrHexOrARegex() throws Exception {
    assertThat(
            probe(
                    """
                    type = udp, send = "hex:00 fF0a", expect = "text:a.\\u00e9", drain = "regex:^\\\\x00.+$"
                    """)
                .check())
        .isEqualTo(
            new Check.Udp(
                "\u0000\u00ff\n",
                Optional.of(new Check.Content(false, "a.\u00c3\u00a9")),
                Optional.of(new Check.Content(true, "^\\x00.+$"))));
    assertThat(new Check.Content(false, "a.").pattern().matcher("ab").find()).isFalse();
    assertThat(new Check.Content(true, "^a.$").pattern().matcher("a\n").find()).isTrue();
  }

  @Test
  void aSecretComesFromTheEnvironmentAndIsShownToNobody() throws Exception {
    String text =
        Samples.LEAST + "sluice.pools.p.health.probe { type = radius, secret = ${?SECRET} }";
    Probe probe = probe(Samples.read(text, Map.of("SECRET", "hush")));
    assertThat(probe.check()).isEqualTo(new Check.Radius("hush"));
    assertThat(probe.toString()).doesNotContain("hush");
  }

  @Test
  void aRegexIsBoundedInLength() {
    String text =
        Samples.LEAST
            + "sluice.pools.p.health.probe { type = udp, send = \"text:x\", expect = \"regex:%s\""
            + " }";
    assertThat(Samples.problems(text.formatted("(".repeat(512) + ")".repeat(512)), Map.of()))
        .isEmpty();
    assertThat(Samples.problems(text.formatted("x".repeat(1_025)), Map.of()))
        .endsWith(": is longer than the 1024 characters a regex may have")
        .hasLineCount(1);
  }

  private static Probe probe(String options) throws InvalidConfig {
    return probe(Samples.read(Samples.LEAST + "sluice.pools.p.health.probe { " + options + " }"));
  }

  private static Probe probe(SluiceConfig config) {
    return config.pools().getFirst().health().probe().orElseThrow();
  }
}
