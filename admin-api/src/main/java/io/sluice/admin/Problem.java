package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A request refused: RFC 9457 problem details, thrown where the fault is seen. */
final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient HttpResponseStatus status;
  private final transient JsonObject extension;
  private final transient Map<String, String> headers;

  private Problem(
      HttpResponseStatus status, String detail, JsonObject extension, Map<String, String> headers) {
    super(detail, null, false, false); // an answer, not a fault of ours: nobody reads its stack
    this.status = status;
    this.extension = extension;
    this.headers = headers;
  }

  static Problem of(HttpResponseStatus status, String detail) {
    return new Problem(status, detail, new JsonObject(), Map.of());
  }

  /** The same with a header beside those it has. */
  Problem header(String name, String value) {
    Map<String, String> more = new HashMap<>(headers);
    more.put(name, value);
    return new Problem(status, String.valueOf(getMessage()), extension, Map.copyOf(more));
  }

  int status() {
    return status.code();
  }

  /** A path or query parameter does not fit. */
  static Problem parameter(String name, String detail) {
    return new Problem(
        HttpResponseStatus.BAD_REQUEST,
        "parameter '" + name + "': " + detail,
        JsonObject.of("parameter", name),
        Map.of());
  }

  static Problem method(String method, String allow) {
    return new Problem(
        HttpResponseStatus.METHOD_NOT_ALLOWED,
        method + " is not served here, only " + allow,
        new JsonObject(),
        Map.of("Allow", allow));
  }

  /** There is nothing of that name. */
  static Problem unknown(String kind, String name, List<String> existing) {
    return new Problem(
        HttpResponseStatus.NOT_FOUND,
        noSuch(kind, name, existing),
        JsonObject.of("existing", new JsonArray(existing)),
        Map.of());
  }

  static String noSuch(String kind, String name, List<String> existing) {
    String names =
        existing.isEmpty()
            ? "none"
            : existing.stream().collect(Collectors.joining("', '", "'", "'"));
    return "no " + kind + " '" + name + "'; there are: " + names;
  }

  /**
   * Returns what the client sees.
   *
   * @param path the path asked for, if it could be read
   */
  Reply reply(@Nullable String path) {
    JsonObject body =
        JsonObject.of(
            "type", "about:blank",
            "title", status.reasonPhrase(),
            "status", status.code(),
            "detail", getMessage());
    if (path != null) {
      body.put("instance", path);
    }
    return new Reply(
        status.code(), "application/problem+json", body.mergeIn(extension).toBuffer(), headers);
  }
}
