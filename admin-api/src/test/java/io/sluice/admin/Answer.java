package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * An HTTP response, however it was had.
 *
 * @param headers by name, of whatever case
 */
record Answer(int status, Map<String, List<String>> headers, String body) {
  static Answer of(HttpResponse<String> response) {
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    headers.putAll(response.headers().map());
    return new Answer(response.statusCode(), headers, response.body());
  }

  /**
   * Reads one response and nothing behind it; of a stream without end, the head.
   *
   * @param method it answers
   */
  static Answer read(String method, InputStream in) throws IOException {
    String[] line = line(in).split(" ", 3);
    assertThat(line[0]).isIn("HTTP/1.1", "HTTP/1.0");
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String field = line(in); !field.isEmpty(); field = line(in)) {
      String[] parts = field.split(": *", 2);
      headers.computeIfAbsent(parts[0], name -> new ArrayList<>()).add(parts[1]);
    }
    int status = Integer.parseInt(line[1]);
    if (status < 200) {
      return read(method, in); // leave to go on
    }
    byte[] body = {};
    if (!method.equals("HEAD") && headers.containsKey("Content-Length")) {
      int length = Integer.parseInt(headers.get("Content-Length").getFirst());
      body = in.readNBytes(length);
      assertThat(body).hasSize(length);
    }
    return new Answer(status, headers, new String(body, StandardCharsets.UTF_8));
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int octet = in.read(); octet != '\n'; octet = in.read()) {
      if (octet < 0) {
        throw new EOFException("the server has hung up");
      }
      line.write(octet);
    }
    return line.toString(StandardCharsets.UTF_8).stripTrailing();
  }

  Optional<String> header(String name) {
    return Optional.ofNullable(headers.get(name)).map(List::getFirst);
  }

  JsonObject json() {
    return new JsonObject(body);
  }
}
