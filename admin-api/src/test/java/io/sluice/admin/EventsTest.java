package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.metrics.Journal.Kind;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class EventsTest {
  private final AdminApi api = new AdminApi();
  private final List<Socket> sockets = new ArrayList<>();

  @AfterEach
  void close() throws IOException {
    for (Socket socket : sockets) {
      socket.close();
    }
    api.close();
  }

  @Test
  void whatIsKeptComesFirstAndThenWhatHappens() throws IOException {
    enter("EJECTED");
    BufferedReader stream = stream("/v1/events");
    assertThat(event(stream, "backend").getString("what")).isEqualTo("EJECTED");
    enter("TRIAL");

    JsonObject event = event(stream, "backend");

    api.contract.fits(schema("Event"), event);
    assertThat(event)
        .isEqualTo(
            new JsonObject()
                .put("id", 2)
                .put("at", "2026-01-01T00:00:00Z")
                .put("subject", "resolvers/a")
                .put("what", "TRIAL")
                .put("why", "a reason\nof two lines"));
  }

  @Test
  void whoComesBackGoesOnWhereItWas() throws IOException {
    enter("EJECTED");
    enter("TRIAL");
    enter("UP");

    assertThat(event(stream("/v1/events?after=1"), "backend").getLong("id")).isEqualTo(2);
    assertThat(event(stream("/v1/events", "Last-Event-ID: 2"), "backend").getLong("id"))
        .isEqualTo(3);
  }

  @Test
  void totalsComeOnceASecond() throws IOException {
    BufferedReader stream = stream("/v1/events");
    for (int i = 0; i < 2; i++) {
      JsonObject totals = event(stream, "stats");
      api.contract.fits(schema("Totals"), totals);
      totals.remove("at");
      assertThat(totals)
          .isEqualTo(
              new JsonObject()
                  .put("flows", 3L)
                  .put("fdsFree", 512L)
                  .put("utilisation", new JsonArray(List.of(0.125, 0.0)))
                  .put("portsFree", 28_000)
                  .put("flowsOpened", 9_422L)
                  .put("requests", 10L)
                  .put("replies", 6L)
                  .put("requestBytes", 900L)
                  .put("replyBytes", 480L)
                  .put("requestsDropped", 3L)
                  .put("repliesDropped", 1L)
                  .put("dropped", JsonObject.of("OVERSIZE", 3, "NO_FD", 1))
                  .put("kernelDrops", 14L));
    }
  }

  @Test
  void oneStreamTooManyIsRefusedUntilAnotherEnds() throws IOException {
    for (int i = 0; i < Events.MAX_STREAMS; i++) {
      event(stream("/v1/events"), "stats");
    }
    assertThat(api.problem(503, "/v1/events").getString("detail"))
        .isEqualTo("16 streams of events are open already");

    sockets.removeFirst().close();

    await().untilAsserted(() -> event(stream("/v1/events"), "stats"));
  }

  @Test
  void aReaderThatStandsStillHoldsUpNobody() throws IOException {
    stream("/v1/events");
    for (int i = 0; i < 20_000; i++) {
      api.appliance.journal.enter(Kind.PROBE, "resolvers/a", "FAILED", "x".repeat(1_000));
    }
    assertThat(api.json("/v1/status").getString("phase")).isEqualTo("RUNNING");
    assertThat(event(stream("/v1/events?after=19999"), "probe").getLong("id")).isEqualTo(20_000);
  }

  @Test
  void badPlacesToBeginAreRefused() {
    assertThat(api.problem(400, "/v1/events?after=-1").getString("parameter")).isEqualTo("after");
    assertThat(api.get("/v1/events", "Last-Event-ID", "last week").body())
        .contains("parameter 'Last-Event-ID': 'last week' must be a whole number, at least 0");
  }

  @Test
  void headHasNoStream() {
    var response = api.exchange("HEAD", "/v1/events");
    assertThat(response.statusCode()).isEqualTo(200);
    assertThat(response.headers().firstValue("Content-Type")).hasValue("text/event-stream");
    assertThat(response.headers().firstValue("Content-Length")).isEmpty();
  }

  private void enter(String state) {
    api.appliance.journal.enter(Kind.BACKEND, "resolvers/a", state, "a reason\nof two lines");
  }

  private JsonObject schema(String name) {
    return JsonObject.of("$ref", "#/components/schemas/" + name);
  }

  private BufferedReader stream(String path, String... headers) throws IOException {
    Socket socket = api.socket();
    sockets.add(socket);
    String request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n";
    for (String header : headers) {
      request += header + "\r\n";
    }
    socket.getOutputStream().write((request + "\r\n").getBytes(StandardCharsets.US_ASCII));
    var stream =
        new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    assertThat(stream.readLine()).isEqualTo("HTTP/1.1 200 OK");
    return stream;
  }

  /** The data of the next event of a type. Chunk sizes stand on lines of their own. */
  private static JsonObject event(BufferedReader stream, String type) throws IOException {
    String line;
    do {
      line = stream.readLine();
      assertThat(line).as("the stream has ended").isNotNull();
    } while (!line.equals("event: " + type));
    return new JsonObject(stream.readLine().replaceFirst("^data: ", ""));
  }
}
