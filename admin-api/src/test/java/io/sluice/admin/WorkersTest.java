package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.net.Socket;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** GET and PUT /v1/workers; what is true of any operation that takes content is tried on it. */
@Timeout(60)
class WorkersTest {
  private static final String PATH = "/v1/workers";
  private static final String PUT =
      "PUT /v1/workers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void aCountIsFixedAndZeroLetsGo() {
    JsonObject automatic =
        new JsonObject(
            """
            {"count":1,"min":1,"max":2,"scaling":"AUTOMATIC","workers":[
              {"index":0,"active":true,"listeners":4,"flows":12,"utilisation":0.125},
              {"index":1,"active":false,"listeners":0,"flows":3,"utilisation":0.0}]}
            """);
    assertThat(api.json(PATH)).isEqualTo(automatic);
    HttpResponse<String> fixed = api.put(PATH, "{\"count\": 2}");
    assertThat(fixed.statusCode()).isEqualTo(200);
    assertThat(new JsonObject(fixed.body()))
        .isEqualTo(api.json(PATH))
        .isEqualTo(
            automatic
                .copy()
                .mergeIn(
                    new JsonObject(
                        """
                        {"count":2,"scaling":"FIXED","workers":[
                          {"index":0,"active":true,"listeners":2,"flows":12,"utilisation":0.125},
                          {"index":1,"active":true,"listeners":2,"flows":3,"utilisation":0.0}]}
                        """)));
    assertThat(new JsonObject(api.put(PATH, "{\"count\": 0}").body())).isEqualTo(automatic);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "2",
        "null",
        "\"x\"",
        "{}",
        "{\"count\": 2} x",
        "{\"count\": -1}",
        "{\"count\": 1.5}",
        "{\"count\": \"2\"}",
        "{\"count\": null}",
        "{\"count\": true}",
        "{\"count\": 1025}",
        "{\"count\": 4294967298}",
        "{\"count\": 18446744073709551618}",
        "{\"count\": 1e400}",
        "{\"count\": 2, \"force\": true}",
        "{\"Count\": 2}"
      })
  void contentThatDoesNotFitChangesNothing(String content) {
    assertThat(api.put(PATH, content).statusCode()).as(content).isEqualTo(400);
    assertThat(api.appliance.count).isZero();
  }

  @Test
  void aRefusalSaysWhatWouldBeRight() {
    assertThat(detail(api.put(PATH, "{\"count\": 3}")))
        .isEqualTo("count must be 1 to 2, or 0 for automatic, not 3");
    assertThat(detail(api.put(PATH, "{\"count\": -1}")))
        .contains("count must be a whole number from 0 to 1024");
    assertThat(detail(api.put(PATH, "{\"coun\": 1}"))).contains("coun");
    assertThat(detail(api.put(PATH, ""))).contains("application/json");
    assertThat(detail(api.put(PATH, "{"))).contains("no JSON");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "application/json; charset=utf-8 | 200",
        "APPLICATION/JSON | 200",
        "text/plain | 415",
        "application/x-www-form-urlencoded | 415",
        "application/jsonx | 415",
        "application/problem+json | 415",
        "text/plain; application/json | 415"
      })
  void contentIsJsonAndSaysSo(String type, int status) {
    var content = BodyPublishers.ofString("{\"count\": 2}");
    assertThat(api.put(PATH, content, "Content-Type", type).statusCode()).isEqualTo(status);
    assertThat(api.appliance.count).isEqualTo(status == 200 ? 2 : 0);
  }

  @Test
  void contentOfNoTypeIsRefused() {
    assertThat(api.put(PATH, BodyPublishers.ofString("{\"count\": 2}")).statusCode())
        .isEqualTo(415);
  }

  @Test
  void contentMayComeInChunksButNotWithoutEnd() {
    String[] json = {"Content-Type", "application/json"};
    byte[] good = "{\"count\": 2}".getBytes(UTF_8);
    assertThat(
            api.put(PATH, BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(good)), json)
                .statusCode())
        .isEqualTo(200);
    byte[] long4096 = ("{\"count\": 1}" + " ".repeat(4_096 - 12)).getBytes(UTF_8);
    assertThat(api.put(PATH, BodyPublishers.ofByteArray(long4096), json).statusCode())
        .isEqualTo(200);
    byte[] long4097 = ("{\"count\": 2}" + " ".repeat(4_097 - 12)).getBytes(UTF_8);
    assertThat(api.put(PATH, BodyPublishers.ofByteArray(long4097), json).statusCode())
        .isEqualTo(413);
    assertThat(api.appliance.count).isEqualTo(1);
  }

  @Test
  void whoSendsWithoutEndIsHungUpOn() throws Exception {
    assertThat(api.raw(PUT + "Content-Length: 1000000\r\n\r\n" + "x".repeat(5_000)))
        .startsWith("HTTP/1.1 413 ");
    assertThat(
            api.raw(
                PUT.replace("application/json", "text/plain") + "Content-Length: 1000000\r\n\r\nx"))
        .startsWith("HTTP/1.1 415 ");
    assertThat(api.json("/healthz").getString("status")).isEqualTo("ALIVE");
  }

  @Test
  void aConnectionSurvivesARefusalThatWasReadToItsEnd() throws Exception {
    assertThat(
            api.raw(
                PUT
                    + "Content-Length: 1\r\n\r\n{"
                    + PUT
                    + "Connection: close\r\nContent-Length: 11\r\n\r\n{\"count\":2}"))
        .containsSubsequence("HTTP/1.1 400 ", "HTTP/1.1 200 ", "FIXED");
  }

  @Test
  void whoAwaitsLeaveToSendGetsIt() throws Exception {
    try (Socket socket = api.socket()) {
      socket
          .getOutputStream()
          .write(
              (PUT + "Connection: close\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
                  .getBytes(UTF_8));
      byte[] leave = socket.getInputStream().readNBytes("HTTP/1.1 100".length());
      assertThat(new String(leave, UTF_8)).isEqualTo("HTTP/1.1 100");
      socket.getOutputStream().write("{\"count\":2}".getBytes(UTF_8));
      assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8)).contains("FIXED");
    }
  }

  @Test
  void changesThatTakeTheirTimeOrWaitForEachOtherKeepNobodyElseWaiting() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    CountDownLatch scaling = new CountDownLatch(1);
    api.appliance.whenScaling =
        () -> {
          scaling.countDown();
          await().until(() -> go.getCount() == 0);
        };
    List<Socket> changes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      changes.add(api.socket());
      String change = PUT + "Connection: close\r\nContent-Length: 11\r\n\r\n{\"count\":2}";
      changes.getLast().getOutputStream().write(change.getBytes(UTF_8));
    }
    scaling.await();
    assertThat(api.get("/healthz").statusCode()).as("all of them have been heard").isEqualTo(200);
    assertThat(api.json(PATH).getInteger("count")).isEqualTo(1);
    go.countDown();
    for (Socket change : changes) {
      assertThat(new String(change.getInputStream().readAllBytes(), UTF_8)).contains("FIXED");
      change.close();
    }
    assertThat(api.json(PATH).getInteger("count")).isEqualTo(2);
  }

  @Test
  void otherMethodsAreRefusedWithWhatIsAllowed() {
    HttpResponse<String> response = api.exchange("POST", PATH);
    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().firstValue("Allow")).hasValue("GET, HEAD, PUT");
  }

  private static String detail(HttpResponse<String> response) {
    assertThat(response.statusCode()).isEqualTo(400);
    return new JsonObject(response.body()).getString("detail");
  }
}
