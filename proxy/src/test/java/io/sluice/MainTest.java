package io.sluice;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.ConfigReader;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--help",
        "run --help",
        "check --help",
        "explain --help",
        "token --help",
        "version --help",
        "completion --help"
      })
  void help_is_everywhere(String arguments) {
    assertThat(execute(arguments)).isZero();
    assertThat(out.toString()).startsWith("Usage: sluice");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void no_command_prints_the_usage_and_exits_2() {
    assertThat(execute("")).isEqualTo(2);
    assertThat(err.toString()).contains("Usage: sluice", "run", "check", "version");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "frobnicate",
        "run --frobnicate",
        "check",
        "version more",
        "token --role boss",
        "token --name a/b",
        "completion",
        "completion fish"
      })
  void wrong_usage_exits_2(String arguments) {
    assertThat(execute(arguments)).isEqualTo(2);
    assertThat(err.toString()).contains("Usage: sluice");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void version_names_everything_a_bug_report_needs() {
    assertThat(execute("version")).isZero();
    assertThat(out.toString())
        .containsPattern("sluice +\\d+\\.\\d+\\.\\d+")
        .containsPattern("java +25")
        .containsPattern("netty +4\\.2\\.")
        .containsPattern("transport +fake")
        .containsPattern("kernel +Linux \\d")
        .containsPattern("features +UDP_FAKE SO_FAKE");
  }

  @Test
  void a_token_comes_with_the_line_that_lets_it_in() throws Exception {
    assertThat(execute("token --name a.b --role admin")).isZero();
    List<String> lines = out.toString().lines().toList();
    assertThat(lines).hasSize(2);
    assertThat(lines.get(0)).matches("sluice_[A-Za-z0-9_-]{43}");
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(lines.get(0).getBytes(UTF_8));
    assertThat(
            ConfigReader.read(
                    "f",
                    "sluice { fronts.f { listen = [\"0.0.0.0:5300\"], pool = p }\n"
                        + "pools.p.backends.a.address = \"192.0.2.1:53\"\n"
                        + lines.get(1)
                        + " }",
                    Plugins.load(MainTest.class.getClassLoader()).names())
                .admin()
                .tokens())
        .containsExactly(new Token("a.b", HexFormat.of().formatHex(hash), Role.ADMIN));
  }

  @Test
  void no_two_tokens_are_the_same() {
    execute("token");
    execute("token");
    List<String> lines = out.toString().lines().toList();
    assertThat(lines.get(0)).isNotEqualTo(lines.get(2));
    assertThat(lines.get(1)).contains("name = \"ops\"").contains("role = viewer");
  }

  @Test
  void problems_of_a_configuration_go_to_stderr_and_exit_1() {
    Path missing = folder.resolve("missing.conf");
    assertThat(execute("check -c " + missing)).isEqualTo(1);
    assertThat(err.toString()).startsWith(missing + ":").endsWith("\n");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void the_demo_outside_a_checkout_could_not_start() {
    assertThat(execute("run")).isEqualTo(3);
    assertThat(err.toString())
        .isEqualTo("sluice: no demo outside a checkout; give a configuration with -c FILE\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bash", "zsh"})
  void completion_is_a_script_that_bash_can_read_and_knows_the_commands(String shell)
      throws Exception {
    assertThat(execute("completion " + shell)).isZero();
    Path script = Files.writeString(folder.resolve("completion"), out.toString());
    String complete =
        "source '%s' && COMP_WORDS=(sluice ver) COMP_CWORD=1 && _complete_sluice && echo $COMPREPLY"
            .formatted(script);
    var bash = new ProcessBuilder("bash", "-c", complete).redirectErrorStream(true).start();
    assertThat(new String(bash.getInputStream().readAllBytes(), UTF_8)).isEqualTo("version\n");
  }

  @Test
  void a_log_format_nobody_knows_is_wrong_usage() {
    assertThat(execute("version", Map.of("SLUICE_LOG", "xml"))).isEqualTo(2);
    assertThat(err.toString()).startsWith("SLUICE_LOG=xml: must be text or json");
  }

  @Test
  void a_log_level_nobody_knows_is_wrong_usage() {
    assertThat(execute("version", Map.of("SLUICE_LOG_LEVEL", "loud"))).isEqualTo(2);
    assertThat(err.toString()).startsWith("SLUICE_LOG_LEVEL=loud: must be one of error, warn");
  }

  private int execute(String arguments) {
    return execute(arguments, Map.of());
  }

  private int execute(String arguments, Map<String, String> environment) {
    String[] words = arguments.isEmpty() ? new String[0] : arguments.split(" ", -1);
    return Main.commandLine(
            new FakeTransport(false),
            environment,
            new PrintWriter(out, true),
            new PrintWriter(err, true))
        .execute(words);
  }
}
