package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.vertx.core.MultiMap;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * What is served and what a request must look like: openapi.yaml, and nothing beside it.
 *
 * <p>Not Vert.x's OpenAPI router, because of the reader and validator it stands on (vertx-openapi
 * 5.0.10): parameters are decoded twice and read as JSON, so that a front named {@code 1.5} or
 * {@code 100%} cannot be asked for; unknown and repeated ones pass; {@code
 * application/problem+json} is refused; and its schemas are read through Vert.x's file cache, which
 * needs a writable directory.
 */
final class Contract {
  private static final Pattern INTEGER = Pattern.compile("-?[0-9]{1,18}");
  private static final Pattern NUMBER = Pattern.compile("[0-9]{1,9}([.][0-9]{1,9})?");
  private static final Set<String> METHODS =
      Set.of("get", "put", "post", "delete", "patch", "options", "head", "trace");

  /**
   * A request that fits: the operation, and its parameters by name, defaults filled in.
   *
   * @param access what it asks of whoever wants it
   * @param body what content it takes; null if none
   */
  record Call(
      String operationId, Access access, Map<String, Object> arguments, @Nullable Body body) {
    Optional<String> text(String name) {
      return Optional.ofNullable((String) arguments.get(name));
    }

    /** A parameter that is required or has a default. */
    <T> T get(String name, Class<T> type) {
      return type.cast(Objects.requireNonNull(arguments.get(name), name));
    }
  }

  private record Parameter(String name, JsonObject schema, Shape shape) {}

  /** Parameters by name, those of the path by their place in the template, as {@code {name}}. */
  private record Operation(
      String id,
      Access access,
      Map<String, Parameter> path,
      Map<String, Parameter> query,
      Map<String, Parameter> header,
      @Nullable Body body) {}

  /** A path template and its operations by upper-case method. */
  private record Resource(List<String> template, Map<String, Operation> operations) {}

  private final String yaml;
  private final JsonObject document;
  private final List<Resource> resources = new ArrayList<>();

  private Contract(String yaml) {
    this.yaml = yaml;
    this.document = parse(yaml);
    JsonObject paths = document.getJsonObject("paths");
    for (String path : new TreeSet<>(paths.fieldNames())) {
      resources.add(resource(path, paths.getJsonObject(path)));
    }
  }

