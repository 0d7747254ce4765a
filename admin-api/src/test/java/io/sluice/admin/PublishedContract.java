package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.net.http.HttpResponse;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.Yaml;

/** openapi.yaml as a client would read it; knows nothing of the server's own reading. */
final class PublishedContract {
  private final JsonObject document = document(Contract.load().yaml());

  static JsonObject document(String yaml) {
    return new JsonObject(new Yaml().<Map<String, Object>>load(yaml));
  }

  JsonObject document() {
    return document.copy();
  }

  /** Asserts that the contract promises this answer: status, content type and content. */
  void check(String method, String path, HttpResponse<String> response) {
    String type = response.headers().firstValue("Content-Type").orElseThrow();
    JsonObject promised = response(method, path, response.statusCode());
    JsonObject media = promised.getJsonObject("content").getJsonObject(type.replaceAll(";.*", ""));
    assertThat(media).as("%s %s %s: %s", method, path, response.statusCode(), type).isNotNull();
    for (String header : promised.getJsonObject("headers", new JsonObject()).fieldNames()) {
      assertThat(response.headers().firstValue(header)).as(header).isPresent();
    }
    if (method.equals("HEAD")) {
      assertThat(response.body()).isEmpty();
    } else if (type.contains("json")) {
      JsonObject body = new JsonObject(response.body());
      fits(media.getJsonObject("schema"), body);
      if (response.statusCode() >= 400) {
        assertThat(body.getInteger("status")).isEqualTo(response.statusCode());
        assertThat(type).isEqualTo("application/problem+json");
      }
    }
  }

  private JsonObject response(String method, String path, int status) {
    JsonObject paths = document.getJsonObject("paths");
    for (String template : new TreeSet<>(paths.fieldNames())) {
      if (path.replaceAll("\\?.*", "").matches(template.replaceAll("\\{[a-z]+}", "[^/]+"))) {
        String known = method.equals("HEAD") ? "GET" : method;
        JsonObject operation =
            paths.getJsonObject(template).getJsonObject(known.toLowerCase(Locale.ROOT));
        if (operation != null) {
          JsonObject responses = operation.getJsonObject("responses");
          return resolve(
              responses.getJsonObject(
                  Integer.toString(status), responses.getJsonObject("default")));
        }
      }
    }
    assertThat(status).as("%s %s is not in the contract", method, path).isGreaterThanOrEqualTo(400);
    return pointer("#/components/responses/Refused");
  }

  /** Asserts that {@code value} fits a schema of the document. */
  void fits(JsonObject schema, @Nullable Object value) {
    JsonObject whole =
        new JsonObject(schema.encode().replace("#/components/schemas/", "#/$defs/"))
            .put(
                "$defs",
                new JsonObject(
                    document
                        .getJsonObject("components")
                        .getJsonObject("schemas")
                        .encode()
                        .replace("#/components/schemas/", "#/$defs/")));
    OutputUnit verdict =
        Validator.create(
                JsonSchema.of(whole),
                new JsonSchemaOptions()
                    .setBaseUri("app://test")
                    .setDraft(Draft.DRAFT202012)
                    .setOutputFormat(OutputFormat.Basic))
            .validate(value);
    assertThat(verdict.getValid()).as("%s%n%s", value, verdict.toJson()).isTrue();
  }

  JsonObject resolve(JsonObject object) {
    String reference = object.getString("$ref");
    return reference == null ? object : pointer(reference);
  }

  private JsonObject pointer(String reference) {
    JsonObject at = document;
    for (String step : reference.substring(2).split("/", -1)) {
      at = Objects.requireNonNull(at.getJsonObject(step), reference);
    }
    return at;
  }
}
