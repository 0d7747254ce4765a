package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.config.SluiceConfig;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Binding, limits, and clients that do not behave. */
@Timeout(60)
class ConnectionTest {
  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
  void otherMethodsAreRefusedWithWhatIsAllowed(String method) {
    var response = api.exchange(method, "/v1/flows");
    assertThat(response.statusCode()).isEqualTo(405);
    assertThat(response.headers().firstValue("Allow")).hasValue("GET, HEAD");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost",
        "LocalHost:80",
        "127.0.0.1",
        "127.1.2.3:9901",
        "[::1]:9901",
        "[0:0:0:0:0:0:0:1]"
      })
  void loopbackHostsAreServed(String host) throws IOException {
    assertThat(api.raw(request("/v1/status", host))).startsWith("HTTP/1.1 200 ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "attacker.example",
        "attacker.example:9901",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "127.1",
        "2130706433",
        "0.0.0.0",
        "[::]",
        "192.0.2.1:9901",
        "[2001:db8::1]",
        "300.0.0.1"
      })
  void otherHostsAreMisdirected(String host) throws IOException {
    assertThat(api.raw(request("/v1/status", host)))
        .startsWith("HTTP/1.1 421 ")
        .contains("application/problem+json")
        .doesNotContain("uptimeSeconds");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "Host:\r\n",
        "Host: local host\r\n",
        "Host: localhost\r\nHost: localhost\r\n",
        "Host: localhost,attacker.example\r\n",
        "Host: user@localhost\r\n"
      })
  void aHostHeaderThatIsNotOneHostIsRefused(String header) throws IOException {
    assertThat(api.raw("GET /v1/status HTTP/1.1\r\n" + header + "Connection: close\r\n\r\n"))
        .startsWith("HTTP/1.1 400 ");
  }

  @Test
  void limitsAreProblemsToo() throws IOException {
    assertProblem(414, api.raw(request("/" + "x".repeat(5_000), "localhost")));
    assertProblem(431, api.raw(head("X: " + "x".repeat(9_000))));
    assertProblem(400, api.raw("nonsense\r\n\r\n"));
    assertProblem(413, api.raw(head("Content-Length: 1000000") + "x"));
    assertProblem(413, api.raw(head("Transfer-Encoding: chunked") + "5\r\nhello"));
  }

  @Test
  void aFaultOfTheApplianceIsAProblemThatGivesNothingAway() {
    api.appliance.whenListing =
        () -> {
          throw new IllegalStateException("secret");
        };
    assertThat(api.problem(500, "/v1/flows").encode()).doesNotContain("secret");
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    api.appliance.whenListing = () -> join(go);
    try (Socket socket = api.socket()) {
      socket
          .getOutputStream()
          .write(
              ("GET /v1/flows HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      + "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      + request("/v1/nothing", "localhost"))
                  .getBytes(UTF_8));
      await().until(() -> listings() == 1);
      go.countDown();
      String all = new String(socket.getInputStream().readAllBytes(), UTF_8);
      assertThat(all.split("HTTP/1.1 ", -1)).hasSize(4);
      assertThat(all)
          .containsSubsequence(
              "HTTP/1.1 200", "\"flows\"", "HTTP/1.1 200", "ALIVE", "HTTP/1.1 404");
    }
  }

  @Test
  void slowRequestsAndSlowListingsDoNotKeepOthersWaiting() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    api.appliance.whenListing = () -> join(go);
    try (Socket half = api.socket();
        Socket first = api.socket();
        Socket second = api.socket()) {
      half.getOutputStream().write("GET /healthz HTT".getBytes(UTF_8));
      first.getOutputStream().write(request("/v1/flows", "localhost").getBytes(UTF_8));
      second.getOutputStream().write(request("/v1/flows", "localhost").getBytes(UTF_8));
      await().until(() -> listings() == 2);
      assertThat(api.get("/healthz").statusCode()).isEqualTo(200);
      assertThat(api.get("/readyz").statusCode()).isEqualTo(200);
      go.countDown();
      assertThat(new String(first.getInputStream().readAllBytes(), UTF_8)).contains("\"flows\"");
      half.getOutputStream()
          .write("P/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".getBytes(UTF_8));
      assertThat(new String(half.getInputStream().readAllBytes(), UTF_8)).contains("ALIVE");
    }
  }

  @Test
  void aReaderThatDoesNotReadDoesNotStopOthers() throws Exception {
    api.appliance.open(1, 1_000);
    try (Socket lazy = new Socket()) {
      lazy.setReceiveBufferSize(2_048);
      lazy.connect(CannedAppliance.address("127.0.0.1", api.port()));
      String ask = "GET /v1/flows?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
      lazy.getOutputStream().write(ask.repeat(100).getBytes(UTF_8));
      await().until(() -> listings() > 1);
      assertThat(api.get("/v1/flows?limit=1000").statusCode()).isEqualTo(200);
    }
  }

  @Test
  void waitingRequestsAreBounded() throws Exception {
    CountDownLatch go = new CountDownLatch(1);
    api.appliance.whenListing = () -> join(go);
    for (int i = 0; i < Desk.MAX_WAITING; i++) {
      try (Socket gone = api.socket()) {
        // The second answer proves that the server has taken the first request.
        gone.getOutputStream()
            .write("GET /v1/flows HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
        api.get("/healthz");
      }
    }
    await().untilAsserted(() -> api.problem(503, "/v1/status"));
    assertThat(api.get("/healthz").statusCode()).isEqualTo(200);
    go.countDown();
    await().untilAsserted(() -> assertThat(api.get("/v1/status").statusCode()).isEqualTo(200));
  }

  @Test
  void connectionsAreBounded() throws Exception {
    List<Socket> open = new ArrayList<>();
    try {
      for (int i = 0; i < Connections.MAX; i++) {
        Socket socket = api.socket();
        open.add(socket);
        assertAlive(socket);
      }
      try (Socket extra = api.socket()) {
        assertThat(endOfStream(extra)).isTrue();
      }
      open.removeLast().close();
      await()
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                try (Socket next = api.socket()) {
                  assertAlive(next);
                }
              });
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }

  @Test
  void closingFreesThePortTheThreadsAndTwiceIsFine() throws Exception {
    Set<Thread> before = threads();
    Set<Path> files = cacheDirectories();
    AdminApi other = new AdminApi();
    other.get("/v1/flows");
    assertThat(threads()).hasSizeGreaterThan(before.size()).allMatch(Thread::isDaemon);
    assertThat(cacheDirectories()).isEqualTo(files);
    int port = other.port();
    other.close();
    other.close();
    try (ServerSocket again = new ServerSocket()) {
      again.bind(CannedAppliance.address("127.0.0.1", port));
    }
    await().untilAsserted(() -> assertThat(threads()).isSubsetOf(before));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0.0.0.0", "::", "192.0.2.1", "2001:db8::1"})
  void onlyLoopbackIsServed(String address) {
    assertThatThrownBy(() -> serve(new InetSocketAddress(InetAddress.ofLiteral(address), 9901)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("./sluice token")
        .hasMessageContaining("use 127.0.0.1:9901");
  }

  @Test
  void anAddressInUseSaysWhatToDo() {
    assertThatThrownBy(() -> serve(CannedAppliance.address("127.0.0.1", api.port())))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("admin.listen = 127.0.0.1:" + api.port())
        .hasMessageContaining("something listens there already");
  }

  @Test
  void anUnresolvedNameIsRefusedWithoutLookingItUp() {
    assertThatThrownBy(() -> serve(InetSocketAddress.createUnresolved("localhost", 9901)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("localhost:9901");
  }

  private void serve(InetSocketAddress listen) throws IOException {
    new VertxAdminServer().serve(api.appliance, new SluiceConfig.Admin(listen)).close();
  }

  private int listings() {
    synchronized (api.appliance.queries) {
      return api.appliance.queries.size();
    }
  }

  private static String request(String path, String host) {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  }

  private static String head(String field) {
    return "GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n\r\n";
  }

  private static void assertProblem(int status, String response) {
    assertThat(response)
        .matches("(?s)HTTP/1\\.[01] " + status + " .*")
        .containsIgnoringCase("content-type: application/problem+json")
        .containsIgnoringCase("x-content-type-options: nosniff")
        .contains("\"status\":" + status);
  }

  private static void assertAlive(Socket socket) throws IOException {
    socket
        .getOutputStream()
        .write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
    InputStream in = socket.getInputStream();
    StringBuilder read = new StringBuilder();
    while (read.indexOf("ALIVE\"}") < 0) {
      int octet = in.read();
      assertThat(octet).isNotNegative();
      read.append((char) octet);
    }
  }

  private static boolean endOfStream(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  private static Set<Thread> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("vert"))
        .collect(Collectors.toSet());
  }

  private static Set<Path> cacheDirectories() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files.filter(f -> f.toString().contains("vertx")).collect(Collectors.toSet());
    }
  }

  private static void join(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