  static Contract load() {
    try (InputStream in = Contract.class.getResourceAsStream("/openapi.yaml")) {
      return new Contract(
          new String(
              Objects.requireNonNull(in, "openapi.yaml").readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String yaml() {
    return yaml;
  }

  Set<String> operationIds() {
    Set<String> ids = new TreeSet<>();
    resources.forEach(r -> r.operations.values().forEach(operation -> ids.add(operation.id)));
    return ids;
  }

  /**
   * What the operation of a request asks of whoever wants it.
   *
   * @throws Problem when the contract has no such request
   */
  Access access(String method, String path) {
    return operation(method, resource(segments(path))).access;
  }

  /**
   * Finds the operation of a request and reads its parameters.
   *
   * @throws Problem when the contract has no such request
   */
  Call call(String method, String path, @Nullable String query, MultiMap headers) {
    List<String> segments = segments(path);
    Resource resource = resource(segments);
    Operation operation = operation(method, resource);
    Map<String, Object> arguments = new HashMap<>();
    for (int i = 0; i < segments.size(); i++) {
      Parameter parameter = operation.path.get(resource.template.get(i));
      if (parameter != null) {
        arguments.put(parameter.name, read(parameter, decode(parameter.name, segments.get(i))));
      }
    }
    readQuery(operation, query, arguments);
    readHeaders(operation, headers, arguments);
    return new Call(operation.id, operation.access, arguments, operation.body);
  }

  private static List<String> segments(String path) {
    return List.of(path.split("/", -1));
  }

  private Resource resource(List<String> segments) {
    return resources.stream()
        .filter(r -> matches(r.template, segments))
        .findFirst()
        .orElseThrow(
            () ->
                Problem.of(
                    HttpResponseStatus.NOT_FOUND,
                    "nothing is served here; what is, is written in /openapi.yaml"));
  }

  private static Operation operation(String method, Resource resource) {
    // RFC 9110, section 9.3.2: HEAD is GET without the content.
    Operation operation = resource.operations.get(method.equals("HEAD") ? "GET" : method);
    if (operation == null) {
      throw Problem.method(method, allow(resource));
    }
    return operation;
  }

  private static boolean matches(List<String> template, List<String> segments) {
    if (template.size() != segments.size()) {
      return false;
    }
    for (int i = 0; i < template.size(); i++) {
      boolean fits =
          template.get(i).startsWith("{")
              ? !segments.get(i).isEmpty()
              : template.get(i).equals(segments.get(i));
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  private static String allow(Resource resource) {
    Set<String> methods = new TreeSet<>(resource.operations.keySet());
    if (methods.contains("GET")) {
      methods.add("HEAD");
    }
    return String.join(", ", methods);
  }

  private static void readQuery(
      Operation operation, @Nullable String query, Map<String, Object> into) {
    Map<String, List<String>> given = query == null ? Map.of() : queryOf(query);
    given.forEach(
        (name, values) -> {
          Parameter parameter = operation.query.get(name);
          if (parameter == null) {
            throw Problem.parameter(
                name, "unknown; known here are: " + String.join(", ", operation.query.keySet()));
          }
          if (values.size() > 1) {
            throw Problem.parameter(name, "given " + values.size() + " times");
          }
          into.put(name, read(parameter, values.getFirst()));
        });
    for (Parameter parameter : operation.query.values()) {
      Object preset = parameter.schema.getValue("default");
      if (preset != null) {
        into.putIfAbsent(parameter.name, preset);
      }
    }
  }

  /**
   * Repeated fields are one list, RFC 9110, section 5.3; what is not in the contract is ignored.
   */
  private static void readHeaders(Operation operation, MultiMap given, Map<String, Object> into) {
    for (Parameter parameter : operation.header.values()) {
      List<String> values = given.getAll(parameter.name);
      if (!values.isEmpty()) {
        into.put(parameter.name, read(parameter, String.join(", ", values).strip()));
      }
    }
  }

  private static Map<String, List<String>> queryOf(String query) {
    try {
      return new QueryStringDecoder(query, StandardCharsets.UTF_8, false, Integer.MAX_VALUE, true)
          .parameters();
    } catch (IllegalArgumentException e) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "the query is not percent-encoded: " + query);
    }
  }

  /** Decodes a path segment, where, unlike in a query, '+' is itself. */
  private static String decode(String name, String segment) {
    try {
      return URLDecoder.decode(segment.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw Problem.parameter(name, "not percent-encoded: " + segment);
    }
  }

  private static Object read(Parameter parameter, String text) {
    Object value = value(parameter.schema.getString("type"), text);
    List<String> wrong = parameter.shape.misfits(value);
    if (!wrong.isEmpty()) {
      throw Problem.parameter(parameter.name, "'" + text + "' " + String.join(" and ", wrong));
    }
    return value;
  }

  /** Whatever is not what it should be stays text, and so does not fit. */
  private static Object value(@Nullable String type, String text) {
    if ("integer".equals(type) && INTEGER.matcher(text).matches()) {
      return Long.valueOf(text);
    }
    return "number".equals(type) && NUMBER.matcher(text).matches() ? Double.valueOf(text) : text;
  }

  private Resource resource(String path, JsonObject item) {
    Map<String, Operation> operations = new TreeMap<>();
    for (String method : item.fieldNames()) {
      if (METHODS.contains(method)) {
        JsonObject operation = item.getJsonObject(method);
        operations.put(
            method.toUpperCase(Locale.ROOT),
            operation(operation, item.getJsonArray("parameters", new JsonArray())));
      }
    }
    return new Resource(List.of(path.split("/", -1)), operations);
  }

  private Operation operation(JsonObject operation, JsonArray shared) {
    Map<String, Parameter> path = new TreeMap<>();
    Map<String, Parameter> query = new TreeMap<>();
    Map<String, Parameter> header = new TreeMap<>();
    JsonArray all = shared.copy().addAll(operation.getJsonArray("parameters", new JsonArray()));
    for (int i = 0; i < all.size(); i++) {
      JsonObject parameter = inlined(all.getJsonObject(i));
      String name = parameter.getString("name");
      JsonObject schema = parameter.getJsonObject("schema");
      Parameter read = new Parameter(name, schema, new Shape(schema));
      switch (parameter.getString("in")) {
        case "path" -> path.put("{" + name + "}", read);
        case "query" -> query.put(name, read);
        case "header" -> header.put(name, read);
        default -> throw new IllegalStateException("openapi.yaml: a parameter in " + parameter);
      }
    }
    JsonObject body = operation.getJsonObject("requestBody");
    return new Operation(
        operation.getString("operationId"),
        access(operation),
        path,
        query,
        header,
        body == null ? null : Body.of(inlined(body)));
  }

  /** Of the tokens' scheme; whoever comes by another is asked for the same. */
  private Access access(JsonObject operation) {
    JsonArray security =
        operation.getJsonArray("security", document.getJsonArray("security", new JsonArray()));
    return security.isEmpty()
        ? Access.ANYBODY
        : Access.valueOf(
            security.getJsonObject(0).getJsonArray("bearer").getString(0).toUpperCase(Locale.ROOT));
  }

  /** With what it refers to in place of every reference, as {@code #/components/schemas/Name}. */
  private JsonObject inlined(JsonObject object) {
    String reference = object.getString("$ref");
    if (reference != null) {
      JsonObject at = document;
      for (String step : reference.substring("#/".length()).split("/", -1)) {
        at = at.getJsonObject(step);
      }
      return inlined(at);
    }
    JsonObject whole = new JsonObject();
    for (String name : object.fieldNames()) {
      Object value = object.getValue(name);
      whole.put(name, value instanceof JsonObject part ? inlined(part) : value);
    }
    return whole;
  }

  private static JsonObject parse(String yaml) {
    Map<String, Object> root = new Yaml(new SafeConstructor(new LoaderOptions())).load(yaml);
    return new JsonObject(root);
  }
}
