package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.time.Instant;
import java.util.List;

/** What pools say of the backends they find, a line each. */
final class Found {
  private Found() {}

  static List<String> lines(JsonObject answer, Instant now) {
    return Tables.objects(answer, "pools").stream()
        .filter(pool -> pool.containsKey("discovery"))
        .map(pool -> line(pool.getString("name"), pool.getJsonObject("discovery"), now))
        .map(Table::printable)
        .toList();
  }

  private static String line(String pool, JsonObject discovery, Instant now) {
    String foundAt = discovery.getString("foundAt");
    String error = discovery.getString("error");
    return "%s: %s %s: %s%s"
        .formatted(
            pool,
            discovery.getString("kind"),
            discovery.getString("wanted"),
            foundAt == null
                ? "nothing found yet"
                : discovery.getLong("found") + " found, last " + Units.age(foundAt, now) + " ago",
            error == null ? "" : "; failing: " + error);
  }
}
