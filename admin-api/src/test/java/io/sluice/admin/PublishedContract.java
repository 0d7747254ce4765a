package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.Yaml;

/** openapi.yaml as a client would read it; knows nothing of the server's own reading. */
final class PublishedContract {
  /** The description of the API promises these, or HTTP does. */
  private static final Set<String> EVERY_ANSWERS =
      Set.of(
          "Cache-Control",
          "Connection",
          "Content-Length",
          "Content-Security-Policy",
          "Content-Type",
          "Cross-Origin-Resource-Policy",
          "Referrer-Policy",
          "Transfer-Encoding",
          "X-Content-Type-Options",
          ":status");

  private final JsonObject document = document(Contract.load().yaml());

  static JsonObject document(String yaml) {
    return new JsonObject(new Yaml().<Map<String, Object>>load(yaml));
  }

  JsonObject document() {
    return document.copy();
  }

  /** Asserts that the contract promises this answer: status, headers, content type and content. */
  void check(String method, String path, Answer answer) {
    String what = method + " " + path + ": " + answer;
    JsonObject promised = response(method, path, answer.status());
    headers(what, promised.getJsonObject("headers", new JsonObject()), answer);
    JsonObject content = promised.getJsonObject("content");
    if (content == null) {
      assertThat(answer.body()).as(what).isEmpty();
      assertThat(answer.headers()).as(what).doesNotContainKeys("Content-Type", "Content-Length");
      return;
    }
    String type = answer.header("Content-Type").orElseThrow();
    JsonObject media = content.getJsonObject(type.replaceAll(";.*", ""));
    assertThat(media).as(what).isNotNull();
    if (method.equals("HEAD")) {
      assertThat(answer.body()).as(what).isEmpty();
    } else if (type.contains("json")) {
      fits(media.getJsonObject("schema"), answer.json());
      if (answer.status() >= 400) {
        assertThat(answer.json().getInteger("status")).as(what).isEqualTo(answer.status());
        assertThat(type).as(what).isEqualTo("application/problem+json");
      }
    }
  }

  private void headers(String what, JsonObject promised, Answer answer) {
    if (!promised.containsKey("Cache-Control")) {
      assertThat(answer.header("Cache-Control")).as(what).hasValue("no-store");
    }
    assertThat(answer.header("X-Content-Type-Options")).as(what).hasValue("nosniff");
    assertThat(answer.headers()).as(what).doesNotContainKey("Access-Control-Allow-Origin");
    Set<String> known = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    known.addAll(EVERY_ANSWERS);
    for (String name : promised.fieldNames()) {
      JsonObject header = resolve(promised.getJsonObject(name));
      Optional<String> value = answer.header(name);
      assertThat(value.isPresent() || !header.getBoolean("required", false))
          .as("%s in %s", name, what)
          .isTrue();
      value.ifPresent(
          text -> {
            JsonObject schema = header.getJsonObject("schema");
            boolean number = "integer".equals(schema.getString("type"));
            fits(schema, number ? (Object) Long.valueOf(text) : text);
          });
      known.add(name);
    }
    assertThat(known).as("promised are all of %s", what).containsAll(answer.headers().keySet());
  }

  private JsonObject response(String method, String path, int status) {
    Optional<JsonObject> operation = operation(method, path);
    if (operation.isPresent()) {
      JsonObject responses = operation.get().getJsonObject("responses");
      return resolve(
          responses.getJsonObject(Integer.toString(status), responses.getJsonObject("default")));
    }
    assertThat(status).as("%s %s is not in the contract", method, path).isGreaterThanOrEqualTo(400);
    return pointer("#/components/responses/Refused");
  }

  private Optional<JsonObject> operation(String method, String path) {
    JsonObject paths = document.getJsonObject("paths");
    String known = method.equals("HEAD") ? "get" : method.toLowerCase(Locale.ROOT);
    return new TreeSet<>(paths.fieldNames())
        .stream()
            .filter(
                template ->
                    path.replaceAll("\\?.*", "")
                        .matches(template.replaceAll("\\{[a-z]+}", "[^/]+")))
            .map(template -> paths.getJsonObject(template).getJsonObject(known))
            .filter(Objects::nonNull)
            .findFirst();
  }

  /** Whom it serves; what is not there is for nobody. */
  Optional<Access> access(String method, String path) {
    return operation(method, path)
        .map(operation -> operation.getJsonArray("security", document.getJsonArray("security")))
        .map(
            either ->
                either.isEmpty()
                    ? Access.ANYBODY
                    : Access.valueOf(
                        either
                            .getJsonObject(0)
                            .getJsonArray("bearer")
                            .getString(0)
                            .toUpperCase(Locale.ROOT)));
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
