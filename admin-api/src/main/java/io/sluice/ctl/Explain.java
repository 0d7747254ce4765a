package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What would become of a datagram at the running appliance. */
@Command(
    name = "explain",
    description = "What would become of a datagram, step by step; nothing is sent.")
final class Explain implements Callable<Integer> {
  private final Ctl ctl;

  @Option(names = "--front", paramLabel = "F", required = true, description = "Its front.")
  private String front = "";

  @Option(
      names = "--client",
      paramLabel = "IP:PORT",
      required = true,
      description = "Who would send it.")
  private String client = "";

  @Option(
      names = "--local",
      paramLabel = "IP:PORT",
      description = "To which of the front's addresses; by default its first.")
  private @Nullable String local;

  @Option(names = "--payload-hex", paramLabel = "HEX", description = "What it would hold.")
  private @Nullable String payload;

  Explain(Ctl ctl) {
    this.ctl = ctl;
  }

  @Override
  public Integer call() {
    JsonObject datagram = JsonObject.of("front", front, "client", client);
    if (local != null) {
      datagram.put("local", local);
    }
    if (payload != null) {
      datagram.put("payloadHex", payload);
    }
    return ctl.ask(
        api ->
            ctl.show(
                api.send("POST", "/v1/explain", Api.JSON, datagram.encode()), Tables::explanation));
  }
}
