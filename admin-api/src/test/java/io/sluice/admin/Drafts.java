package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.json.Json;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Right requests for every operation of the published contract, made up from its parameters,
 * schemas and examples; all by chance from a seed.
 */
final class Drafts {
  private final PublishedContract contract;
  private final Random random;
  private final Map<String, Supplier<?>> words;
  private final Map<String, Operation> operations = new TreeMap<>();

  private record Operation(
      String method, String path, List<JsonObject> parameters, JsonObject json) {
    private Operation {
      parameters = List.copyOf(parameters);
    }
  }

  /**
   * @param words what to say where a parameter, a property or a media type has that name: what the
   *     contract cannot know
   */
  Drafts(PublishedContract contract, Random random, Map<String, Supplier<?>> words) {
    this.contract = contract;
    this.random = random;
    this.words = words;
    for (Map.Entry<String, Object> path : contract.document().getJsonObject("paths")) {
      JsonObject item = (JsonObject) path.getValue();
      List<JsonObject> shared = resolved(item.getJsonArray("parameters"));
      item.remove("parameters");
      for (Map.Entry<String, Object> method : item) {
        JsonObject operation = (JsonObject) method.getValue();
        List<JsonObject> parameters = new ArrayList<>(shared);
        parameters.addAll(resolved(operation.getJsonArray("parameters")));
        operations.put(
            operation.getString("operationId"),
            new Operation(
                method.getKey().toUpperCase(Locale.ROOT), path.getKey(), parameters, operation));
      }
    }
  }

  private List<JsonObject> resolved(JsonArray parameters) {
    List<JsonObject> all = new ArrayList<>();
    for (Object each : Objects.requireNonNullElseGet(parameters, JsonArray::new)) {
      all.add(contract.resolve((JsonObject) each));
    }
    return all;
  }

  /** Operation ids. */
  List<String> operations() {
    return List.copyOf(operations.keySet());
  }

  /** A request that the operation must understand. */
  Draft right(String operationId) {
    Operation operation = Objects.requireNonNull(operations.get(operationId));
    Draft draft = new Draft(operationId, operation.method, operation.path);
    for (JsonObject parameter : operation.parameters) {
      String name = parameter.getString("name");
      Object value = value(name, parameter);
      if (value == null || !(parameter.getBoolean("required", false) || random.nextInt(3) == 0)) {
        continue;
      }
      switch (parameter.getString("in")) {
        case "path" -> draft.path = draft.path.replace("{" + name + "}", escaped(value.toString()));
        case "query" -> draft.query.add(name + "=" + escaped(value.toString()));
        default -> draft.header(name, value.toString());
      }
    }
    JsonObject body = operation.json.getJsonObject("requestBody");
    if (body != null) {
      JsonObject types = body.getJsonObject("content");
      draft.type = pick(List.copyOf(types.fieldNames()));
      draft.content = content(draft.type, types.getJsonObject(draft.type)).getBytes(UTF_8);
    }
    return draft;
  }

  /** Whether it may be refused for a while, as the contract says where that is so. */
  boolean mayBeBusy(String operationId) {
    Operation operation = Objects.requireNonNull(operations.get(operationId));
    return operation.json.getString("description").contains("answered with 503");
  }

  /** How much content the operation takes; 0: none. */
  int maxBytes(String operationId) {
    JsonObject body =
        Objects.requireNonNull(operations.get(operationId)).json.getJsonObject("requestBody");
    return body == null ? 0 : body.getInteger("x-max-bytes");
  }

  private String content(String type, JsonObject media) {
    if (words.containsKey(type)) {
      return words.get(type).get().toString();
    }
    JsonObject schema = contract.resolve(media.getJsonObject("schema"));
    if (!schema.containsKey("properties")) {
      return Json.encode(Objects.requireNonNull(words.get("anything")).get());
    }
    return Json.encode(object(schema, media.getJsonObject("example")));
  }

  private JsonObject object(JsonObject schema, JsonObject example) {
    JsonObject object = example.copy();
    for (Map.Entry<String, Object> property : schema.getJsonObject("properties")) {
      String name = property.getKey();
      boolean required = schema.getJsonArray("required", new JsonArray()).contains(name);
      JsonObject described =
          JsonObject.of("schema", contract.resolve((JsonObject) property.getValue()));
      if (example.containsKey(name)) {
        described.put("example", example.getValue(name));
      }
      object.put(name, value(name, described));
      if (!required && (object.getValue(name) == null || random.nextBoolean())) {
        object.remove(name);
      }
    }
    return object;
  }

  /**
   * @param described has a schema, perhaps an example
   * @return null where nobody knows what would be right
   */
  private @Nullable Object value(String name, JsonObject described) {
    JsonObject schema = contract.resolve(described.getJsonObject("schema"));
    if (words.containsKey(name)) {
      return Objects.requireNonNull(words.get(name)).get();
    }
    if (described.containsKey("examples")) {
      JsonObject examples = described.getJsonObject("examples");
      return examples.getJsonObject(pick(List.copyOf(examples.fieldNames()))).getValue("value");
    }
    Object type = schema.getValue("type");
    if (schema.containsKey("enum")) {
      return pick(schema.getJsonArray("enum").stream().toList());
    }
    if ("boolean".equals(type)) {
      return random.nextBoolean();
    }
    if ("integer".equals(type) && schema.containsKey("minimum")) {
      long min = schema.getLong("minimum");
      long max = schema.getLong("maximum", Long.MAX_VALUE / 10);
      return pick(List.of(min, max, random.nextLong(min, max)));
    }
    return described.getValue("example");
  }

  private <T> T pick(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  private static String escaped(String text) {
    return URLEncoder.encode(text, UTF_8).replace("+", "%20");
  }
}
