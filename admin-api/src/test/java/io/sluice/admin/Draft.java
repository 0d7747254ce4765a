package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.sluice.config.SluiceConfig.Role;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An HTTP request before it is sent: right or wrong, it is put on the wire as it is. */
final class Draft {
  final String operation;
  String method;
  String path;
  final List<String> query = new ArrayList<>();
  final List<String> headers = new ArrayList<>(List.of("Host: localhost", "Connection: close"));
  String type = "";
  byte @Nullable [] content;

  /** Of whoever asks; null if they show no token that anybody has. */
  @Nullable Role role;

  /** Whether the contract says how it is to be answered: else it is no HTTP at all, perhaps. */
  boolean intact = true;

  Draft(String operation, String method, String path) {
    this.operation = operation;
    this.method = method;
    this.path = path;
  }

  void header(String name, String value) {
    headers.removeIf(line -> line.regionMatches(true, 0, name + ":", 0, name.length() + 1));
    headers.add(name + ": " + value);
  }

  void by(Role caller, String token) {
    role = caller;
    header("Authorization", "Bearer " + token);
  }

  String target() {
    return query.isEmpty() ? path : path + "?" + String.join("&", query);
  }

  byte[] bytes() {
    var head = new StringBuilder(method + " " + target() + " HTTP/1.1\r\n");
    headers.forEach(line -> head.append(line).append("\r\n"));
    if (content != null && !type.isEmpty()) {
      head.append("Content-Type: ").append(type).append("\r\n");
    }
    if (content != null && headers.stream().noneMatch(Draft::saysLength)) {
      head.append("Content-Length: ").append(content.length).append("\r\n");
    }
    var bytes = new ByteArrayOutputStream();
    bytes.writeBytes(head.append("\r\n").toString().getBytes(UTF_8));
    if (content != null) {
      bytes.writeBytes(content);
    }
    return bytes.toByteArray();
  }

  private static boolean saysLength(String header) {
    return header.matches("(?i)(content-length|transfer-encoding):.*");
  }

  @Override
  public String toString() {
    String all = new String(bytes(), UTF_8);
    return all.length() < 2_000 ? all : all.substring(0, 2_000) + "... " + all.length();
  }
}
