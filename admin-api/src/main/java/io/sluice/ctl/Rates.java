package io.sluice.ctl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What happened between two looks at the appliance, a second. */
final class Rates {
  private static final JsonObject NOTHING = new JsonObject();

  private Rates() {}

  /** What the API says at one time. */
  record Look(
      long atNanos,
      JsonObject status,
      JsonObject workers,
      Map<String, JsonObject> fronts,
      Map<String, JsonObject> ledgers,
      Map<String, JsonObject> backends) {

    static Look at(Api api) {
      return new Look(
          System.nanoTime(),
          api.get("/v1/status").json(),
          api.get("/v1/workers").json(),
          by("name", Tables.objects(api.get("/v1/fronts").json(), "fronts")),
          by("front", Tables.objects(api.get("/v1/drops").json(), "fronts")),
          backends(api.get("/v1/pools").json()));
    }

    private static Map<String, JsonObject> by(String key, List<JsonObject> all) {
      return all.stream()
          .collect(
              Collectors.toMap(
                  each -> each.getString(key),
                  Function.identity(),
                  (one, other) -> other,
                  LinkedHashMap::new));
    }

    private static Map<String, JsonObject> backends(JsonObject answer) {
      Map<String, JsonObject> all = new LinkedHashMap<>();
      for (JsonObject pool : Tables.objects(answer, "pools")) {
        for (JsonObject backend : Tables.objects(pool, "backends")) {
          all.put(pool.getString("name") + "/" + backend.getString("name"), backend);
        }
      }
      return all;
    }
  }

  /** The rates from {@code before} to {@code now}, as an object of which people get tables. */
  static JsonObject between(Look before, Look now) {
    double seconds = (now.atNanos - before.atNanos) / (double) Duration.ofSeconds(1).toNanos();
    Rate rate = (was, is, name) -> rate(was.getLong(name), is.getLong(name), seconds);
    return JsonObject.of(
        "seconds",
        round(seconds),
        "status",
        now.status,
        "fronts",
        new JsonArray(fronts(before, now, seconds, rate)),
        "backends",
        new JsonArray(backends(before, now, rate)),
        "workers",
        now.workers);
  }

  private interface Rate {
    double of(JsonObject was, JsonObject is, String counter);
  }

  /** Of a front or backend that is new, and of a process that began anew, nothing is known yet. */
  private static double rate(@Nullable Long was, long is, double seconds) {
    return was == null || is < was ? 0 : round((is - was) / seconds);
  }

  private static double round(double value) {
    return Math.round(value * 10) / 10.0;
  }

  private static List<JsonObject> fronts(Look before, Look now, double seconds, Rate rate) {
    List<JsonObject> all = new ArrayList<>();
    now.fronts.forEach(
        (name, front) -> {
          JsonObject was = before.fronts.getOrDefault(name, NOTHING);
          JsonObject ledger = now.ledgers.getOrDefault(name, NOTHING);
          JsonObject ledgerWas = before.ledgers.getOrDefault(name, NOTHING);
          all.add(
              JsonObject.of(
                  "front", name,
                  "requestsPerSecond", received(ledgerWas, ledger, "request", rate),
                  "repliesPerSecond", received(ledgerWas, ledger, "reply", rate),
                  "dropsPerSecond", drops(ledgerWas, ledger, seconds),
                  "kernelDropsPerSecond", rate.of(was, front, "kernelDrops"),
                  "flows", front.getLong("flows"),
                  "maxFlows", front.getLong("maxFlows"),
                  "newFlowsPerSecond", rate.of(was, front, "flowsOpened")));
        });
    return all;
  }

  private static double received(JsonObject was, JsonObject is, String side, Rate rate) {
    JsonObject now = is.getJsonObject(side);
    return now == null ? 0 : rate.of(was.getJsonObject(side, NOTHING), now, "received");
  }

