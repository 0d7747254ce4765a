package io.sluice.discovery;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A JSON object that others have written: whatever is not there, or of another type, is absent.
 *
 * @param fields objects, lists, text, numbers, flags and null
 */
record Json(Map<String, @Nullable Object> fields) {
  static final Json NONE = new Json(Map.of());
  private static final JsonFactory FACTORY = new JsonFactory();

  /**
   * @throws IOException when it is no JSON, or no object, or nested too deeply
   */
  static Json parse(String text) throws IOException {
    try (JsonParser in = FACTORY.createParser(text)) {
      in.nextToken();
      return of(value(in));
    }
  }

  private static @Nullable Object value(JsonParser in) throws IOException {
    JsonToken token = in.currentToken();
    return switch (token) {
      case START_OBJECT -> {
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        while (in.nextToken() == JsonToken.FIELD_NAME) {
          String key = in.currentName();
          in.nextToken();
          object.put(key, value(in));
        }
        yield object;
      }
      case START_ARRAY -> {
        List<@Nullable Object> array = new ArrayList<>();
        while (in.nextToken() != JsonToken.END_ARRAY) {
          array.add(value(in));
        }
        yield array;
      }
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> in.getNumberValue();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case VALUE_STRING -> in.getText();
      case null, default -> throw new IOException("is no JSON: it ends too early");
    };
  }

  @SuppressWarnings("unchecked") // an object has keys of text
  private static Json of(@Nullable Object value) {
    return value instanceof Map ? new Json((Map<String, @Nullable Object>) value) : NONE;
  }

  Json object(String key) {
    return of(fields.get(key));
  }

  Stream<Json> objects(String key) {
    return list(key).map(Json::of);
  }

  Stream<String> texts(String key) {
    return list(key).filter(String.class::isInstance).map(String.class::cast);
  }

  private Stream<@Nullable Object> list(String key) {
    return fields.get(key) instanceof List<?> list ? list.stream().map(each -> each) : Stream.of();
  }

  Optional<String> text(String key) {
    return fields.get(key) instanceof String text ? Optional.of(text) : Optional.empty();
  }

  Optional<Integer> number(String key) {
    return fields.get(key) instanceof Number number
        ? Optional.of(number.intValue())
        : Optional.empty();
  }

  /** A flag, of which nothing is said otherwise. */
  boolean flag(String key, boolean otherwise) {
    return fields.get(key) instanceof Boolean flag ? flag : otherwise;
  }
}
