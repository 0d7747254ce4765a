package io.sluice;

import io.sluice.config.Document;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** A process to send signals to: {@link Run} over a {@link FakeTransport}. */
final class RunProcess {
  private RunProcess() {}

  public static void main(String[] args) throws Exception {
    Plugins plugins = Plugins.load(RunProcess.class.getClassLoader());
    String text =
        """
        sluice {
          drain-timeout = 7s
          fronts { demo { listen = ["127.0.0.1:9000"], pool = echoes } }
          pools { echoes { backends { a { address = "127.0.0.1:9101" } } } }
        }
        """;
    Document config = Document.parse("test", text, plugins.names(), Optional.empty());
    var transport = new FakeTransport(List.of(args).contains("flows-that-never-end"));
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    new Run(transport, plugins, out).demo(config);
    System.exit(0);
  }
}
