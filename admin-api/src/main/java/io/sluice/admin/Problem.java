package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Refused;
import io.sluice.config.InvalidConfig;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  /** Content of a type that is not taken here; what is, also for machines: RFC 9110, 15.5.16. */
  static Problem mediaType(String method, String taken, String given) {
    return new Problem(
        HttpResponseStatus.UNSUPPORTED_MEDIA_TYPE,
        "content is to be " + taken + ", in UTF-8, not " + given,
        new JsonObject(),
        // RFC 5789, section 2.2
        method.equals("PATCH")
            ? Map.of("Accept", taken, "Accept-Patch", taken)
            : Map.of("Accept", taken));
  }

  /** What is to be changed is not what its author thinks. */
  static Problem changed(String condition, Optional<String> etag) {
    return new Problem(
        HttpResponseStatus.PRECONDITION_FAILED,
        condition
            + " does not hold: "
            + etag.map(is -> "the ETag is " + is + " now").orElse("there is nothing yet"),
        new JsonObject(),
        etag.map(is -> Map.of("ETag", is)).orElse(Map.of()));
  }

  /** It is right, but cannot be now. */
  static Problem refused(Refused why) {
    return of(HttpResponseStatus.CONFLICT, String.valueOf(why.getMessage()));
  }

  /** A configuration, or what it would become, is wrong. */
  static Problem invalid(InvalidConfig wrong) {
    var first = wrong.problems().getFirst();
    return invalid(first.path() + " " + first.message(), Views.mistakes(wrong.problems()));
  }

  /** The same of a property that cannot even be read. */
  static Problem invalid(String property, String message) {
    return invalid(
        property + " " + message,
        JsonArray.of(JsonObject.of("path", property, "message", message)));
  }

  private static Problem invalid(String first, JsonArray mistakes) {
    String others = mistakes.size() == 1 ? "" : "; " + (mistakes.size() - 1) + " more in problems";
    return new Problem(
        HttpResponseStatus.UNPROCESSABLE_ENTITY,
        "the configuration would be wrong: " + first + others,
        JsonObject.of("problems", mistakes),
        Map.of());
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
