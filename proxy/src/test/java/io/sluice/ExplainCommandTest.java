package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExplainCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private @TempDir Path folder;
  private Path file = Path.of("");

  @BeforeEach
  void write() throws Exception {
    file =
        Files.writeString(
            folder.resolve("sluice.conf"),
            """
            sluice {
              fronts.dns { listen = ["192.0.2.1:53", "[2001:db8::1]:53"], pool = resolvers, max-datagram = 4
                filters = [ { type = access-list, deny = ["10.66.0.0/16"] } ] }
              pools.resolvers {
                backends { a { address = "192.0.2.11:53" }, b { address = "192.0.2.12:53" } }
                balance.policy = ketama
              }
            }
            """);
  }

  @Test
  void a_newcomer_is_followed_to_its_backend_without_a_socket() {
    assertThat(explain("--client", "198.51.100.7:4711")).isZero();
    assertThat(out.toString())
        .startsWith("By " + file + " alone, with no flows yet and every backend up:\n")
        .contains("LISTEN   PASS     sent to 192.0.2.1:53, by way of 192.0.2.1:53\n")
        .contains("FILTER   PASS     access-list: 198.51.100.7 is in no network that is denied\n")
        .contains("MEMBERS  PASS     a (weight 1, UP), b (weight 1, UP)\n")
        .containsPattern("\nFORWARD to resolvers/[ab]\n$");
    String first = out.toString();
    out.getBuffer().setLength(0);
    assertThat(explain("--client", "198.51.100.7:4711")).isZero();
    assertThat(out).hasToString(first); // the policy is consistent, over restarts, too
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void what_is_dropped_is_dropped_where_it_would_be() {
    assertThat(explain("--client", "10.66.1.2:4711")).isZero();
    assertThat(out.toString())
        .endsWith(
            """
            FILTER   DROP     access-list: 10.66.1.2 is in 10.66.0.0/16, which is denied
            DROP FILTER
            """);
    assertThat(explain("--client", "[2001:db8::9]:7", "--payload-hex", "0001020304")).isZero();
    assertThat(out.toString())
        .endsWith("SIZE     DROP     5 bytes, of max-datagram = 4\nDROP OVERSIZE\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "--client=localhost:7 | 'localhost:7' is a host name",
        "--client=192.0.2.9 | needs a port",
        "--client=192.0.2.9:7 --payload-hex=abc | 'abc' is not pairs of hex digits",
        "--client=192.0.2.9:7 --local=192.0.2.1:54 | front 'dns' listens at",
        "--client=192.0.2.9:7 --front=dsn | no front 'dsn'; there are: dns"
      })
  void what_makes_no_datagram_is_wrong_usage(String arguments, String why) {
    String front = arguments.contains("--front") ? "" : "--front=dns ";
    String[] words = (front + arguments).split(" ", -1);
    assertThat(execute(words)).isEqualTo(2);
    assertThat(err.toString()).contains(why).contains("Usage: sluice explain");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void problems_of_the_configuration_come_first() throws Exception {
    Files.writeString(file, "sluice { }");
    assertThat(explain("--client", "192.0.2.9:7")).isEqualTo(1);
    assertThat(err.toString()).contains("needs 'fronts'");
  }

  private int explain(String... words) {
    return execute(
        Stream.concat(Stream.of("--front", "dns"), Stream.of(words)).toArray(String[]::new));
  }

  private int execute(String... words) {
    return Main.commandLine(
            new FakeTransport(false),
            Map.of(),
            new PrintWriter(out, true),
            new PrintWriter(err, true))
        .execute(
            Stream.concat(Stream.of("explain", "-c", file.toString()), Stream.of(words))
                .toArray(String[]::new));
  }
}
