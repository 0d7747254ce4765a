package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.SluiceConfig.Backend;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lists of backends that other programs write. */
class BackendFileTest {
  @TempDir Path dir;

  private Path write(String text) throws IOException {
    return Files.writeString(dir.resolve("backends"), text);
  }

  private static Backend backend(String name, String ip, int port, int weight) {
    return new Backend(name, new InetSocketAddress(InetAddress.ofLiteral(ip), port), weight);
  }

  @Test
  void json_and_hocon_say_the_same() throws Exception {
    var expected =
        new Backend[] {
          backend("a", "192.0.2.1", 53, 3),
          backend("192.0.2.2_53", "192.0.2.2", 53, 1),
          backend("2001-db8-0-0-0-0-0-1_53", "2001:db8::1", 53, 1)
        };
    assertThat(
            BackendFile.read(
                write(
                    """
                    {"backends": [{"name": "a", "address": "192.0.2.1:53", "weight": 3},
                      {"address": "192.0.2.2:53"}, {"address": "[2001:db8::1]:53"}]}
                    """)))
        .containsExactly(expected);
    assertThat(
            BackendFile.read(
                write(
                    """
                    backends = [
                      { name = a, address = "192.0.2.1:53", weight = 3 } # the big one
                      { address = "192.0.2.2:53" }
                      { address = "[2001:db8::1]:53" }
                    ]
                    """)))
        .containsExactly(expected);
  }

  @Test
  void every_name_made_from_an_address_is_one() {
    for (String ip :
        new String[] {"0.0.0.1", "::1", "fe80::1%1", "2001:db8:1111:2222:3333:4444:5555:6666"}) {
      assertThat(
              Cursor.isName(
                  BackendFile.nameOf(new InetSocketAddress(InetAddress.ofLiteral(ip), 65_535))))
          .as(ip)
          .isTrue();
    }
  }

  @Test
  void all_that_is_wrong_is_told_with_its_line() throws Exception {
    Path file =
        write(
            """
            {"backends": [
              {"address": "192.0.2.1:53", "weight": 0},
              {"address": "192.0.2.1:53", "name": "-"},
              {"address": "host.example:53", "name": "a"},
              {"address": "239.0.0.1:53", "name": "a"},
              {"adress": "192.0.2.4:53"}
            ], "more": 1}
            """);
    assertThatThrownBy(() -> BackendFile.read(file))
        .isInstanceOfSatisfying(
            InvalidConfig.class,
            e ->
                assertThat(e.problems().stream().map(p -> p.line() + ": " + p.message()))
                    .satisfiesExactlyInAnyOrder(
                        p -> assertThat(p).startsWith("2: must be a whole number from 1 to 1000"),
                        p -> assertThat(p).startsWith("3: \"192.0.2.1:53\" is taken by"),
                        p -> assertThat(p).startsWith("3: a name starts with"),
                        p -> assertThat(p).startsWith("4: \"host.example:53\" is not a numeric"),
                        p -> assertThat(p).startsWith("5: \"239.0.0.1:53\" is no address of one"),
                        p -> assertThat(p).startsWith("5: 'a' is the name of the one at line 4"),
                        p -> assertThat(p).startsWith("6: needs 'address'"),
                        p -> assertThat(p).startsWith("6: unknown key; did you mean 'address'?"),
                        p -> assertThat(p).startsWith("7: unknown key")));
  }

  @Test
  void nothing_is_included_nor_taken_from_the_environment() throws Exception {
    Files.writeString(dir.resolve("other.conf"), "backends = [{address = \"192.0.2.9:53\"}]");
    Path includes = write("include \"other.conf\"\nbackends = []");
    assertThatThrownBy(() -> BackendFile.read(includes)).isInstanceOf(InvalidConfig.class);
    Path asks = write("backends = [{ address = ${PATH} }]");
    assertThatThrownBy(() -> BackendFile.read(asks))
        .isInstanceOf(InvalidConfig.class)
        .hasMessageNotContaining(System.getenv("PATH"));
    assertThat(BackendFile.read(write("backends = [${?PATH}]"))).isEmpty();
  }

  @Test
  void a_file_has_bounds() throws Exception {
    Path many = write(list(BackendFile.MOST + 1));
    assertThatThrownBy(() -> BackendFile.read(many))
        .hasMessageContaining("holds 1001 backends, and 1000 is the most");
    assertThat(BackendFile.read(write(list(BackendFile.MOST)))).hasSize(BackendFile.MOST);
    Path large = write("#".repeat((1 << 20) + 1));
    assertThatThrownBy(() -> BackendFile.read(large)).hasMessageContaining("larger than 1 MiB");
    assertThatThrownBy(() -> BackendFile.read(dir.resolve("gone")))
        .hasMessageContaining("there is no such file");
  }

  private static String list(int count) {
    return IntStream.range(0, count)
        .mapToObj("{\"address\": \"192.0.2.1:%d\"}"::formatted)
        .map(each -> each.replace(":0\"", ":2000\""))
        .collect(Collectors.joining(",", "{\"backends\": [", "]}"));
  }
}
