package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever a secret is written as, and wherever about its place, no problem shows any of it. */
class SecretsInProblemsTest {
  private static final String SECRET = "0123456789abcdef";

  private static final String TEXT =
      """
      sluice {
        fronts { f { listen = ["127.0.0.1:5300"], pool = p } }
        pools { p {
          backends { a { address = "127.0.0.1:53" } }
          health { probe { type = radius, secret = shared } }
        } }
        admin { tokens = [ { name = ops, sha256 = shared } ] }
      }
      """;

  @Test
  void aKeyInThePlaceOfItsPathIsNotShown() {
    String key = "-----BEGIN PRIVATE KEY-----\\n" + SECRET + "\\n";
    String problems =
        Samples.problems(
            TEXT + "sluice.admin.tls { certificate = c, key = \"" + key + "\" }", Map.of());
    assertThat(problems)
        .contains("admin.tls.key: must be the path of a PEM file, not what is in one")
        .doesNotContain(SECRET);
  }

  @ParameterizedTest
  @CsvSource({
    "sluice",
    "sluice.pools",
    "sluice.pools.p",
    "sluice.pools.p.health",
    "sluice.pools.p.health.probe",
    "sluice.pools.p.health.probe.secret",
    "sluice.admin",
    "sluice.admin.tokens"
  })
  void noSecretIsShown(String path) {
    String quoted = '"' + SECRET + '"';
    for (String written :
        new String[] {
          quoted,
          "[" + quoted + "]",
          "[[" + quoted + "]]",
          "{ x = " + quoted + " }",
          "[ { name = ops, sha256 = [" + quoted + "] } ]",
          "[ { name = ops, sha256 { x = " + quoted + " } } ]",
          quoted + "${UNDEFINED}",
          "[ { name = ops, sha256 = " + quoted + "${UNDEFINED} } ]",
          "[ { sha256 = " + quoted + " } ] ${UNDEFINED}",
          "{ secret = " + quoted + " } ${UNDEFINED}",
          quoted + " { x = 1 }",
          "[" + quoted + "] { x = 1 }",
          "1234567" + SECRET
        }) {
      String problems =
          Samples.problems(TEXT + path + " = null\n" + path + " = " + written, Map.of());
      assertThat(problems).as(written).isNotEmpty().doesNotContain(SECRET.substring(0, 6));
    }
  }
}
