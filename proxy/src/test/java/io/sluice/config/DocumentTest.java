package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a configuration comes to, and what may be made of that. */
class DocumentTest {
  private static final String GOOD =
      """
      sluice {
        fronts.f { listen = ["0.0.0.0:5300"], pool = p, flows.idle-timeout = 1500 ms }
        pools.p {
          backends { a.address = "192.0.2.1:53", "b.c" { address = "192.0.2.2:53", weight = "2" } }
          health.probe { type = radius, secret = geheim }
        }
      }
      """;

  @TempDir Path dir;

  static List<Path> shipped() throws Exception {
    return ConfigFilesTest.shipped().toList();
  }

  @ParameterizedTest
  @MethodSource("shipped")
  void whatAFileComesToReadsTheSame(Path file) throws Exception {
    Document read = Document.read(file, Samples.BUILT_IN);
    Document again = parse(read.text());
    assertThat(again.config()).isEqualTo(read.config());
    assertThat(again.effective()).isEqualTo(read.effective());
    assertThat(again.version()).isEqualTo(read.version());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "balance { policy = least-load, by = latency }",
        "affinity { key = payload, offset = 4, length = 8 }",
        "affinity { key = source-prefix }",
        "health.probe { type = dns }",
        "health.probe { type = http }",
        "health.probe { type = udp, send = \"text:a b\", expect = \"regex:c\" }",
        "source-addresses = [\"127.0.0.1\", \"127.0.0.2\"]",
        "slow-start = 1ns, rehome.return = true",
        "slow-start = 90s, health.passive.eject-for = 1h",
      })
  void everyKindOfPoolReadsTheSame(String keys) throws Exception {
    Document read = parse(GOOD.replace("health.probe { type = radius, secret = geheim }", keys));
    assertThat(parse(read.text()).config()).isEqualTo(read.config());
  }

  @Test
  @SuppressWarnings("unchecked")
  void everyDefaultIsFilledIn() throws Exception {
    Map<String, Object> sluice = parse(GOOD).effective();
    assertThat(sluice).containsEntry("drain-timeout", "10s");
    assertThat((Map<String, Object>) sluice.get("workers")).isEqualTo(Map.of("min", 1, "max", 0));
    assertThat((Map<String, Object>) sluice.get("admin")).containsEntry("listen", "127.0.0.1:9901");
    assertThat(sluice.toString())
        .contains("idle-timeout=1500ms", "weight=2", "new-per-second=20000");
  }

  @Test
  void theVersionIsThatOfWhatItComesToAndOfItsSecrets() throws Exception {
    String version = parse(GOOD).version();
    assertThat(version).matches("[0-9a-f]{16}");
    assertThat(parse(GOOD.replace("1500 ms", "1.5 seconds")).version()).isEqualTo(version);
    assertThat(parse(GOOD.replace("1500 ms", "1501 ms")).version()).isNotEqualTo(version);
    assertThat(parse(GOOD.replace("geheim", "offen")).version()).isNotEqualTo(version);
  }

  @Test
  void aSecretIsMaskedAndAMaskStandsForTheSecretInForce() throws Exception {
    Document inForce = parse(GOOD);
    assertThat(inForce.effective().toString()).contains("secret=***").doesNotContain("geheim");
    String masked = GOOD.replace("geheim", "\"***\"");
    assertThat(Document.parse("f", masked, Samples.BUILT_IN, Optional.of(inForce)).config())
        .isEqualTo(inForce.config());
  }

  @Test
  void aMaskThatStandsForNothingIsAProblem() throws Exception {
    String masked = GOOD.replace("geheim", "\"***\"");
    String problem =
        "f:5: sluice.pools.p.health.probe.secret: is masked, and no secret is in force here that it"
            + " could stand for: give the secret";
    assertThatThrownBy(() -> parse(masked)).hasMessage(problem);
    Optional<Document> other =
        Optional.of(parse(GOOD.replace("pools.p", "pools.q").replace("= p,", "= q,")));
    assertThatThrownBy(() -> Document.parse("f", masked, Samples.BUILT_IN, other))
        .hasMessage(problem);
  }

  @Test
  void aBackendIsAddedChangedAndRemoved() throws Exception {
    Document base = parse(GOOD);
    SluiceConfig.Backend added = backend("n.1", "[2001:db8::1]:53", 3);
    Document more = base.with("p", "n.1", Optional.of(added));
    assertThat(backends(more)).containsExactly("a", "b.c", "n.1");
    assertThat(more.config().pools().getFirst().backends()).contains(added);
    assertThat(more.version()).isNotEqualTo(base.version());
    Document changed = more.with("p", "n.1", Optional.of(backend("n.1", "192.0.2.9:53", 1)));
    assertThat(changed.config().pools().getFirst().backends())
        .contains(backend("n.1", "192.0.2.9:53", 1));
    Document back = changed.with("p", "n.1", Optional.empty());
    assertThat(back.config()).isEqualTo(base.config());
    assertThat(back.version()).isEqualTo(base.version());
  }

  @Test
  void aChangeIsRightAsAWhole() throws Exception {
    Document base = parse(GOOD).with("p", "b.c", Optional.empty());
    assertThatThrownBy(() -> base.with("p", "a", Optional.empty()))
        .hasMessage(
            "change of p/a:1: sluice.pools.p.backends: needs at least one, e.g. backends { a {"
                + " address = \"192.0.2.1:53\" } }");
    assertThatThrownBy(
            () -> base.with("p", "twin", Optional.of(backend("twin", "192.0.2.1:53", 1))))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("192.0.2.1:53");
  }

  /** Fifty lines that each double the one before are more than there is memory. */
  @Test
  void textSubstitutesFromTheEnvironmentOnly() {
    String doubling =
        IntStream.range(1, 50)
            .mapToObj(i -> "a" + i + " = ${a" + (i - 1) + "}${a" + (i - 1) + "}")
            .collect(Collectors.joining("\n", "a0 = xxxxxxxxxxxxxxxx\n", "\n"));
    assertThatThrownBy(() -> parse(doubling + GOOD))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("a49");
    assertThatThrownBy(() -> parse("x = 2\n" + GOOD.replace("\"2\"", "${x}")))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("nothing defines ${x}");
  }

  @Test
  void textCannotInclude() throws Exception {
    Path file = Files.writeString(dir.resolve("other.conf"), "");
    assertThatThrownBy(() -> parse("include \"" + file + "\"\n" + GOOD))
        .hasMessageContaining("only files can include");
  }

  private static Document parse(String text) throws InvalidConfig {
    return Document.parse("f", text, Samples.BUILT_IN, Optional.empty());
  }

  private static List<String> backends(Document of) {
    return of.config().pools().getFirst().backends().stream()
        .map(SluiceConfig.Backend::name)
        .toList();
  }

  private static SluiceConfig.Backend backend(String name, String address, int weight) {
    InetSocketAddress at = Endpoint.parse(address, 1);
    return new SluiceConfig.Backend(name, at, weight);
  }

  /** Of what may be put, what grows most when every default is filled in: 10 times as long. */
  @Test
  void whatComesToMoreThanMayBeWrittenIsRestored() throws Exception {
    StringBuilder most =
        new StringBuilder("sluice{fronts{f{listen=[\"127.0.0.1:9\"],pool=p0}},pools{");
    for (int i = 0; most.length() < Hocon.MAX_BYTES / 8; i++) {
      most.append("p%d{backends{a{address=\"1.1.1.1:1\"}}},".formatted(i));
    }
    Document put =
        Document.parse("PUT", most.append("}}").toString(), Samples.BUILT_IN, Optional.empty());
    String text = put.text();
    assertThat(text.length()).isBetween(Hocon.MAX_BYTES, 16 * most.length());
    assertThat(Document.restore("state file", text, Samples.BUILT_IN).config())
        .isEqualTo(put.config());
  }
}
