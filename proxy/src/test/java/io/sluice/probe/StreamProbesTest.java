package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The probes that ask over TCP: tcp and http. */
@Timeout(60)
class StreamProbesTest {
  private static final Duration LONG = Duration.ofSeconds(10);
  private static final String OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nup";

  @Test
  void a_closed_port_refuses() throws Exception {
    InetSocketAddress closed;
    try (var server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      closed = (InetSocketAddress) server.getLocalSocketAddress();
    }
    for (Probe probe : List.of(Probes.tcp(), http(null))) {
      assertThatThrownBy(() -> probe.check(closed, LONG))
          .isInstanceOf(IOException.class)
          .hasMessage("connection refused");
    }
  }

  @Test
  void tcp_passes_where_a_connection_is_accepted() throws Exception {
    try (var server = new WebServer("")) {
      Probes.tcp().check(server.address(), LONG);
    }
  }

  @Test
  void http_asks_once_on_a_connection_of_its_own() throws Exception {
    try (var server = new WebServer(OK)) {
      Probe probe = Probes.http("/healthz?deep=1", "www.example.org", 200, 399, null);
      probe.check(server.address(), LONG);
      probe.check(server.address(), LONG);
      assertThat(server.requests).hasSize(2);
      assertThat(server.requests.getFirst())
          .startsWith("GET /healthz?deep=1 HTTP/1.1")
          .contains("Host: www.example.org", "Connection: close", "User-Agent: sluice");
    }
  }

  @Test
  void http_names_the_target_where_no_host_is_set() throws Exception {
    try (var server = new WebServer(OK)) {
      http(null).check(server.address(), LONG);
      assertThat(server.requests.getFirst())
          .contains("Host: 127.0.0.1:" + server.address().getPort());
    }
  }

  @Test
  void http_wants_a_status_in_its_range_and_follows_nobody() throws Exception {
    try (var server =
        new WebServer(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")) {
      http(null).check(server.address(), LONG);
      assertThatThrownBy(() -> Probes.http("/", "", 200, 299, null).check(server.address(), LONG))
          .hasMessage("answered status 302");
    }
  }

  @Test
  void http_hears_a_lame_duck_in_the_body() throws Exception {
    try (var server =
        new WebServer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 8\r\n\r\ndraining")) {
      assertThatThrownBy(() -> http(Pattern.compile("drain")).check(server.address(), LONG))
          .isInstanceOf(LameDuck.class)
          .hasMessage("asks to be drained: 'draining'");
      assertThatThrownBy(() -> http(Pattern.compile("other")).check(server.address(), LONG))
          .isNotInstanceOf(LameDuck.class)
          .hasMessage("answered status 503");
    }
  }

  @Test
  void http_reads_no_body_without_end() throws Exception {
    try (var server = new WebServer("HTTP/1.1 200 OK\r\n\r\n" + "x".repeat(100_000))) {
      assertThatThrownBy(() -> http(Pattern.compile("drain")).check(server.address(), LONG))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void http_without_drain_waits_for_no_body() throws Exception {
    String begun = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nup";
    try (var server = new WebServer(begun, true)) {
      http(null).check(server.address(), LONG);
    }
  }

  @Test
  void http_waits_no_longer_than_told_for_headers_or_body() throws Exception {
    var little = Duration.ofMillis(300);
    for (String begun : List.of("", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nup")) {
      try (var server = new WebServer(begun, true)) {
        assertThatThrownBy(() -> http(Pattern.compile("drain")).check(server.address(), little))
            .isInstanceOf(IOException.class)
            .hasMessage("no answer within 300 ms");
      }
    }
  }

  @Test
  void no_garbage_does_more_than_fail_a_check() throws Exception {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    for (int i = 0; i < 100; i++) {
      byte[] spoilt = OK.getBytes(ISO_8859_1);
      for (int c = 0; c < 4; c++) {
        spoilt[random.nextInt(spoilt.length)] = (byte) random.nextInt();
      }
      try (var server = new WebServer(new String(spoilt, ISO_8859_1))) {
        http(Pattern.compile("drain")).check(server.address(), LONG);
      } catch (IOException e) {
        assertThat(Reason.of(e)).hasSizeBetween(1, 203).matches("[ -~]+");
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ", answer " + i, e);
      }
    }
  }

  private static Probe http(@Nullable Pattern drain) {
    return Probes.http("/", "", 200, 399, drain);
  }

  /** Says the same to whoever has sent a head, then closes, or waits for the other to. */
  private static final class WebServer implements AutoCloseable {
    final List<String> requests = new CopyOnWriteArrayList<>();
    private final ServerSocket server = new ServerSocket(0, 8, InetAddress.getLoopbackAddress());

    WebServer(String answer) throws IOException {
      this(answer, false);
    }

    WebServer(String answer, boolean linger) throws IOException {
      Thread.startVirtualThread(
          () -> {
            while (!server.isClosed()) {
              try (Socket socket = server.accept()) {
                serve(socket, answer, linger);
              } catch (IOException e) {
                // the next one, or closed
              }
            }
          });
    }

    private void serve(Socket socket, String answer, boolean linger) throws IOException {
      var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
      List<String> head = new ArrayList<>();
      for (String line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
        head.add(line);
      }
      requests.add(String.join("\n", head));
      socket.getOutputStream().write(answer.getBytes(ISO_8859_1));
      if (linger) {
        while (in.read() >= 0) {}
      }
    }

    InetSocketAddress address() {
      return (InetSocketAddress) server.getLocalSocketAddress();
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
