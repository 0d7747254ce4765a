package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Appliance;
import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.Client;
import io.sluice.Appliance.FlowPage;
import io.sluice.Appliance.FlowQuery;
import io.sluice.Appliance.FrontStatus;
import io.sluice.admin.Operations.Handler;
import io.sluice.admin.Operations.Request;
import io.vertx.core.json.JsonObject;
import java.math.BigInteger;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** The operations on live flows. */
final class Flows {
  private static final int ANY_PORT = 0;

  private final Appliance appliance;

  Flows(Appliance appliance) {
    this.appliance = appliance;
  }

  Map<String, Handler> handlers() {
    return Map.of(
        "listFlows", Operations.json(this::flows), "endFlow", new Handler(false, this::end));
  }

  private Reply end(Request request) {
    String id = request.call().get("id", String.class);
    if (!isLong(id) || !appliance.end(Long.parseLong(id))) {
      throw Problem.of(
          HttpResponseStatus.NOT_FOUND,
          "no flow '" + id + "': it may have ended; /v1/flows lists those there are");
    }
    return Reply.done();
  }

  /** Of the digits the contract lets through, some are beyond 64 bits. */
  private static boolean isLong(String digits) {
    return new BigInteger(digits).bitLength() < Long.SIZE;
  }

  private JsonObject flows(Request request) {
    Contract.Call call = request.call();
    long after = call.text("cursor").map(Flows::flowId).orElse(0L);
    FlowPage page =
        appliance.flows(
            new FlowQuery(
                call.text("front"),
                call.text("backend"),
                call.text("client").map(Flows::client),
                call.get("limit", Number.class).intValue(),
                after));
    if (page.flows().isEmpty() && after == 0) {
      // Asked only now: a backend that left the configuration may still have flows to be listed.
      check("front", call, () -> appliance.fronts().stream().map(FrontStatus::name).toList());
      check("backend", call, this::backends);
    }
    return Views.flows(page, page.next().map(Flows::cursor));
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
