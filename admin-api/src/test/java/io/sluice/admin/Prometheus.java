package io.sluice.admin;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** The real Prometheus, on a port of its own choice. */
final class Prometheus implements AutoCloseable {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final Pattern LISTENING = Pattern.compile("Listening on\" address=(\\S+)");

  private final Process process;
  private final Path log;
  private final String address;

  /**
   * @param folder for its files, of which it needs its own; holds its configuration
   */
  Prometheus(Path folder, String config) throws Exception {
    log = folder.resolve("prometheus.log");
    process =
        new ProcessBuilder(
                "prometheus",
                "--config.file=" + folder.resolve(config),
                "--storage.tsdb.path=" + folder.resolve("data"),
                "--web.listen-address=127.0.0.1:0")
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      address = awaitAddress();
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private String awaitAddress() throws Exception {
    while (true) {
      boolean ended = process.waitFor(20, MILLISECONDS);
      Matcher listening = LISTENING.matcher(Files.readString(log));
      if (listening.find()) {
        return listening.group(1);
      }
      assertThat(ended).as(Files.readString(log)).isFalse();
    }
  }

  /** What an expression comes to now: a list of series, each with its labels and its value. */
  List<JsonObject> query(String expression) throws Exception {
    JsonObject data =
        get("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8));
    return objects(data.getJsonArray("result"));
  }

  /** The rules, with the alerts they have raised. */
  List<JsonObject> rules() throws Exception {
    return objects(get("/api/v1/rules").getJsonArray("groups")).stream()
        .flatMap(group -> objects(group.getJsonArray("rules")).stream())
        .toList();
  }

  private JsonObject get(String path) throws Exception {
    HttpResponse<String> response =
        CLIENT.send(
            HttpRequest.newBuilder(URI.create("http://" + address + path)).build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as("%s: %s", path, response.body()).isEqualTo(200);
    return new JsonObject(response.body()).getJsonObject("data");
  }

  private static List<JsonObject> objects(JsonArray array) {
    return array.stream().flatMap(each -> Stream.of((JsonObject) each)).toList();
  }

  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
