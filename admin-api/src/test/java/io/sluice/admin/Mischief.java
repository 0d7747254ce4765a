package io.sluice.admin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/** Makes a right request wrong, in one way of many; all by chance from a seed. */
final class Mischief {
  private static final List<String> TEXTS =
      List.of(
          "",
          "%",
          "%zz",
          "%00",
          "%2e%2e",
          "..",
          ".",
          "%2F",
          "a%2Fb",
          "%c0%af",
          "%ff%fe",
          "%F0%9F%92%A9",
          "\u00e9",
          "<script>",
          "'; --",
          "${jndi:x}",
          "*",
          "~",
          "-1",
          "0",
          "1.5",
          "NaN",
          "null",
          "true",
          "1e999",
          "2147483648",
          "9223372036854775807",
          "9223372036854775808",
          "99999999999999999999",
          "x".repeat(255),
          "x".repeat(256),
          "x".repeat(3_000));
  private static final List<Object> VALUES =
      List.of(
          "",
          "x",
          "\u0000",
          "\ud83d\udca9",
          "null",
          "x".repeat(300),
          -1,
          0,
          1,
          1.5,
          1e300,
          Integer.MAX_VALUE,
          Integer.MIN_VALUE,
          Long.MAX_VALUE,
          true,
          false,
          new JsonArray(),
          new JsonObject(),
          JsonArray.of(1, "x"),
          JsonObject.of("x", 1),
          new JsonArray().addNull());
  private static final List<String> METHODS =
      List.of(
          "GET",
          "HEAD",
          "POST",
          "PUT",
          "PATCH",
          "DELETE",
          "OPTIONS",
          "TRACE",
          "PROPFIND",
          "get",
          "X".repeat(100));
  private static final List<String> TYPES =
      List.of(
          "",
          "application/json",
          "application/hocon",
          "application/merge-patch+json",
          "application/json; charset=utf-16",
          "application/json;charset=\"UTF-8\"",
          "text/plain",
          "multipart/form-data; boundary=x",
          "json",
          ";",
          "a/b/c",
          "application/x-www-form-urlencoded",
          "application/json, text/plain");
  private static final List<String> HEADERS =
      List.of(
          "Host: attacker.example",
          "Host:",
          "Host: localhost:99999999",
          "Content-Encoding: gzip",
          "Accept: image/png",
          "Accept: application/openmetrics-text",
          "If-Match: x",
          "If-Match: \"",
          "If-Match: *, *",
          "If-None-Match: W/",
          "If-Match: \"0000000000000000\"",
          "If-Match: " + "\"\",".repeat(2_000) + "\"\"",
          "Last-Event-ID: x",
          "Last-Event-ID: -1",
          "Range: bytes=0-1",
          "Origin: http://attacker.example",
          "Cookie: a=b",
          "X-HTTP-Method-Override: DELETE",
          "Expect: 100-continue",
          "Upgrade: websocket",
          "X: " + "x".repeat(7_000),
          "X: " + "x".repeat(9_000));
  private static final List<String> FRAMES =
      List.of(
          "Content-Length: -1",
          "Content-Length: 99999999999999999999",
          "Content-Length: 1x",
          "Content-Length: 1000000000",
          "Content-Length: 1\r\nContent-Length: 2",
          "Transfer-Encoding: chunked",
          "Transfer-Encoding: x",
          "Content-Length: 5\r\nTransfer-Encoding: chunked",
          "Expect: x",
          "X : y",
          "no colon",
          ": empty",
          " folded");

  private static final List<List<String>> STRANGERS =
      List.of(
          List.of(),
          List.of("Authorization: "),
          List.of("Authorization: Bearer"),
          List.of("Authorization: Bearer x"),
          List.of("Authorization: Bearer " + "x".repeat(4_000)),
          List.of("Authorization: Bearer ' OR 1=1"),
          List.of("Authorization: Basic b3BzOm9wcw=="),
          List.of("Authorization: Bearer x", "Authorization: Bearer y"),
          List.of("Cookie: token=x"));

  private final Random random;
  private final List<Consumer<Draft>> ways =
      List.of(
          this::method,
          this::path,
          this::path,
          this::query,
          this::query,
          this::header,
          this::header,
          this::type,
          this::json,
          this::json,
          this::json,
          this::json,
          this::text,
          this::text,
          this::missing,
          this::uninvited,
          this::large,
          this::frame,
          this::token,
          this::noise);

  Mischief(Random random) {
    this.random = random;
  }

  /**
   * @param maxBytes of content that its operation takes
   */
  void spoil(Draft draft, int maxBytes) {
    if (draft.content != null && maxBytes > 0 && random.nextInt(40) == 0) {
      draft.content = Arrays.copyOf(draft.content, maxBytes + 1 + random.nextInt(100));
      Arrays.fill(draft.content, (byte) ' ');
      return;
    }
    pick(ways).accept(draft);
  }

  private void method(Draft draft) {
    draft.method = pick(METHODS);
  }

  private void path(Draft draft) {
    String[] segments = draft.path.split("/", -1);
    segments[1 + random.nextInt(segments.length - 1)] = pick(TEXTS);
    draft.path =
        switch (random.nextInt(6)) {
          case 0 -> draft.path + "/" + pick(TEXTS);
          case 1 -> "/v1/.." + draft.path;
          case 2 -> "/" + draft.path;
          case 3 -> draft.path.toUpperCase(java.util.Locale.ROOT);
          default -> String.join("/", segments);
        };
  }

