package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.prometheus.client.exporter.common.TextFormat;
import io.sluice.Appliance;
import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.Client;
import io.sluice.Appliance.FlowPage;
import io.sluice.Appliance.FlowQuery;
import io.sluice.Appliance.FrontStatus;
import io.sluice.Appliance.PoolStatus;
import io.vertx.core.MultiMap;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

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
   * @param content empty unless the operation takes any
   */
  record Request(Contract.Call call, MultiMap headers, JsonObject content) {}

  private static final int ANY_PORT = 0;

  private final Appliance appliance;
  private final Events events;

  private Operations(Appliance appliance) {
    this.appliance = appliance;
    events = new Events(appliance);
  }

  /** By operation id: one for each operation of the contract, and no others. */
  static Map<String, Handler> over(Appliance appliance, Contract contract) {
    Operations on = new Operations(appliance);
    Reply health = Reply.ok(JsonObject.of("status", "ALIVE"));
    Reply yaml = Reply.ok("application/yaml", Buffer.buffer(contract.yaml()));
    Map<String, Handler> handlers = new HashMap<>(new Capturing(appliance).handlers());
    handlers.putAll(
        Map.ofEntries(
            Map.entry("getHealth", new Handler(true, request -> health)),
            Map.entry("getContract", new Handler(true, request -> yaml)),
            Map.entry("getReadiness", new Handler(true, request -> on.readiness())),
            Map.entry("getMetrics", new Handler(false, on::metrics)),
            Map.entry("getStatus", json(request -> Views.status(appliance.status()))),
            Map.entry("getWorkers", json(request -> Views.workers(appliance.workers()))),
            Map.entry("setWorkers", json(on::scale)),
            Map.entry("listFronts", json(request -> Views.fronts(appliance.fronts()))),
            Map.entry("getFront", json(on::front)),
            Map.entry("listPools", json(request -> Views.pools(appliance.pools()))),
            Map.entry("getPool", json(on::pool)),
            Map.entry("drainBackend", json(on::drain)),
            Map.entry("enableBackend", json(on::enable)),
            Map.entry("listFlows", json(on::flows)),
            Map.entry("streamEvents", new Handler(true, on::events)),
            Map.entry("listDrops", json(request -> Views.ledgers(appliance.drops())))));
    if (!handlers.keySet().equals(contract.operationIds())) {
      throw new IllegalStateException(
          "openapi.yaml has %s, the server %s"
              .formatted(contract.operationIds(), handlers.keySet()));
    }
    return handlers;
  }

  private static Handler json(Function<Request, JsonObject> view) {
    return new Handler(false, request -> Reply.ok(view.apply(request)));
  }

  private Reply readiness() {
    if (appliance.ready()) {
      return Reply.ok(JsonObject.of("status", "READY"));
    }
    String why =
        switch (appliance.status().phase()) {
          case STARTING -> "starting: not every front is bound yet";
          case DRAINING -> "draining: live flows may end, new ones are refused";
          case RUNNING -> "running, but the configuration is not wholly applied";
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
    String last = request.headers.get("Last-Event-ID");
    if (last == null) {
      return events.since(request.call.get("after", Number.class).longValue());
    }
    if (!last.matches("[0-9]{1,18}")) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "Last-Event-ID is to be the id of an event, a number");
    }
    return events.since(Long.parseLong(last));
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
    return Views.pool(poolOf(request));
  }

  private PoolStatus poolOf(Request request) {
    return named(
        "pool", request.call.get("pool", String.class), appliance.pools(), PoolStatus::name);
  }

  private BackendStatus backendOf(Request request) {
    return named(
        "backend",
        request.call.get("backend", String.class),
        poolOf(request).backends(),
        BackendStatus::name);
  }

  private JsonObject drain(Request request) {
    Optional<Duration> deadline =
        Optional.ofNullable(request.content.getString("deadline")).map(Operations::duration);
    appliance.drain(poolOf(request).name(), backendOf(request).name(), deadline);
    return Views.backend(backendOf(request));
  }

  private JsonObject enable(Request request) {
    appliance.enable(poolOf(request).name(), backendOf(request).name());
    return Views.backend(backendOf(request));
  }

  private static Duration duration(String text) {
    if (!text.matches("[0-9]{1,6}(ms|s|m|h)")) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST,
          "deadline is to be a duration such as 500ms, 30s, 5m or 1h, not '" + text + "'");
    }
    int unit = text.replaceAll("[a-z]+$", "").length();
    long number = Long.parseLong(text.substring(0, unit));
    return switch (text.substring(unit)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  private static <T> T named(String kind, String name, List<T> all, Function<T, String> nameOf) {
    return all.stream()
        .filter(one -> nameOf.apply(one).equals(name))
        .findFirst()
        .orElseThrow(() -> Problem.unknown(kind, name, all.stream().map(nameOf).toList()));
  }

  private JsonObject flows(Request request) {
    Contract.Call call = request.call;
    long after = call.text("cursor").map(Operations::flowId).orElse(0L);
    FlowPage page =
        appliance.flows(
            new FlowQuery(
                call.text("front"),
                call.text("backend"),
                call.text("client").map(Operations::client),
                call.get("limit", Number.class).intValue(),
                after));
    if (page.flows().isEmpty() && after == 0) {
      // Asked only now: a backend that left the configuration may still have flows to be listed.
      check("front", call, () -> appliance.fronts().stream().map(FrontStatus::name).toList());
      check("backend", call, this::backends);
    }
    return Views.flows(page, page.next().map(Operations::cursor));
  }

  private List<String> backends() {
    return appliance.pools().stream()
        .flatMap(pool -> pool.backends().stream())
        .map(BackendStatus::name)
        .distinct()
        .toList();
  }

  private static void check(String kind, Contract.Call call, Supplier<List<String>> existing) {
    call.text(kind)
        .filter(Predicate.not(existing.get()::contains))
        .ifPresent(
            name -> {
              throw Problem.parameter(kind, Problem.noSuch(kind, name, existing.get()));
            });
  }

  static String cursor(long flowId) {
    byte[] bytes = ByteBuffer.allocate(Long.BYTES).putLong(flowId).array();
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static long flowId(String cursor) {
    long id = ByteBuffer.wrap(Base64.getUrlDecoder().decode(cursor)).getLong();
    if (id <= 0 || !cursor(id).equals(cursor)) {
      throw Problem.parameter("cursor", "not one this server gave; take the page's nextCursor");
    }
    return id;
  }

  /** Reads what the contract's pattern let through; numeric only, so that nothing is looked up. */
  static Client client(String text) {
    boolean bareV6 = !text.startsWith("[") && text.indexOf(':') != text.lastIndexOf(':');
    int colon = bareV6 ? -1 : text.indexOf(':', text.indexOf(']') + 1);
    String host = (colon < 0 ? text : text.substring(0, colon)).replaceAll("[\\[\\]]", "");
    try {
      int port = colon < 0 ? ANY_PORT : port(text.substring(colon + 1));
      return new Client(InetAddress.ofLiteral(host), port);
    } catch (IllegalArgumentException e) {
      throw Problem.parameter("client", "'" + text + "' is no address: " + e.getMessage());
    }
  }

  private static int port(String text) {
    int port = Integer.parseInt(text);
    if (port < 1 || port > 65_535) {
      throw new IllegalArgumentException("a port is 1 to 65535");
    }
    return port;
  }
}
