package io.sluice.ctl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What the API says, for people's eyes. */
final class Tables {
  private Tables() {}

  static List<String> status(JsonObject status) {
    return new Table("", "")
            .row("version", status.getString("version"))
            .row("phase", status.getString("phase"))
            .row("up for", uptime(status))
            .row("transport", status.getString("transport"))
            .row("java", status.getString("java"))
            .row("netty", status.getString("netty"))
            .row("workers", status.getLong("workers"))
            .row("flows", status.getLong("flows"))
            .row("fds", status.getLong("fdsOpen") + " of " + status.getLong("fdsMax"))
            .lines()
            .stream()
            .skip(1)
            .toList();
  }

  static String uptime(JsonObject status) {
    return Units.text(Duration.ofSeconds(status.getDouble("uptimeSeconds", 0.0).longValue()));
  }

  static List<String> fronts(JsonObject answer) {
    return new Table(
            "FRONT", "LISTEN", "POOL", ">FLOWS", ">ASSURED", ">MAX", ">OPENED", ">KERNEL-DROPS")
        .rows(
            objects(answer, "fronts"),
            front ->
                new Object[] {
                  front.getString("name"),
                  front.getJsonArray("listen").stream()
                      .map(String::valueOf)
                      .collect(Collectors.joining(",")),
                  front.getString("pool"),
                  front.getLong("flows"),
                  front.getLong("assuredFlows"),
                  front.getLong("maxFlows"),
                  front.getLong("flowsOpened"),
                  front.getLong("kernelDrops")
                })
        .lines();
  }

  static List<String> pools(JsonObject answer, Instant now) {
    Table table =
        new Table(
            "BACKEND",
            "ADDRESS",
            ">WEIGHT",
            "STATE",
            ">FOR",
            ">SCORE",
            ">FLOWS",
            ">LATENCY",
            ">REQUESTS",
            ">REPLIES",
            ">EJECTIONS",
            "REASON");
    for (JsonObject pool : objects(answer, "pools")) {
      table.rows(
          objects(pool, "backends"),
          backend ->
              new Object[] {
                pool.getString("name") + "/" + backend.getString("name"),
                backend.getString("address"),
                backend.getLong("weight"),
                state(backend),
                Units.age(backend.getString("since"), now),
                backend.getLong("score"),
                backend.getLong("flows"),
                Units.millis(backend.getNumber("latencyMillis")),
                backend.getLong("requests"),
                backend.getLong("replies"),
                backend.getLong("ejections"),
                backend.getString("reason")
              });
      table.rows(
          objects(pool, "leaving"),
          backend ->
              new Object[] {
                pool.getString("name") + "/" + backend.getString("name"),
                backend.getString("address"),
                "",
                backend.getString("state"),
                "",
                "",
                backend.getLong("flows"),
                "",
                "",
                "",
                "",
                "removed: its flows move with their next datagrams"
              });
    }
    return Stream.concat(table.lines().stream(), Found.lines(answer, now).stream()).toList();
  }

  /** A backend may be drained in whatever state. */
  static String state(JsonObject backend) {
    String state = backend.getString("state");
    return backend.containsKey("draining") && !"DRAINING".equals(state)
        ? state + ",DRAINING"
        : state;
  }

  static List<String> flows(JsonObject page) {
    return new Table(
            ">ID",
            "FRONT",
            "CLIENT",
            "LOCAL",
            "BACKEND",
            ">WORKER",
            "ASSURED",
            ">IDLE",
            ">REQUESTS",
            ">REPLIES",
            ">REQUEST-BYTES",
            ">REPLY-BYTES")
        .rows(
            objects(page, "flows"),
            flow ->
                new Object[] {
                  flow.getString("id"),
                  flow.getString("front"),
                  flow.getString("client"),
                  flow.getString("local"),
                  flow.getString("pool") + "/" + flow.getString("backend"),
                  flow.getLong("worker"),
                  yes(flow, "assured"),
                  Units.text(Duration.ofSeconds(flow.getDouble("idleSeconds").longValue())),
                  flow.getLong("requests"),
                  flow.getLong("replies"),
                  flow.getLong("requestBytes"),
                  flow.getLong("replyBytes")
                })
        .lines();
  }

  static List<String> drops(JsonObject answer) {
    Table table =
        new Table(
            "FRONT", "DIRECTION", ">RECEIVED", ">FORWARDED", ">PENDING", ">DROPPED", "REASONS");
    for (JsonObject front : objects(answer, "fronts")) {
      table.rows(
          List.of("request", "reply"),
          direction -> {
            JsonObject side = front.getJsonObject(direction);
            JsonObject dropped = side.getJsonObject("dropped");
            return new Object[] {
              front.getString("front"),
              direction,
              side.getLong("received"),
              side.getLong("forwarded"),
              side.getLong("pending"),
              dropped.stream().mapToLong(each -> ((Number) each.getValue()).longValue()).sum(),
              reasons(dropped)
            };
          });
    }
    return table.lines();
  }

  /** Those that came up, the most frequent first. */
  static String reasons(JsonObject dropped) {
    return dropped.stream()
        .map(each -> Map.entry(each.getKey(), ((Number) each.getValue()).doubleValue()))
        .filter(each -> each.getValue() > 0)
        .sorted(
            Map.Entry.<String, Double>comparingByValue()
                .reversed()
                .thenComparing(Map.Entry::getKey))
        .map(each -> each.getKey() + " " + Math.round(each.getValue()))
        .collect(Collectors.joining(", "));
  }

  static List<String> workers(JsonObject answer) {
    List<String> table =
        new Table(">WORKER", "ACTIVE", ">LISTENERS", ">FLOWS", ">UTILISATION")
            .rows(
                objects(answer, "workers"),
                worker ->
                    new Object[] {
                      worker.getLong("index"),
                      yes(worker, "active"),
                      worker.getLong("listeners"),
                      worker.getLong("flows"),
                      Units.percent(worker.getNumber("utilisation"))
                    })
            .lines();
    String summary =
        "%d active of %d to %d, %s"
            .formatted(
                answer.getLong("count"),
                answer.getLong("min"),
                answer.getLong("max"),
                answer.getString("scaling"));
    return Stream.concat(Stream.of(summary), table.stream()).toList();
  }

  static List<String> explanation(JsonObject answer) {
    List<String> steps =
        new Table("STEP", "VERDICT", "WHY")
            .rows(
                objects(answer, "steps"),
                step ->
                    new Object[] {
                      step.getString("step"), step.getString("verdict"), step.getString("why")
                    })
            .lines();
    String outcome =
        Stream.of(
                answer.getString("outcome"),
                answer.getString("reason"),
                answer.containsKey("backend")
                    ? answer.getString("pool") + "/" + answer.getString("backend")
                    : null)
            .filter(word -> word != null)
            .collect(Collectors.joining(" "));
    return Stream.concat(steps.stream(), Stream.of(Table.printable(outcome))).toList();
  }

  static String event(JsonObject event, String kind) {
    return Table.printable(
        "%s  %-9s  %s  %s: %s"
            .formatted(
                event.getString("at"),
                kind,
                event.getString("subject", ""),
                event.getString("what", ""),
                event.getString("why", "")));
  }

  static List<JsonObject> objects(JsonObject answer, String name) {
    JsonArray array = answer.getJsonArray(name, new JsonArray());
    return array.stream().map(JsonObject.class::cast).toList();
  }

  private static String yes(JsonObject object, String name) {
    return Boolean.TRUE.equals(object.getBoolean(name)) ? "yes" : "no";
  }
}
