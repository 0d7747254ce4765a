package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.prometheus.client.exporter.common.TextFormat;
import io.sluice.Appliance;
import io.sluice.Appliance.FrontStatus;
import io.sluice.Appliance.PoolStatus;
import io.sluice.config.SluiceConfig.Role;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** What each operation of the contract does: ask the appliance, put the answer into JSON. */
final class Operations {
  /**
   * How to answer.
   *
   * @param prompt whether it answers at once, so that the event loop itself can do it
   */
  record Handler(boolean prompt, Function<Request, Reply> answer) {}

  /**
   * What was asked.
   *
   * @param role of whoever asks
   * @param type the media type of the content; empty where there is none
   * @param text the content
   * @param content the same, if it is JSON, else empty
   */
  record Request(
      Role role,
      Contract.Call call,
      MultiMap headers,
      String type,
      String text,
      JsonObject content) {
    static Request of(Role role, Contract.Call call, MultiMap headers, Body.Content content) {
      return new Request(role, call, headers, content.type(), content.text(), content.json());
    }
  }

  private final Appliance appliance;
  private final Events events;

  private Operations(Appliance appliance) {
    this.appliance = appliance;
    events = new Events(appliance);
  }

  /** By operation id: one for each operation of the contract, and no others. */
  static Map<String, Handler> over(Appliance appliance, Contract contract) {
    Operations on = new Operations(appliance);
    Dashboard dashboard = Dashboard.load();
    Reply page = dashboard.page();
    Reply health = Reply.ok(JsonObject.of("status", "ALIVE"));
    Reply yaml = Reply.ok("application/yaml", Buffer.buffer(contract.yaml()));
    Map<String, Handler> handlers = new HashMap<>();
    handlers.putAll(new Configuration(appliance).handlers());
    handlers.putAll(new Backends(appliance).handlers());
    handlers.putAll(new Flows(appliance).handlers());
    handlers.putAll(new Capturing(appliance).handlers());
    handlers.putAll(new Explaining(appliance).handlers());
    handlers.putAll(
        Map.ofEntries(
            Map.entry("getDashboard", new Handler(true, request -> page)),
            Map.entry("getAsset", new Handler(true, request -> asset(dashboard, request))),
            Map.entry("getHealth", new Handler(true, request -> health)),
            Map.entry("getContract", new Handler(true, request -> yaml)),
            Map.entry("getReadiness", new Handler(true, request -> on.readiness())),
            Map.entry("getMetrics", new Handler(false, on::metrics)),
            Map.entry("getStatus", json(request -> Views.status(appliance.status(), request.role))),
            Map.entry("getWorkers", json(request -> Views.workers(appliance.workers()))),
            Map.entry("setWorkers", json(on::scale)),
            Map.entry("listFronts", json(request -> Views.fronts(appliance.fronts()))),
            Map.entry("getFront", json(on::front)),
            Map.entry("listPools", json(request -> Views.pools(appliance.pools()))),
            Map.entry("getPool", json(on::pool)),
            Map.entry("streamEvents", new Handler(true, on::events)),
            Map.entry("listDrops", json(request -> Views.ledgers(appliance.drops())))));
    if (!handlers.keySet().equals(contract.operationIds())) {
      throw new IllegalStateException(
          "openapi.yaml has %s, the server %s"
              .formatted(contract.operationIds(), handlers.keySet()));
    }
    return handlers;
  }

  static Handler json(Function<Request, JsonObject> view) {
    return new Handler(false, request -> Reply.ok(view.apply(request)));
  }

  private static Reply asset(Dashboard dashboard, Request request) {
    return dashboard.asset(
        request.call.get("build", String.class), request.call.get("file", String.class));
  }

  private Reply readiness() {
    if (appliance.ready()) {
      return Reply.ok(JsonObject.of("status", "READY"));
    }
    String why =
        switch (appliance.status().phase()) {
          case STARTING -> "starting: not every front is bound yet";
          case DRAINING -> "draining: live flows may end, new ones are refused";
          case RUNNING -> "running, but a pool waits for the first backends to be found";
        };
    throw Problem.of(HttpResponseStatus.SERVICE_UNAVAILABLE, why);
  }

  private Reply metrics(Request request) {
    String format = TextFormat.chooseContentType(request.headers.get(HttpHeaders.ACCEPT));
    StringWriter text = new StringWriter();
    try {
      TextFormat.writeFormat(format, text, appliance.metrics().metricFamilySamples());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return Reply.ok(format, Buffer.buffer(text.toString())).header("Vary", "Accept");
  }

  /** Browsers say by a header where they were, when they come back; others may ask for it. */
  private Reply events(Request request) {
    boolean back = request.call.arguments().containsKey("Last-Event-ID");
    return events.since(
        request.call.get(back ? "Last-Event-ID" : "after", Number.class).longValue());
  }

  private JsonObject scale(Request request) {
    try {
      appliance.scale(request.content.getInteger("count"));
    } catch (IllegalArgumentException e) {
      throw Problem.of(HttpResponseStatus.BAD_REQUEST, "count " + e.getMessage());
    }
    return Views.workers(appliance.workers());
  }

  private JsonObject front(Request request) {
    return Views.front(
        named(
            "front",
            request.call.get("front", String.class),
            appliance.fronts(),
            FrontStatus::name));
  }

  private JsonObject pool(Request request) {
    return Views.pool(
        named("pool", request.call.get("pool", String.class), appliance.pools(), PoolStatus::name));
  }

  /** The one of that name, or a refusal with the names there are. */
  static <T> T named(String kind, String name, List<T> all, Function<T, String> nameOf) {
    return all.stream()
        .filter(one -> nameOf.apply(one).equals(name))
        .findFirst()
        .orElseThrow(() -> Problem.unknown(kind, name, all.stream().map(nameOf).toList()));
  }
}
