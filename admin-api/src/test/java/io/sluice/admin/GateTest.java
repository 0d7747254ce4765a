package io.sluice.admin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.metrics.Journal;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** Who is let in, to what, and what is told of it. */
@Timeout(60)
class GateTest {
  private static final String OPS = "sluice_ops-token";
  private static final String WATCH = "sluice_watch~token==";
  private static final Set<String> OPEN =
      Set.of("getHealth", "getReadiness", "getDashboard", "getAsset");
  private static final Set<String> PACKETS = Set.of("/v1/capture", "/v1/recorder");

  private final AtomicLong now = new AtomicLong();
  private final AdminApi api =
      new AdminApi(
          new Admin(
              CannedAppliance.address("127.0.0.1", 0),
              List.of(
                  Secrets.token("ops", OPS, Role.ADMIN),
                  Secrets.token("watch", WATCH, Role.VIEWER)),
              Optional.empty(),
              Optional.empty()),
          now::get);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Logger audit = (Logger) LoggerFactory.getLogger("io.sluice.audit");

  @BeforeEach
  void listen() {
    log.start();
    audit.addAppender(log);
  }

  @AfterEach
  void close() {
    api.close();
    audit.detachAppender(log);
  }

  @Test
  void everyOperationAsksForTheRoleThatTheContractSays() throws Exception {
    Map<String, Integer> seen = new TreeMap<>();
    JsonObject paths = api.contract.document().getJsonObject("paths");
    for (String path : paths.fieldNames()) {
      for (String method : paths.getJsonObject(path).fieldNames()) {
        if (method.equals("parameters")) {
          continue;
        }
        JsonObject operation = paths.getJsonObject(path).getJsonObject(method);
        String id = operation.getString("operationId");
        String ask = path.replaceAll("\\{[a-z]+}", "7");
        boolean packets = PACKETS.contains(path);
        boolean open = OPEN.contains(id);
        boolean change = !method.equals("get") || packets;
        assertThat(security(operation)).as(id).isEqualTo(open ? "" : change ? "admin" : "viewer");
        String verb = method.toUpperCase(Locale.ROOT);
        seen.merge(security(operation), 1, Integer::sum);
        assertThat(status(verb, ask, null) == 401).as("%s without a token", id).isNotEqualTo(open);
        assertThat(status(verb, ask, WATCH) == 403).as("%s by a viewer", id).isEqualTo(change);
        assertThat(status(verb, ask, OPS)).as("%s by an admin", id).isNotIn(401, 403, 429);
      }
    }
    assertThat(seen).hasSize(3);
  }

  private String security(JsonObject operation) {
    JsonArray security =
        operation.getJsonArray("security", api.contract.document().getJsonArray("security"));
    return security.isEmpty() ? "" : security.getJsonObject(0).getJsonArray("bearer").getString(0);
  }