  /** By reason, both directions together; only those that came up. */
  private static JsonObject drops(JsonObject was, JsonObject is, double seconds) {
    JsonObject drops = new JsonObject();
    for (String side : List.of("request", "reply")) {
      JsonObject before = was.getJsonObject(side, NOTHING).getJsonObject("dropped", NOTHING);
      for (var each : is.getJsonObject(side, NOTHING).getJsonObject("dropped", NOTHING)) {
        long count = ((Number) each.getValue()).longValue();
        // A reason that is not listed has not come up yet; a front that is not is new.
        long base = was.isEmpty() ? count : before.getLong(each.getKey(), 0L);
        double rate = rate(base, count, seconds);
        if (rate > 0) {
          drops.put(each.getKey(), round(drops.getDouble(each.getKey(), 0.0) + rate));
        }
      }
    }
    return drops;
  }

  private static List<JsonObject> backends(Look before, Look now, Rate rate) {
    List<JsonObject> all = new ArrayList<>();
    now.backends.forEach(
        (name, backend) -> {
          JsonObject was = before.backends.getOrDefault(name, NOTHING);
          all.add(
              JsonObject.of(
                  "backend", name,
                  "state", Tables.state(backend),
                  "score", backend.getLong("score"),
                  "flows", backend.getLong("flows"),
                  "requestsPerSecond", rate.of(was, backend, "requests"),
                  "repliesPerSecond", rate.of(was, backend, "replies"),
                  "latencyMillis", backend.getNumber("latencyMillis"),
                  "reason", backend.getString("reason")));
        });
    return all;
  }

  static List<String> lines(JsonObject rates) {
    JsonObject status = rates.getJsonObject("status");
    String summary =
        "sluice %s  %s  up %s  %d flows  fds %d of %d"
            .formatted(
                status.getString("version"),
                status.getString("phase"),
                Tables.uptime(status),
                status.getLong("flows"),
                status.getLong("fdsOpen"),
                status.getLong("fdsMax"));
    return Stream.of(
            List.of(Table.printable(summary), ""),
            fronts(rates),
            List.of(""),
            backends(rates),
            List.of(""),
            Tables.workers(rates.getJsonObject("workers")))
        .flatMap(List::stream)
        .toList();
  }

  private static List<String> fronts(JsonObject rates) {
    return new Table(
            "FRONT",
            ">REQUESTS/s",
            ">REPLIES/s",
            ">NEW-FLOWS/s",
            ">FLOWS",
            ">MAX",
            ">KERNEL-DROPS/s",
            "DROPS/s")
        .rows(
            Tables.objects(rates, "fronts"),
            front ->
                new Object[] {
                  front.getString("front"),
                  perSecond(front, "requestsPerSecond"),
                  perSecond(front, "repliesPerSecond"),
                  perSecond(front, "newFlowsPerSecond"),
                  front.getLong("flows"),
                  front.getLong("maxFlows"),
                  perSecond(front, "kernelDropsPerSecond"),
                  Tables.reasons(front.getJsonObject("dropsPerSecond"))
                })
        .lines();
  }

  private static List<String> backends(JsonObject rates) {
    return new Table(
            "BACKEND",
            "STATE",
            ">SCORE",
            ">FLOWS",
            ">REQUESTS/s",
            ">REPLIES/s",
            ">LATENCY",
            "REASON")
        .rows(
            Tables.objects(rates, "backends"),
            backend ->
                new Object[] {
                  backend.getString("backend"),
                  backend.getString("state"),
                  backend.getLong("score"),
                  backend.getLong("flows"),
                  perSecond(backend, "requestsPerSecond"),
                  perSecond(backend, "repliesPerSecond"),
                  Units.millis(backend.getNumber("latencyMillis")),
                  backend.getString("reason")
                })
        .lines();
  }

  private static String perSecond(JsonObject object, String name) {
    return String.format(Locale.ROOT, "%.0f", object.getDouble(name));
  }
}
