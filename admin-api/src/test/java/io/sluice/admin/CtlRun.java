package io.sluice.admin;

import io.sluice.Subcommand;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import java.util.ServiceLoader;

/** {@code sluice ctl ARGUMENTS}, within this process, and what it said. */
record CtlRun(int status, String out, String err) {

  static CtlRun of(Map<String, String> environment, String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    int status =
        ServiceLoader.load(Subcommand.class)
            .findFirst()
            .orElseThrow()
            .command(environment)
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true))
            .execute(arguments);
    return new CtlRun(status, out.toString(), err.toString());
  }
}
