package io.sluice;

import io.sluice.config.SluiceConfig;
import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A process to send signals to: {@link Run} over a {@link FakeTransport}. */
final class RunProcess {
  private RunProcess() {}

  public static void main(String[] args) throws Exception {
    var config =
        new SluiceConfig(
            Duration.ofSeconds(7),
            new SluiceConfig.Workers(1, 1),
            List.of(),
            List.of(),
            new SluiceConfig.Admin(new InetSocketAddress(InetAddress.getLoopbackAddress(), 9901)),
            Optional.empty(),
            new SluiceConfig.Recorder(0),
            false,
            List.of());
    var transport = new FakeTransport(List.of(args).contains("flows-that-never-end"));
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    new Run(transport, Plugins.load(RunProcess.class.getClassLoader()), out).demo(config);
    System.exit(0);
  }
}