  private void query(Draft draft) {
    if (!draft.query.isEmpty() && random.nextBoolean()) {
      int at = random.nextInt(draft.query.size());
      String name = draft.query.get(at).replaceAll("=.*", "");
      if (random.nextBoolean()) {
        draft.query.add(draft.query.get(at));
      } else {
        draft.query.set(at, name + "=" + pick(TEXTS));
      }
    } else {
      draft.query.add(
          pick(
              List.of(
                  "x=1",
                  "=",
                  "&",
                  "limit",
                  "%=%",
                  "limit=" + pick(TEXTS),
                  "after=" + pick(TEXTS))));
    }
  }

  private void header(Draft draft) {
    String line = pick(HEADERS);
    int colon = line.indexOf(':');
    if (random.nextInt(4) == 0) {
      draft.headers.add(line);
    } else {
      draft.header(line.substring(0, colon), line.substring(colon + 1).strip());
    }
  }

  private void type(Draft draft) {
    draft.type = pick(TYPES);
  }

  /**
   * One value of JSON content, somewhere in it, is another; of a whole configuration, no secret
   * part of it.
   */
  private void json(Draft draft) {
    if (draft.content == null || !draft.type.endsWith("json")) {
      text(draft);
      return;
    }
    JsonObject object;
    try {
      object = new JsonObject(new String(draft.content, UTF_8));
    } catch (DecodeException e) {
      return; // that is wrong already
    }
    List<String> names = new ArrayList<>(object.fieldNames());
    String name = names.isEmpty() || draft.operation.equals("putConfig") ? "x" : pick(names);
    switch (random.nextInt(4)) {
      case 0 -> object.remove(name);
      case 1 -> object.putNull(name);
      case 2 -> object.put(pick(List.of("x", "", "__proto__", "\u0000", "a.b")), pick(VALUES));
      default -> object.put(name, pick(VALUES));
    }
    draft.content = object.encode().getBytes(UTF_8);
  }

  /** Content that is no JSON, or no text, any more. */
  private void text(Draft draft) {
    if (draft.content == null) {
      query(draft);
      return;
    }
    String text = new String(draft.content, UTF_8);
    draft.content =
        switch (random.nextInt(10)) {
          case 0 -> "[".repeat(4_000).getBytes(UTF_8);
          case 1 -> "{\"a\":".repeat(700).getBytes(UTF_8);
          case 2 -> text.replaceFirst("\\{", "{\"x\":1,\"x\":2,").getBytes(UTF_8);
          case 3 -> (text + "}").getBytes(UTF_8);
          case 4 -> text.substring(0, random.nextInt(1 + text.length())).getBytes(UTF_8);
          case 5 -> text.getBytes(UTF_16);
          case 6 -> (text + "\u00e9").getBytes(ISO_8859_1);
          case 7 -> ("\ufeff" + text).getBytes(UTF_8);
          case 8 -> "a = ${b}${b}, b = ${c}${c}, c = ${a}".getBytes(UTF_8);
          default -> {
            byte[] noise = new byte[1 + random.nextInt(200)];
            random.nextBytes(noise);
            yield noise;
          }
        };
  }

  private void missing(Draft draft) {
    if (draft.content == null) {
      draft.headers.removeIf(line -> line.startsWith("Host"));
    } else if (random.nextBoolean()) {
      draft.content = null;
    } else {
      draft.content = new byte[0];
    }
  }

  private void uninvited(Draft draft) {
    if (draft.content == null) {
      draft.type = "application/json";
      draft.content = "{}".getBytes(UTF_8);
    } else {
      draft.query.add("x=" + pick(TEXTS));
    }
  }

  private void large(Draft draft) {
    switch (random.nextInt(3)) {
      case 0 -> draft.path += "/" + "x".repeat(5_000);
      case 1 -> draft.query.add("x=" + "y".repeat(5_000));
      default -> {
        for (int i = 0; i < 200; i++) {
          draft.headers.add("X-" + i + ": " + "x".repeat(50));
        }
      }
    }
  }

  /** Who knows where this request ends. */
  private void frame(Draft draft) {
    draft.intact = false;
    draft.headers.add(random.nextInt(draft.headers.size() + 1), pick(FRAMES));
  }

  private void token(Draft draft) {
    draft.role = null;
    draft.headers.removeIf(line -> line.startsWith("Authorization:"));
    draft.headers.addAll(pick(STRANGERS));
  }

  /** Bytes before the content are others. */
  private void noise(Draft draft) {
    draft.intact = false;
    int at = random.nextInt(draft.headers.size());
    byte[] line = draft.headers.get(at).getBytes(ISO_8859_1);
    for (int i = 0; i <= random.nextInt(4); i++) {
      line[random.nextInt(line.length)] = (byte) random.nextInt();
    }
    draft.headers.set(at, new String(line, ISO_8859_1));
    if (random.nextBoolean()) {
      draft.method = draft.method.replace('E', (char) random.nextInt(256));
    }
  }

  private <T> T pick(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }
}
