package io.sluice.ctl;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Of whom to tell; of all, where nothing is said. */
final class Whose {
  @Option(names = "--front", paramLabel = "F", description = "Only of this front.")
  private @Nullable String front;

  @Option(names = "--client", paramLabel = "IP[:PORT]", description = "Only of this client.")
  private @Nullable String client;

  /** A query for these, and more. */
  String query(Map<String, Optional<?>> more) {
    Map<String, Optional<?>> all = new HashMap<>(more);
    all.put("front", Optional.ofNullable(front));
    all.put("client", Optional.ofNullable(client));
    return Api.query(all);
  }
}
