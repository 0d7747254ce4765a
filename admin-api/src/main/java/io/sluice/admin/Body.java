package io.sluice.admin;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import io.vertx.core.json.jackson.JacksonCodec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What content an operation takes.
 *
 * @param byType what it must be like, by media type
 */
record Body(int maxBytes, Map<String, Shape> byType) {
  /**
   * Content that fits.
   *
   * @param json what is said in JSON, an object as all JSON here is; empty if it is another type
   */
  record Content(String type, String text, JsonObject json) {
    static final Content NONE = new Content("", "", new JsonObject());
  }

  private static final JsonFactory STRICT =
      new JsonFactoryBuilder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).build())
          .build();

  /** Of a {@code requestBody} without references. */
  static Body of(JsonObject requestBody) {
    Map<String, Shape> byType = new TreeMap<>();
    JsonObject content = requestBody.getJsonObject("content");
    for (String type : content.fieldNames()) {
      byType.put(type, new Shape(content.getJsonObject(type).getJsonObject("schema")));
    }
    return new Body(requestBody.getInteger("x-max-bytes"), byType);
  }

  /**
   * Returns the type of a request's content.
   *
   * @throws Problem when it is none of these; a web page must ask us before it may send any of them
   */
  String typeOf(HttpServerRequest request) {
    String said = Objects.requireNonNullElse(request.getHeader(HttpHeaders.CONTENT_TYPE), "");
    String type = String.valueOf(HttpUtil.getMimeType(said)).strip().toLowerCase(Locale.ROOT);
    boolean utf8 = HttpUtil.getCharset(said, StandardCharsets.UTF_8).equals(StandardCharsets.UTF_8);
    String encoding = request.getHeader(HttpHeaders.CONTENT_ENCODING);
    if (!byType.containsKey(type) || !utf8 || encoding != null) {
      String given = said.isEmpty() ? "of no type" : said;
      throw Problem.mediaType(
          request.method().name(), types(), encoding == null ? given : "encoded as " + encoding);
    }
    return type;
  }

  String types() {
    return String.join(", ", byType.keySet());
  }

  /**
   * Reads content.
   *
   * @throws Problem when it does not fit
   */
  Content read(String type, Buffer bytes) {
    String text = text(bytes);
    if (!type.endsWith("json")) {
      return new Content(type, text, new JsonObject());
    }
    Object value = json(text);
    List<String> wrong = Objects.requireNonNull(byType.get(type)).misfits(value);
    if (!wrong.isEmpty()) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "the content does not fit: " + String.join("; ", wrong));
    }
    return new Content(type, text, (JsonObject) Objects.requireNonNull(value));
  }

  private static String text(Buffer bytes) {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes.getBytes()))
          .toString();
    } catch (CharacterCodingException e) {
      throw Problem.of(HttpResponseStatus.BAD_REQUEST, "the content is not UTF-8");
    }
  }

  private static @Nullable Object json(String text) {
    try (JsonParser parser = STRICT.createParser(text)) {
      return JacksonCodec.fromParser(parser, Object.class);
    } catch (DecodeException | IOException e) {
      throw Problem.of(HttpResponseStatus.BAD_REQUEST, "the content is no JSON: " + why(e));
    }
  }

  /** Jackson's first line; the others are about its own classes and settings. */
  private static String why(Exception e) {
    String message = String.valueOf((e.getCause() == null ? e : e.getCause()).getMessage());
    return message.lines().findFirst().orElse("").replaceAll(" \\(.*", "");
  }
}
