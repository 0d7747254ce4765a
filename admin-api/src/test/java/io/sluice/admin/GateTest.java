package io.sluice.admin;

import static io.sluice.admin.AdminApi.OPS;
import static io.sluice.admin.AdminApi.WATCH;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who is let in, and to what. */
@Timeout(60)
class GateTest {
  private static final Set<String> OPEN =
      Set.of("getHealth", "getReadiness", "getDashboard", "getAsset");
  private static final Set<String> PACKETS = Set.of("/v1/capture", "/v1/recorder");

  private final AtomicLong now = new AtomicLong();
  private final AdminApi api = AdminApi.guarded(now::get);

  @AfterEach
  void close() {
    api.close();
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
  void ofThoseThatComeAllAtOnceSoManyAreAnsweredAndEachOfTheOthersIsRefused() throws Exception {
    byte[] all = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2_010).getBytes(UTF_8);
    try (Socket socket = api.socket()) {
      var asking =
          new FutureTask<Void>(
              () -> {
                socket.getOutputStream().write(all);
                return null;
              });
      Thread.ofVirtual().start(asking);
      Map<Integer, Integer> statuses = new TreeMap<>();
      for (int i = 0; i < 2_010; i++) {
        statuses.merge(Answer.read("GET", socket.getInputStream()).status(), 1, Integer::sum);
      }
      assertThat(statuses).isEqualTo(Map.of(200, 2_000, 429, 10));
      asking.get();
    }
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

  @ParameterizedTest
  @CsvSource({"/v1/events,sluice_watch~token==", "/v1/capture,sluice_ops-token"})
  void aStreamEndsWithTheTokenItWasAskedForWith(String path, String token) throws Exception {
    Token ops = Secrets.token("ops", OPS, Role.ADMIN);
    Token watch = Secrets.token("watch", WATCH, Role.VIEWER);
    String mine = "Authorization: Bearer " + token + "\r\n";
    try (Socket stream = api.socket();
        Socket idle = api.socket()) {
      assertThat(ask(stream, "GET", path, mine)).isEqualTo(200);
      assertThat(ask(idle, "GET", "/v1/status", mine)).isEqualTo(200);
      api.running().admit(List.of(ops, watch, Secrets.token("new", "sluice_new", Role.VIEWER)));
      // asked after that change was heard of: the stream is none of its business
      assertThat(ask(idle, "sluice_new")).isEqualTo(200);
      stream.setSoTimeout(1);
      assertThatThrownBy(() -> stream.getInputStream().readAllBytes())
          .isInstanceOf(SocketTimeoutException.class);

      stream.setSoTimeout(10_000);
      api.running().admit(List.of(token.equals(OPS) ? watch : ops));

      byte[] chunk = new byte[1_000];
      await().until(() -> stream.getInputStream().read(chunk) < 0);
      assertThat(ask(idle, token.equals(OPS) ? WATCH : OPS)).isEqualTo(200);
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
    return AdminApi.ask(socket, method, path, fields, "").status();
  }

  private static String request(String path, String fields) {
    return "GET "
        + path
        + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + fields
        + "\r\n";
  }
}
