package io.sluice.admin;

import io.sluice.Appliance;
import io.sluice.Appliance.Applied;
import io.sluice.Appliance.ConfigStatus;
import io.sluice.Refused;
import io.sluice.admin.Operations.Handler;
import io.sluice.admin.Operations.Request;
import io.sluice.config.InvalidConfig;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.Optional;

/** The operations on the configuration as a whole. */
final class Configuration {
  private static final String HOCON = "application/hocon";

  private final Appliance appliance;

  Configuration(Appliance appliance) {
    this.appliance = appliance;
  }

  Map<String, Handler> handlers() {
    return Map.of(
        "getConfig", new Handler(false, request -> get()),
        "validateConfig", Operations.json(this::validate),
        "putConfig", new Handler(false, this::put),
        "reloadConfig", new Handler(false, request -> applied(appliance::reload)));
  }

  private Reply get() {
    ConfigStatus config = appliance.config();
    return Reply.ok(Views.config(config)).header("ETag", etag(config.version()));
  }

  private JsonObject validate(Request request) {
    return Views.verdict(
        appliance.validate(
            request.type().equals(HOCON) ? request.text() : request.content().getString("hocon")));
  }

  private Reply put(Request request) {
    Conditions conditions = Conditions.of(request.call());
    // JSON is HOCON, and what GET shows is what stands under this key; lines stay what they are.
    String hocon = request.type().equals(HOCON) ? request.text() : "sluice = " + request.text();
    return applied(
        () ->
            appliance.configure(
                hocon, now -> conditions.require(Optional.of(etag(now.version())))));
  }

  private interface Change {
    Applied apply() throws InvalidConfig, Refused;
  }

  private static Reply applied(Change change) {
    try {
      Applied applied = change.apply();
      return Reply.ok(Views.applied(applied)).header("ETag", etag(applied.version()));
    } catch (InvalidConfig e) {
      throw Problem.invalid(e);
    } catch (Refused e) {
      throw Problem.refused(e);
    }
  }

  private static String etag(String version) {
    return '"' + version + '"';
  }
}
