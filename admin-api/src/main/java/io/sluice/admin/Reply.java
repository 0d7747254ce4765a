package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import java.util.Map;

/**
 * What goes back to the one who asked.
 *
 * @param headers beside Content-Type and those every reply has
 */
record Reply(int status, String contentType, Buffer body, Map<String, String> headers) {
  static Reply ok(JsonObject body) {
    return ok("application/json", body.toBuffer());
  }

  static Reply ok(String contentType, Buffer body) {
    return new Reply(HttpResponseStatus.OK.code(), contentType, body, Map.of());
  }

  Reply header(String name, String value) {
    return new Reply(status, contentType, body, Map.of(name, value));
  }
}
