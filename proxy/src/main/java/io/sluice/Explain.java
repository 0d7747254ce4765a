package io.sluice;

import io.sluice.config.ConfigReader;
import io.sluice.config.Document;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Explanation;
import io.sluice.front.Front;
import io.sluice.metrics.Journal;
import io.sluice.net.Dialer;
import io.sluice.net.Fds;
import io.sluice.net.Ports;
import io.sluice.pool.Pool;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** What would become of a datagram by a configuration alone; a running appliance knows more. */
@Command(
    name = "explain",
    description =
        "Say, step by step, what would become of a datagram by a configuration alone: with no flows"
            + " yet, every configured backend up, and none looked for. No socket is opened.",
    footer = {"", "What a running appliance would do with it now: POST /v1/explain."})
final class Explain implements Callable<Integer> {
  @Spec
  @SuppressWarnings("NullAway.Init") // by picocli
  private CommandSpec spec;

  @Option(
      names = {"-c", "--config"},
      required = true,
      paramLabel = "FILE",
      description = "The configuration.")
  private Path file = Path.of("");

  @Option(names = "--front", required = true, paramLabel = "F", description = "Where it is sent.")
  private String front = "";

  @Option(
      names = "--client",
      required = true,
      paramLabel = "IP:PORT",
      converter = SocketAddress.class,
      description = "Who would send it.")
  @SuppressWarnings("NullAway.Init") // required
  private InetSocketAddress client;

  @Option(
      names = "--local",
      paramLabel = "IP:PORT",
      converter = SocketAddress.class,
      description = "To which address; without it, where the front first listens.")
  private @Nullable InetSocketAddress local;

  @Option(
      names = "--payload-hex",
      paramLabel = "HEX",
      description = "What it would hold; nothing without it.")
  private String payload = "";

  @Override
  public Integer call() throws Exception {
    Plugins plugins = Plugins.load(Explain.class.getClassLoader());
    SluiceConfig config = Document.read(file, plugins.names()).config();
    SluiceConfig.Front wanted =
        config.fronts().stream()
            .filter(each -> each.name().equals(front))
            .findFirst()
            .orElseThrow(() -> usage("no front '" + front + "'; there are: " + names(config)));
    ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
    try {
      PrintWriter out = spec.commandLine().getOut();
      print(explain(wanted, config, plugins, control), out);
      pool(wanted, config)
          .discovery()
          .ifPresent(
              by ->
                  out.println(
                      "Backends to be found by "
                          + by.origin().kind()
                          + " are not looked for here."));
      out.flush();
    } catch (IllegalArgumentException e) {
      throw usage(String.valueOf(e.getMessage()));
    } finally {
      control.shutdownNow();
    }
    return 0;
  }

  private Explanation explain(
      SluiceConfig.Front wanted,
      SluiceConfig config,
      Plugins plugins,
      ScheduledExecutorService control)
      throws StartFailure {
    SluiceConfig.Pool ofFront = pool(wanted, config);
    var journal = new Journal(InstantSource.system());
    Dialer nobodys = new Ports(new BitSet(), new Fds(0)).dialer(List.of(), List.of());
    Pool.Spec fresh = Specs.pool(ofFront, Set.of(), Map.of(), plugins);
    try (Pool pool = Specs.open(ofFront, fresh, 1, control, journal)) {
      return Front.explain(
          Specs.front(wanted, ofFront, pool, nobodys, plugins.filters(wanted), plugins),
          System::nanoTime,
          client,
          Optional.ofNullable(local),
          bytes());
    }
  }

  private static SluiceConfig.Pool pool(SluiceConfig.Front front, SluiceConfig config) {
    return config.pools().stream()
        .filter(each -> each.name().equals(front.pool()))
        .findFirst()
        .orElseThrow();
  }

  private byte[] bytes() {
    try {
      return HexFormat.of().parseHex(payload);
    } catch (IllegalArgumentException e) {
      throw usage("--payload-hex: '" + payload + "' is not pairs of hex digits");
    }
  }

  private void print(Explanation explanation, PrintWriter out) {
    out.println("By " + file + " alone, with no flows yet and every backend up:");
    for (Explanation.Step step : explanation.steps()) {
      out.printf("%-8s %-8s %s%n", step.stage(), step.verdict(), step.why());
    }
    out.println(
        explanation.outcome()
            + explanation.reason().map(reason -> " " + reason).orElse("")
            + explanation.backend().map(b -> " to " + explanation.pool() + "/" + b).orElse(""));
  }

  private ParameterException usage(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static String names(SluiceConfig config) {
    List<String> names = config.fronts().stream().map(SluiceConfig.Front::name).toList();
    return String.join(", ", names);
  }

  static final class SocketAddress implements ITypeConverter<InetSocketAddress> {
    @Override
    public InetSocketAddress convert(String text) {
      try {
        return ConfigReader.address(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("'" + text + "' " + e.getMessage());
      }
    }
  }
}
