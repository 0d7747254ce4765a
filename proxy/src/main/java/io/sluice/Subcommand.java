package io.sluice;

import java.util.Map;
import picocli.CommandLine;

/**
 * How the launcher finds a command that is not its own, such as {@code ctl}, which knows HTTP: a
 * provider on the class path, found by {@link java.util.ServiceLoader}.
 */
public interface Subcommand {
  /**
   * The command, with its name and its subcommands; it writes to its own {@link
   * CommandLine#getOut()} and {@link CommandLine#getErr()}.
   *
   * @param environment of the process
   */
  CommandLine command(Map<String, String> environment);
}
