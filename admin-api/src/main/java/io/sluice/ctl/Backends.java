package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Changes of single backends. */
@Command(
    name = "backend",
    description = "Add, change or remove a backend; flows of others do not notice.",
    synopsisSubcommandLabel = "VERB")
final class Backends {
  private final Ctl ctl;

  Backends(Ctl ctl) {
    this.ctl = ctl;
  }

  @Command(description = "Add a backend that is not there yet.")
  int add(
      @Parameters(paramLabel = "POOL/BACKEND") BackendName backend,
      @Option(
              names = "--address",
              paramLabel = "IP:PORT",
              required = true,
              description = "Where its datagrams go.")
          String address,
      @Option(names = "--weight", paramLabel = "W", description = "1 if it is not given.")
          Optional<Integer> weight) {
    return ctl.ask(
        api ->
            ctl.show(
                api.send(
                    "PUT",
                    backend.path(),
                    Api.JSON,
                    wanted(Optional.of(address), weight).encode(),
                    "If-None-Match",
                    "*"),
                backend::state));
  }

  @Command(description = "Change a backend's address or weight.")
  int set(
      @Parameters(paramLabel = "POOL/BACKEND") BackendName backend,
      @Option(names = "--address", paramLabel = "IP:PORT", description = "Where its datagrams go.")
          Optional<String> address,
      @Option(names = "--weight", paramLabel = "W", description = "Its share.")
          Optional<Integer> weight) {
    return ctl.ask(
        api -> {
          JsonObject wanted = wanted(address, weight);
          if (wanted.isEmpty()) {
            throw Failure.usage("backend set: give --address, --weight, or both");
          }
          String patch = wanted.encode();
          ctl.show(api.send("PATCH", backend.path(), Api.MERGE_PATCH, patch), backend::state);
        });
  }

  @Command(description = "Take a backend out of its pool; drain it before, to let its flows end.")
  int remove(@Parameters(paramLabel = "POOL/BACKEND") BackendName backend) {
    return ctl.ask(
        api -> {
          api.send("DELETE", backend.path(), "", "");
          ctl.say(backend + " is gone");
        });
  }

  private static JsonObject wanted(Optional<String> address, Optional<Integer> weight) {
    JsonObject wanted = new JsonObject();
    address.ifPresent(it -> wanted.put("address", it));
    weight.ifPresent(it -> wanted.put("weight", it));
    return wanted;
  }
}
