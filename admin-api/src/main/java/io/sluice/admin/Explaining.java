package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Appliance;
import io.sluice.Appliance.ExplainQuery;
import io.sluice.Appliance.FrontStatus;
import io.sluice.admin.Operations.Handler;
import io.sluice.admin.Operations.Request;
import io.sluice.front.Explanation;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/** What would become of a datagram. */
final class Explaining {
  private final Appliance appliance;

  Explaining(Appliance appliance) {
    this.appliance = appliance;
  }

  Map<String, Handler> handlers() {
    return Map.of("explainDatagram", Operations.json(this::explain));
  }

  private JsonObject explain(Request request) {
    JsonObject asked = request.content();
    String front = asked.getString("front");
    var _ = Operations.named("front", front, appliance.fronts(), FrontStatus::name);
    ExplainQuery query =
        new ExplainQuery(
            front,
            address("client", asked.getString("client")),
            Optional.ofNullable(asked.getString("local")).map(at -> address("local", at)),
            HexFormat.of().parseHex(asked.getString("payloadHex", "")));
    try {
      return view(appliance.explain(query));
    } catch (IllegalArgumentException e) {
      throw Problem.of(HttpResponseStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
  }

  /** Reads what the contract's pattern let through; numeric only, so that nothing is looked up. */
  private static InetSocketAddress address(String what, String text) {
    int colon = text.lastIndexOf(':');
    try {
      return new InetSocketAddress(
          InetAddress.ofLiteral(text.substring(0, colon).replaceAll("[\\[\\]]", "")),
          Integer.parseInt(text.substring(colon + 1)));
    } catch (IllegalArgumentException e) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST,
          what + " '" + text + "' is no address: " + e.getMessage());
    }
  }

  private static JsonObject view(Explanation explanation) {
    JsonObject json = JsonObject.of("outcome", explanation.outcome().name());
    explanation.reason().ifPresent(reason -> json.put("reason", reason.name()));
    json.put("pool", explanation.pool());
    explanation.backend().ifPresent(backend -> json.put("backend", backend));
    JsonArray steps = new JsonArray();
    for (Explanation.Step step : explanation.steps()) {
      steps.add(
          JsonObject.of(
              "step", step.stage().name(), "verdict", step.verdict().name(), "why", step.why()));
    }
    return json.put("steps", steps);
  }
}
