package io.sluice.admin;

import static java.util.stream.Collectors.joining;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.json.schema.Draft;
import io.vertx.json.schema.JsonSchema;
import io.vertx.json.schema.JsonSchemaOptions;
import io.vertx.json.schema.OutputFormat;
import io.vertx.json.schema.OutputUnit;
import io.vertx.json.schema.Validator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What a JSON value must be like. Vert.x's validator decides; the words are ours, as its own name
 * neither the place nor, for most keywords, what is expected there, and blame properties that fit.
 */
final class Shape {
  /** So many misfits of one value are told, lest a refusal be longer than what is refused. */
  private static final int TOLD = 10;

  private static final Map<String, String> TYPES =
      Map.of(
          "integer", "a whole number",
          "number", "a number",
          "string", "text",
          "boolean", "true or false",
          "object", "an object",
          "array", "a list",
          "null", "null");

  private final JsonObject schema;
  private final Validator validator;

  /**
   * @param schema without references
   */
  Shape(JsonObject schema) {
    this.schema = schema;
    validator =
        Validator.create(
            JsonSchema.of(schema.copy()), // it annotates what it is given
            new JsonSchemaOptions()
                .setBaseUri("app://sluice")
                .setDraft(Draft.DRAFT202012)
                .setOutputFormat(OutputFormat.Basic));
  }

  /** Why a value does not fit: where in it, and what should be there; empty if it fits. */
  List<String> misfits(@Nullable Object value) {
    OutputUnit verdict = validator.validate(value);
    return Boolean.TRUE.equals(verdict.getValid())
        ? List.of()
        : verdict.getErrors().stream().flatMap(this::words).distinct().limit(TOLD).toList();
  }

  private Stream<String> words(OutputUnit error) {
    List<String> keywords = steps(error.getKeywordLocation());
    List<String> path = steps(error.getInstanceLocation());
    JsonObject within = schema;
    for (String step : keywords.subList(0, keywords.size() - 1)) {
      within = Objects.requireNonNullElse(within.getJsonObject(step), within);
    }
    String place = path.isEmpty() ? "" : String.join(".", path) + " ";
    String keyword = keywords.getLast();
    return switch (keyword) {
      case "properties", "items" -> Stream.empty(); // the part that does not fit has its own error
      case "additionalProperties" ->
          within.getJsonObject("properties").containsKey(path.getLast())
              ? Stream.empty()
              : Stream.of(place + "is unknown; known here are: " + known(within));
      default -> Stream.of(place + expected(within, keyword, error.getError()));
    };
  }

  private static String expected(JsonObject schema, String keyword, String otherwise) {
    return switch (keyword) {
      case "type", "minimum", "maximum" -> "must be " + types(schema) + range(schema);
      case "enum" -> "must be one of " + list(schema.getJsonArray("enum"));
      case "required" -> "must have " + list(schema.getJsonArray("required"));
      case "minLength" -> "must not be empty";
      case "maxLength" -> "must be at most " + schema.getValue("maxLength") + " characters long";
      case "pattern" -> "must match " + schema.getString("pattern");
      default -> otherwise;
    };
  }

  private static String types(JsonObject schema) {
    Object type = schema.getValue("type");
    JsonArray types = type instanceof JsonArray several ? several : JsonArray.of(type);
    return types.stream()
        .map(each -> TYPES.getOrDefault(each.toString(), each.toString()))
        .collect(joining(" or "));
  }

  private static String range(JsonObject schema) {
    Object least = schema.getValue("minimum");
    Object most = schema.getValue("maximum");
    if (least != null && most != null) {
      return " from " + least + " to " + most;
    }
    return least == null ? "" : ", at least " + least;
  }

  private static String known(JsonObject schema) {
    var names = schema.getJsonObject("properties").fieldNames();
    return names.isEmpty() ? "none" : String.join(", ", names);
  }

  private static String list(JsonArray words) {
    return words.stream().map(Object::toString).collect(joining(", "));
  }

  /** Of a JSON pointer as a URI's fragment. */
  private static List<String> steps(String pointer) {
    return Stream.of(pointer.split("/", -1))
        .skip(1)
        .map(step -> step.replace("~1", "/").replace("~0", "~"))
        .toList();
  }
}
