package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What goes back to the one who asked.
 *
 * @param contentType null where there is no content
 * @param headers beside Content-Type and those every reply has
 * @param stream writes what follows for as long as the client listens; null where the body is all
 */
record Reply(
    int status,
    @Nullable String contentType,
    Buffer body,
    Map<String, String> headers,
    @Nullable Consumer<HttpServerResponse> stream) {
  Reply(int status, String contentType, Buffer body, Map<String, String> headers) {
    this(status, contentType, body, headers, null);
  }

  static Reply stream(String contentType, Consumer<HttpServerResponse> stream) {
    return new Reply(HttpResponseStatus.OK.code(), contentType, Buffer.buffer(), Map.of(), stream);
  }

  static Reply done() {
    return new Reply(HttpResponseStatus.NO_CONTENT.code(), null, Buffer.buffer(), Map.of(), null);
  }

  static Reply created(JsonObject body, String location) {
    return new Reply(
        HttpResponseStatus.CREATED.code(),
        "application/json",
        body.toBuffer(),
        Map.of("Location", location));
  }

  static Reply ok(JsonObject body) {
    return ok("application/json", body.toBuffer());
  }

  static Reply ok(String contentType, Buffer body) {
    return new Reply(HttpResponseStatus.OK.code(), contentType, body, Map.of());
  }

  Reply header(String name, String value) {
    Map<String, String> more = new TreeMap<>(headers);
    more.put(name, value);
    return new Reply(status, contentType, body, more, stream);
  }
}
