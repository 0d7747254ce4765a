package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.function.BiPredicate;

/** Reads server-sent events (WHATWG HTML, section 9.2): of each its type and its data. */
final class ServerEvents {
  private ServerEvents() {}

  /**
   * Until the stream ends or {@code reader}, who gets type and data, has had enough.
   *
   * @return whether the reader had enough
   */
  static boolean read(InputStream stream, BiPredicate<String, JsonObject> reader)
      throws IOException {
    try (var lines = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
      String type = "message";
      var data = new StringBuilder();
      String line;
      while ((line = lines.readLine()) != null) {
        if (line.startsWith("event:")) {
          type = value(line);
        } else if (line.startsWith("data:")) {
          data.append(value(line)).append('\n');
        } else if (line.isEmpty()) {
          if (!data.isEmpty() && !reader.test(type, new JsonObject(data.toString()))) {
            return true;
          }
          type = "message";
          data.setLength(0);
        }
      }
      return false;
    }
  }

  private static String value(String line) {
    String value = line.substring(line.indexOf(':') + 1);
    return value.startsWith(" ") ? value.substring(1) : value;
  }
}
