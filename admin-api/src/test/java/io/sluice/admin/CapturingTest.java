package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.net.Address;
import io.sluice.trace.Capture;
import io.sluice.trace.Sighting;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CapturingTest {
  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void aCaptureIsStreamedUntilItsLimit() throws IOException {
    try (Socket socket =
        ask(
            "/v1/capture?front=dns&client=192.0.2.1:5353&limit=3&seconds=7&sample=0.25&snaplen=128")) {
      Capture capture = begun(1);
      assertThat(new String(socket.getInputStream().readNBytes(15), StandardCharsets.US_ASCII))
          .isEqualTo("HTTP/1.1 200 OK");
      for (int i = 0; i < 5; i++) {
        capture.feed(0).offer(seen(10));
      }
      String rest = new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
      assertThat(rest)
          .containsIgnoringCase("content-type: application/x-pcapng")
          .contains("front/dns", "pool/resolvers", "3 of at most 3, 0 lost");
    }
    await().until(() -> api.appliance.captures.running() == 0);
  }

  @Test
  void whatIsWantedIsWhatWasAskedFor() throws IOException {
    try (Socket socket = ask("/v1/capture?client=192.0.2.1:5353")) {
      Capture.Feed feed = begun(1).feed(0);
      assertThat(feed.wants(at("192.0.2.1", 5_353), 0)).isTrue();
      assertThat(feed.wants(at("192.0.2.1", 5_354), 0)).isFalse();
      assertThat(feed.payloadBytes()).isEqualTo(Capture.SNAPLEN_MAX);
      assertThat(socket.isClosed()).isFalse();
    }
  }

  @Test
  void whoReadsNothingMissesSomeAndHoldsUpNobody() throws IOException {
    try (Socket socket = ask("/v1/capture?limit=1000000")) {
      Capture capture = begun(1);
      for (int i = 0; i < 200_000 && capture.lost() == 0; i++) {
        capture.feed(0).offer(seen(1_400));
      }
      assertThat(capture.lost()).isPositive();
      assertThat(api.json("/v1/status").getString("phase")).isEqualTo("RUNNING");
      assertThat(socket.isClosed()).isFalse();
    }
    await().until(() -> api.appliance.captures.running() == 0);
  }

  @Test
  void oneTooManyIsRefusedUntilAnotherEnds() throws IOException {
    Socket first = ask("/v1/capture");
    try (first;
        Socket second = ask("/v1/capture")) {
      begun(2);
      assertThat(api.problem(503, "/v1/capture").getString("detail"))
          .isEqualTo("2 captures run already; wait until one has ended");
      hangUp(first);
      await().until(() -> api.appliance.captures.running() == 1);
      assertThat(api.get("/v1/capture?seconds=1").statusCode()).isEqualTo(200);
      assertThat(second.isClosed()).isFalse();
    }
  }

  @Test
  void askingForTheHeadersAloneBeginsNone() {
    assertThat(api.exchange("HEAD", "/v1/capture").headers().firstValue("Content-Type"))
        .hasValue(Capturing.CONTENT_TYPE);
    assertThat(api.appliance.begunCaptures).isEmpty();
  }

  @Test
  void whatDoesNotFitIsRefused() {
    assertThat(api.problem(400, "/v1/capture?front=dsn").getString("detail"))
        .isEqualTo("parameter 'front': no front 'dsn'; there are: 'dns', 'syslog'");
    for (String wrong :
        new String[] {
          "sample=0",
          "sample=1.5",
          "sample=x",
          "sample=-1",
          "limit=0",
          "seconds=3601",
          "snaplen=47",
          "client=localhost",
          "client=192.0.2.1:99999",
          "pool=resolvers"
        }) {
      assertThat(api.problem(400, "/v1/capture?" + wrong).getString("parameter"))
          .isEqualTo(wrong.split("=", 2)[0]);
    }
    assertThat(api.appliance.begunCaptures).isEmpty();
  }

  @Test
  void theRecorderIsAFileOrNotThere() {
    api.appliance.recorded = Optional.empty();
    assertThat(api.problem(404, "/v1/recorder").getString("detail"))
        .isEqualTo("nothing is recorded: recorder.headers is 0 in the configuration");
    api.appliance.recorded = Optional.of("file".getBytes(StandardCharsets.US_ASCII));
    assertThat(api.get("/v1/recorder").body()).isEqualTo("file");
    assertThat(api.get("/v1/recorder").headers().firstValue("Content-Disposition"))
        .hasValue("attachment; filename=\"sluice-recorder.pcapng\"");
  }

  private static void hangUp(Socket socket) throws IOException {
    socket.close();
  }

  private Socket ask(String path) throws IOException {
    Socket socket = api.socket();
    socket
        .getOutputStream()
        .write(
            "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                .formatted(path)
                .getBytes(StandardCharsets.US_ASCII));
    return socket;
  }

  private Capture begun(int count) {
    await().atMost(Duration.ofSeconds(20)).until(() -> api.appliance.begunCaptures.size() == count);
    return api.appliance.begunCaptures.getLast();
  }

  private static Sighting seen(int bytes) {
    byte[] payload = new byte[bytes];
    Arrays.fill(payload, (byte) 1);
    return new Sighting(
        System.nanoTime(),
        "front/dns",
        true,
        at("192.0.2.1", 1),
        at("192.0.2.2", 53),
        bytes,
        payload,
        1,
        null,
        0,
        null);
  }

  private static Address at(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
