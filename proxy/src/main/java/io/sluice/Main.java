package io.sluice;

import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.net.Workers;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line. */
@Command(
    name = "sluice",
    subcommands = {Explain.class, NewToken.class},
    description = "A load-balancing UDP proxy appliance.",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:fine",
      "1:problems in the configuration, all printed",
      "2:wrong usage",
      "3:could not start; the message says what to do",
      "70:stopped by a bug; the log has its stack trace"
    })
public final class Main {
  static final int INVALID_CONFIG = 1;
  static final int COULD_NOT_START = 3;

  /** EX_SOFTWARE of sysexits.h. */
  static final int BUG = 70;

  private static final Logger LOG = LoggerFactory.getLogger(Main.class);
  private static final List<String> LOG_LEVELS = List.of("error", "warn", "info", "debug", "trace");

  private final Transport transport;
  private final PrintWriter out;

  /** Set by picocli. */
  @Spec private @Nullable CommandSpec spec;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this.")
  private boolean help;

  private Main(Transport transport, PrintWriter out) {
    this.transport = transport;
    this.out = out;
  }

  public static void main(String[] args) {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, e) -> {
          LOG.error("thread {}: this is a bug", thread.getName(), e);
          if (thread.getName().startsWith(Workers.THREAD_NAME)) {
            // Datagrams are lost uncounted from here on: whoever restarts us does better.
            Runtime.getRuntime().halt(BUG);
          }
        });
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(commandLine(new EpollTransport(), System.getenv(), out, err).execute(args));
  }

  static CommandLine commandLine(
      Transport transport, Map<String, String> environment, PrintWriter out, PrintWriter err) {
    var commands = new CommandLine(new Main(transport, out));
    ServiceLoader.load(Subcommand.class, Main.class.getClassLoader())
        .forEach(more -> commands.addSubcommand(more.command(environment)));
    // Reaches the subcommands that are there by now.
    commands.setOut(out).setErr(err);
    commands.setCaseInsensitiveEnumValuesAllowed(true);
    commands.setExecutionStrategy(
        parsed -> {
          checkLogging(parsed.commandSpec().commandLine(), environment);
          return new CommandLine.RunLast().execute(parsed);
        });
    commands.setExecutionExceptionHandler((e, command, parsed) -> report(e, err));
    return commands;
  }

  private static int report(Exception e, PrintWriter err) {
    switch (e) {
      case InvalidConfig invalid -> {
        invalid.problems().forEach(err::println);
        return INVALID_CONFIG;
      }
      case StartFailure failure -> err.println("sluice: " + failure.getMessage());
      default -> {
        err.println("sluice: this is a bug; please report it with what follows");
        e.printStackTrace(err);
      }
    }
    return COULD_NOT_START;
  }

  /** Logback would fall silent at a name it does not know. */
  private static void checkLogging(CommandLine command, Map<String, String> environment) {
    String format = environment.getOrDefault("SLUICE_LOG", "text");
    if (!List.of("text", "json").contains(format)) {
      throw new ParameterException(command, "SLUICE_LOG=" + format + ": must be text or json");
    }
    String level = environment.getOrDefault("SLUICE_LOG_LEVEL", "info");
    if (!LOG_LEVELS.contains(level)) {
      throw new ParameterException(
          command,
          "SLUICE_LOG_LEVEL=" + level + ": must be one of " + String.join(", ", LOG_LEVELS));
    }
  }

  @Command(
      name = "run",
      description = "Run the appliance in the foreground.",
      footer = {
        "",
        "SIGTERM or SIGINT: no new flows, wait for the others until drain-timeout, exit 0;"
            + " a second one exits at once (143, 130)."
      })
  int run(
      @Option(
              names = {"-c", "--config"},
              paramLabel = "FILE",
              description = "The configuration; without it, the demo's.")
          @Nullable Path file)
      throws Exception {
    Plugins plugins = plugins();
    var run = new Run(transport, plugins, out);
    if (file == null) {
      run.demo(read(demo(), plugins));
    } else {
      run.run(read(file, plugins));
    }
    return 0;
  }

  /** The launcher says where the checkout is. */
  private static Path demo() throws StartFailure {
    String home = System.getProperty("sluice.home");
    if (home == null) {
      throw new StartFailure("no demo outside a checkout; give a configuration with -c FILE");
    }
    return Path.of(home, "conf", "demo.conf");
  }

  @Command(
      name = "check",
      description = "Validate a configuration without opening a socket or looking up a name.")
  int check(
      @Option(
              names = {"-c", "--config"},
              required = true,
              paramLabel = "FILE",
              description = "The configuration.")
          Path file)
      throws Exception {
    LOG.debug("{}", read(file, plugins()).effective());
    out.println("ok");
    return 0;
  }

  @Command(name = "version", description = "Say what this is and what it runs on.")
  int version() {
    out.printf(
        """
        sluice     %s
        java       %s
        netty      %s
        transport  %s
        kernel     %s
        features   %s
        """,
        Build.version(),
        Build.java(),
        Build.netty(),
        transport.name(),
        Build.kernel(),
        String.join(" ", transport.kernelFeatures()));
    return 0;
  }

  @Command(
      name = "completion",
      description = "Print a script that completes commands and options in a shell.",
      footer = {"", "To have it in this shell: source <(sluice completion bash)"})
  int completion(
      @Parameters(paramLabel = "SHELL", description = "One of ${COMPLETION-CANDIDATES}.")
          Shell shell) {
    // One script serves both: it turns zsh's support for bash's completion on.
    out.print(AutoComplete.bash("sluice", Objects.requireNonNull(spec).root().commandLine()));
    out.flush();
    return 0;
  }

  /** Those whose completion is known. */
  enum Shell {
    bash,
    zsh
  }

  private static Plugins plugins() throws StartFailure {
    return Plugins.load(Main.class.getClassLoader());
  }

  private static Document read(Path file, Plugins plugins) throws InvalidConfig {
    return Document.read(file, plugins.names());
  }
}