  @Test
  void whoSaysNothingIsToldHowAndWhoSaysSomethingWrongThatItIs() {
    var none = api.get("/v1/status");
    assertThat(none.statusCode()).isEqualTo(401);
    assertThat(none.headers().firstValue("WWW-Authenticate")).hasValue("Bearer realm=\"sluice\"");
    var wrong = api.get("/v1/status", "Authorization", "Bearer sluice_nobody");
    assertThat(wrong.statusCode()).isEqualTo(401);
    assertThat(wrong.headers().firstValue("WWW-Authenticate"))
        .hasValue("Bearer realm=\"sluice\", error=\"invalid_token\"");
    var weak = api.exchange("PUT", "/v1/workers", "Authorization", "Bearer " + WATCH);
    assertThat(weak.statusCode()).isEqualTo(403);
    assertThat(weak.headers().firstValue("WWW-Authenticate"))
        .hasValue("Bearer realm=\"sluice\", error=\"insufficient_scope\", scope=\"admin\"");
    assertThat(new JsonObject(weak.body()).getString("detail"))
        .isEqualTo("this takes the role admin, and watch is viewer");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Basic c2x1aWNlX29wcy10b2tlbg==",
        "Bearer",
        "Bearer ",
        "Bearer sluice_ops-token x",
        "Bearer \"sluice_ops-token\"",
        "sluice_ops-token",
        "Digest sluice_ops-token"
      })
  void otherThanABearerTokenIsNone(String authorization) {
    assertThat(api.get("/v1/status", "Authorization", authorization).statusCode()).isEqualTo(401);
  }

  @Test
  void theSchemesNameIsAnyCase() {
    assertThat(api.get("/v1/status", "Authorization", "bEARER  " + OPS).statusCode())
        .isEqualTo(200);
  }

  @Test
  void twoTokensAreNone() throws IOException {
    String header = "Authorization: Bearer " + OPS + "\r\n";
    assertThat(api.raw(request("/v1/status", header + header))).startsWith("HTTP/1.1 401 ");
  }

  @Test
  void whatIsNotThereAndWhatCannotBeDoneIsNoSecretButParametersAreNotRead() {
    assertThat(api.get("/v1/nothing").statusCode()).isEqualTo(404);
    var preflight =
        api.exchange(
            "OPTIONS",
            "/v1/workers",
            "Origin",
            "http://127.0.0.1:" + api.port(),
            "Access-Control-Request-Method",
            "PUT");
    assertThat(preflight.statusCode()).isEqualTo(405);
    assertThat(preflight.headers().map().keySet())
        .noneMatch(name -> name.startsWith("access-control-"));
    assertThat(api.get("/v1/flows?limit=0").statusCode()).isEqualTo(401);
  }

  @Test
  void withTokensAnyHostWillDo() throws IOException {
    String token = "Authorization: Bearer " + OPS + "\r\n";
    assertThat(api.raw(request("/v1/status", token).replace("localhost", "sluice_1.example:80")))
        .startsWith("HTTP/1.1 200 ");
    assertThat(api.raw(request("/v1/status", token).replace("localhost", "a b")))
        .startsWith("HTTP/1.1 400 ");
  }

  @Test
  void afterTooManyWrongTokensNoneIsLookedAtButWhereARightOneWasShown() throws Exception {
    try (Socket proven = api.socket()) {
      assertThat(ask(proven, OPS)).isEqualTo(200);
      for (int i = 0; i < 20; i++) {
        assertThat(status("GET", "/v1/status", "sluice_" + i)).isEqualTo(401);
      }
      var refused = api.get("/v1/status", "Authorization", "Bearer " + OPS);
      assertThat(refused.statusCode()).isEqualTo(429);
      assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
      assertThat(ask(proven, OPS)).isEqualTo(200);
      assertThat(api.get("/healthz").statusCode()).isEqualTo(200);
      assertThat(status("GET", "/v1/status", null)).isEqualTo(401);
      // one wrong word, and it is a connection as any other
      assertThat(ask(proven, "guess")).isEqualTo(401);
      assertThat(ask(proven, OPS)).isEqualTo(429);
      now.addAndGet(TimeUnit.SECONDS.toNanos(1));
      assertThat(ask(proven, OPS)).isEqualTo(200);
      assertThat(ask(proven, "guess")).isEqualTo(401);
    }
    try (Socket elsewhere =
        new Socket(
            InetAddress.ofLiteral("127.0.0.1"),
            api.port(),
            InetAddress.ofLiteral("127.0.0.2"),
            0)) {
      assertThat(ask(elsewhere, OPS)).isEqualTo(200);
    }
  }

  @Test
  void requestsComeNoFasterThanSoManyASecond() throws Exception {
    try (Socket socket = api.socket()) {
      for (int i = 0; i < 2_000; i++) {
        assertThat(ask(socket, "GET", "/healthz", "")).isEqualTo(200);
      }
    }
    var refused = api.get("/healthz");
    assertThat(refused.statusCode()).isEqualTo(429);
    assertThat(refused.headers().firstValue("Retry-After")).hasValue("1");
    now.addAndGet(TimeUnit.SECONDS.toNanos(1));
    assertThat(api.get("/healthz").statusCode()).isEqualTo(200);
  }

  @Test
  void othersAreAdmittedWithoutARestart() throws Exception {
    try (Socket old = api.socket()) {
      assertThat(ask(old, OPS)).isEqualTo(200);
      api.running().admit(List.of(Secrets.token("new", "sluice_new", Role.VIEWER)));
      assertThat(ask(old, OPS)).isEqualTo(401);
      assertThat(ask(old, "sluice_new")).isEqualTo(200);
      api.running().admit(List.of());
      assertThat(ask(old, null)).isEqualTo(200);
    }
  }

  @Test
  void nobodyIsAdmittedWhereThatWouldBeEverybody() throws IOException {
    Admin everywhere =
        new Admin(
            CannedAppliance.address("0.0.0.0", 0),
            List.of(Secrets.token("ops", OPS, Role.ADMIN)),
            Optional.empty(),
            Optional.empty());
    try (var running = new VertxAdminServer().serve(api.appliance, everywhere)) {
      assertThatThrownBy(() -> running.admit(List.of()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("whoever reaches 0.0.0.0:");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "PUT,/v1/workers,Origin,http://attacker.example",
    "PUT,/v1/workers,Origin,null",
    "PUT,/v1/workers,Origin,http://localhost.attacker.example",
    "GET,/v1/status,Origin,https://attacker.example",
    "PUT,/v1/workers,Sec-Fetch-Site,cross-site",
    "PUT,/v1/workers,Sec-Fetch-Site,same-site",
    "GET,/v1/status,Sec-Fetch-Site,cross-site",
    "GET,/healthz,Sec-Fetch-Site,cross-site"
  })
  void anotherSitesPageIsRefusedWhateverTokenItHas(
      String method, String path, String header, String value) throws IOException {
    try (Socket socket = api.socket()) {
      String fields = "Authorization: Bearer " + OPS + "\r\n" + header + ": " + value + "\r\n";
      assertThat(ask(socket, method, path, fields)).isEqualTo(403);
    }
    assertThat(api.appliance.count).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "Origin,http://localhost",
    "Origin,https://LOCALHOST",
    "Sec-Fetch-Site,same-origin",
    "Sec-Fetch-Site,none"
  })
  void itsOwnPageIsNot(String header, String value) throws IOException {
    try (Socket socket = api.socket()) {
      String fields = "Authorization: Bearer " + OPS + "\r\n" + header + ": " + value + "\r\n";
      assertThat(ask(socket, "GET", "/v1/status", fields)).isEqualTo(200);
    }
  }

  @Test
  void aLinkMayLeadToWhatIsOpenOnly() throws IOException {
    String link = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n";
    try (Socket socket = api.socket()) {
      assertThat(ask(socket, "GET", "/healthz", link)).isEqualTo(200);
      assertThat(ask(socket, "GET", "/v1/status", link + "Authorization: Bearer " + OPS + "\r\n"))
          .isEqualTo(403);
    }
  }

  @Test
  void everyChangeIsToldWithItsAuthorAndOutcome() throws Exception {
    change("{\"count\":2}");
    change("{\"count\":3}");
    assertThat(lines())
        .hasSize(2)
        .allMatch(
            line ->
                line.matches(
                    "ops \\(admin\\) from 127\\.0\\.0\\.1:\\d+: setWorkers /v1/workers:"
                        + " (200|400)"));
    assertThat(events())
        .extracting(Journal.Event::subject, Journal.Event::what)
        .containsOnly(tuple("/v1/workers", "setWorkers"));
    assertThat(events().getLast().why())
        .matches("by ops from 127\\.0\\.0\\.1:\\d+: 400 Bad Request");
  }

  @Test
  void whatIsOnlyLookedAtIsNotTold() throws Exception {
    assertThat(status("GET", "/v1/status", OPS)).isEqualTo(200);
    assertThat(status("GET", "/v1/status", null)).isEqualTo(401);
    assertThat(lines()).isEmpty();
    assertThat(events()).isEmpty();
  }

  @Test
  void refusalsAreToldButNotWithoutBoundAndNeverWithTheToken() throws Exception {
    for (int i = 0; i < 40; i++) {
      status("GET", "/v1/flows?client=%0d%0aX", "sluice_guess" + i);
    }
    assertThat(lines())
        .hasSize(10)
        .allMatch(line -> line.startsWith("refused from 127.0.0.1:"))
        .noneMatch(line -> line.contains("guess") || line.contains("%0d") || line.contains("X"));
    assertThat(lines().getFirst()).endsWith(": GET /v1/flows: nobody has such a token");
    now.addAndGet(TimeUnit.SECONDS.toNanos(60));
    status("PUT", "/v1/workers", WATCH);
    assertThat(lines().getLast())
        .endsWith(": PUT /v1/workers: watch is no admin; and 30 more, of whomever, not told");
    assertThat(events()).hasSameSizeAs(lines());
  }

  @Test
  void aPathCannotMakeTwoLinesOfOne() throws Exception {
    assertThat(status("GET", "/v1/fronts/a\u0085b\u00e9%0a", "sluice_wrong")).isEqualTo(401);
    assertThat(lines())
        .singleElement()
        .satisfies(line -> assertThat(line).contains("GET /v1/fronts/a?b?%0a: "));
  }

  private void change(String content) throws IOException {
    try (Socket socket = api.socket()) {
      String fields =
          "Authorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
              .formatted(OPS, content.length());
      send(socket, "PUT", "/v1/workers", fields, content);
      var _ = socket.getInputStream().read();
    }
  }

  private List<String> lines() {
    return List.copyOf(log.list).stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private List<Journal.Event> events() {
    return api.appliance.journal.after(0);
  }

  /** On a connection of its own. */
  private int status(String method, String path, @Nullable String token) throws IOException {
    try (Socket socket = api.socket()) {
      return ask(
          socket, method, path, token == null ? "" : "Authorization: Bearer " + token + "\r\n");
    }
  }

  private static int ask(Socket socket, @Nullable String token) throws IOException {
    return ask(
        socket,
        "GET",
        "/v1/status",
        token == null ? "" : "Authorization: Bearer " + token + "\r\n");
  }

  /** Returns the status; a stream is not waited for. */
  private static int ask(Socket socket, String method, String path, String fields)
      throws IOException {
    send(socket, method, path, fields, "");
    var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
    int status = Integer.parseInt(in.readLine().split(" ", 3)[1]);
    int length = 0;
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      if (line.toLowerCase(Locale.ROOT).startsWith("content-length: ")) {
        length = Integer.parseInt(line.substring("content-length: ".length()));
      }
    }
    in.skip(length);
    return status;
  }

  private static void send(Socket socket, String method, String path, String fields, String content)
      throws IOException {
    socket
        .getOutputStream()
        .write(
            (method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n" + content)
                .getBytes(ISO_8859_1));
  }

  private static String request(String path, String fields) {
    return "GET "
        + path
        + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + fields
        + "\r\n";
  }
}
