package io.sluice.ctl;

import io.sluice.Subcommand;
import java.time.Duration;
import java.util.Map;
import picocli.CommandLine;

/** {@code ctl}, for the launcher to find. */
public final class CtlSubcommand implements Subcommand {
  /** For {@link java.util.ServiceLoader}. */
  public CtlSubcommand() {}

  @Override
  public CommandLine command(Map<String, String> environment) {
    Ctl ctl = new Ctl(environment);
    return new CommandLine(ctl)
        .addSubcommand(new Flows(ctl))
        .addSubcommand(new Backends(ctl))
        .addSubcommand(new Events(ctl))
        .addSubcommand(new Explain(ctl))
        .addSubcommand(new Capture(ctl))
        .addSubcommand(new Top(ctl))
        .registerConverter(BackendName.class, new BackendName.Reader())
        .registerConverter(Duration.class, new Units.DurationReader());
  }
}
