package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What {@code sluice ctl} asks, to the letter, and how it takes answers that are hard to provoke.
 */
class CtlRequestsTest {
  private static final String BACKEND =
      """
      {"name":"a b","address":"192.0.2.1:53","weight":2,"state":"UP","reason":"fine","flows":0}\
      """;

  private record Canned(int status, String type, String content) {}

  private final List<String> requests = new ArrayList<>();
  private final HttpServer server;
  private Canned answer = new Canned(200, "application/json", "{}");
  private Map<String, String> answerHeaders = Map.of();

  @TempDir Path folder;

  CtlRequestsTest() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @BeforeEach
  void serve() {
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      var headers = exchange.getRequestHeaders();
      StringBuilder request =
          new StringBuilder(exchange.getRequestMethod() + " " + exchange.getRequestURI());
      for (String name : List.of("Authorization", "If-Match", "If-None-Match", "Content-Type")) {
        if (headers.containsKey(name)) {
          request.append(" | ").append(name).append(": ").append(headers.getFirst(name));
        }
      }
      String content = new String(exchange.getRequestBody().readAllBytes(), UTF_8);
      requests.add(request + (content.isEmpty() ? "" : " | " + content));
      answerHeaders.forEach(exchange.getResponseHeaders()::add);
      exchange.getResponseHeaders().add("Content-Type", answer.type);
      byte[] bytes = answer.content.getBytes(UTF_8);
      exchange.sendResponseHeaders(answer.status, bytes.length == 0 ? -1 : bytes.length);
      exchange.getResponseBody().write(bytes);
    }
  }

  private CtlRun ctl(String... arguments) {
    return CtlRun.of(
        Map.of(
            "SLUICE_ADMIN",
            "http://127.0.0.1:" + server.getAddress().getPort(),
            "SLUICE_TOKEN",
            "from-environment"),
        arguments);
  }

  private static final String JSON = " | Content-Type: application/json | ";
  private static final String BEARER = " | Authorization: Bearer from-environment";

  private void asks(String request, String... arguments) {
    CtlRun run = ctl(arguments);
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(requests).containsExactly(request);
  }

  @Test
  void aBackendIsAddedOnlyWhereThereIsNone() {
    answer = new Canned(201, "application/json", BACKEND);
    asks(
        "PUT /v1/pools/p/backends/a%20b"
            + BEARER
            + " | If-None-Match: *"
            + JSON
            + "{\"address\":\"192.0.2.1:53\",\"weight\":2}",
        "backend",
        "add",
        "p/a b",
        "--address",
        "192.0.2.1:53",
        "--weight",
        "2");
  }

  @Test
  void readinessIsAskedForWithoutAToken() {
    asks("GET /readyz", "ready");
  }

  @Test
  void aBackendIsChangedByAMergePatch() {
    answer = new Canned(200, "application/json", BACKEND);
    asks(
        "PATCH /v1/pools/p/backends/a%2Fb"
            + BEARER
            + " | Content-Type: application/merge-patch+json | {\"weight\":0}",
        "backend",
        "set",
        "p/a/b",
        "--weight",
        "0");
  }

  @Test
  void aBackendIsRemoved() {
    answer = new Canned(204, "application/json", "");
    asks("DELETE /v1/pools/p/backends/a" + BEARER, "backend", "remove", "p/a");
  }

  @Test
  void flowsAreKilledOneByOne() {
    answer = new Canned(204, "application/json", "");
    assertThat(ctl("kill", "7", "8").out()).isEqualTo("flow 7 has ended\nflow 8 has ended\n");
    assertThat(requests)
        .containsExactly("DELETE /v1/flows/7" + BEARER, "DELETE /v1/flows/8" + BEARER);
  }

  @Test
  void theConfigurationIsPrintedAsAFileThatCanBeApplied() {
    answer =
        new Canned(
            200,
            "application/json",
            """
            {"version":"0123456789abcdef","source":"/etc/sluice.conf","since":"2026-01-01T00:00:00Z",
             "config":{"drain-timeout":"10s"}}
            """);
    assertThat(ctl("config").out())
        .isEqualTo(
            """
            # version 0123456789abcdef, since 2026-01-01T00:00:00Z, from /etc/sluice.conf
            # *** stands for a secret: where it is applied, it means the one in force
            {
              "sluice" : {
                "drain-timeout" : "10s"
              }
            }
            """);
  }

  @Test
  void aFileIsAppliedInPlaceOfTheVersionMeant() throws IOException {
    Path file = Files.writeString(folder.resolve("s.conf"), "sluice {}");
    answer =
        new Canned(
            200, "application/json", "{\"version\":\"v2\",\"changes\":[\"fronts.dns: added\"]}");
    CtlRun run = ctl("apply", file.toString(), "--if-version", "v1");
    assertThat(run.out()).isEqualTo("version v2 is in force:\n  fronts.dns: added\n");
    assertThat(requests)
        .containsExactly(
            "PUT /v1/config"
                + BEARER
                + " | If-Match: \"v1\" | Content-Type: application/hocon | sluice {}");
  }

  @Test
  void aReloadThatChangedNothingSaysSo() {
    answer = new Canned(200, "application/json", "{\"version\":\"v2\",\"changes\":[]}");
    assertThat(ctl("reload").out()).isEqualTo("version v2 is in force; nothing has changed\n");
    assertThat(requests).containsExactly("POST /v1/config/reload" + BEARER + JSON + "{}");
  }

  @Test
  void mistakesAreNamedByTheFileThatWasSent() throws IOException {
    Path file = Files.writeString(folder.resolve("s.conf"), "sluice {}");
    answer =
        new Canned(
            200,
            "application/json",
            """
            {"valid":false,"problems":[{"file":"request","line":3,"path":"sluice.pol","message":"is unknown"}]}
            """);
    CtlRun run = ctl("validate", file.toString());
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.out()).isEqualTo(file + ":3: sluice.pol: is unknown\n");
  }

  @Test
  void mistakesOfARefusedChangeAreListed() {
    answer =
        new Canned(
            422,
            "application/problem+json",
            """
            {"detail":"the configuration would be wrong","problems":[{"path":"weight","message":"1 to 1000"}]}
            """);
    CtlRun run = ctl("backend", "set", "p/a", "--weight", "0");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err())
        .isEqualTo("weight: 1 to 1000\nsluice ctl: the configuration would be wrong\n");
  }

  @Test
  void anExplanationIsATableAndAnOutcome() {
    answer =
        new Canned(
            200,
            "application/json",
            """
            {"outcome":"FORWARD","pool":"p","backend":"a",
             "steps":[{"step":"guard","verdict":"PASS","why":"3 bytes, at most 1500"}]}
            """);
    CtlRun run =
        ctl("explain", "--front", "dns", "--client", "192.0.2.9:5353", "--payload-hex", "00ff");
    assertThat(run.out())
        .isEqualTo(
            """
            STEP   VERDICT  WHY
            guard  PASS     3 bytes, at most 1500
            FORWARD p/a
            """);
    assertThat(requests)
        .containsExactly(
            "POST /v1/explain"
                + BEARER
                + JSON
                + "{\"front\":\"dns\",\"client\":\"192.0.2.9:5353\",\"payloadHex\":\"00ff\"}");
  }

  @Test
  void aCaptureGoesToItsFileByteForByte() throws IOException {
    answer = new Canned(200, "application/x-pcapng", "\n\r\r\n");
    Path file = folder.resolve("c.pcapng");
    asks(
        "GET /v1/capture?client=%5B2001%3Adb8%3A%3A1%5D%3A53&limit=5&seconds=2" + BEARER,
        "capture",
        "-o",
        file.toString(),
        "--limit",
        "5",
        "--seconds",
        "2",
        "--client",
        "[2001:db8::1]:53");
    assertThat(file).hasContent("\n\r\r\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | the appliance does not know the token from --token (no such token)",
        "403 | the token from --token may not do this: no such token",
        "429 | no such token; try again in 3 s",
        "412 | no such token",
        "500 | no such token"
      })
  void refusalsSayWhichTokenItWas(int status, String message) {
    answer = new Canned(status, "application/problem+json", "{\"detail\":\"no such token\"}");
    answerHeaders = Map.of("Retry-After", "3");
    CtlRun run = ctl("reload", "--token", "t");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).isEqualTo("sluice ctl: " + message + "\n");
    assertThat(requests).singleElement().asString().contains("Bearer t");
  }

  @Test
  void aTokenThatOthersCanReadOnItsWayIsSaidToBe() {
    CtlRun run = ctl("--admin", "http://192.0.2.1:9", "--timeout", "1ms", "status");
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err()).startsWith("sluice ctl: the token goes over the network in the clear");
  }

  @Test
  void whoHasNoTokenIsToldWhereToGiveOne() {
    answer = new Canned(401, "application/problem+json", "{\"detail\":\"no token\"}");
    CtlRun run =
        CtlRun.of(
            Map.of("SLUICE_ADMIN", "http://127.0.0.1:" + server.getAddress().getPort()), "status");
    assertThat(run.err()).contains("give --token-file FILE, or set SLUICE_TOKEN");
  }

  @Test
  void somebodyElsesServerIsNotTakenForAnAppliance() {
    answer = new Canned(200, "text/html", "<html>");
    CtlRun run = ctl("status");
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err()).contains("the answer is no JSON");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "frobnicate",
        "drain",
        "drain resolvers",
        "drain /a",
        "workers many",
        "backend",
        "backend add resolvers/a",
        "backend set resolvers/a",
        "capture --recorded --front dns -o x",
        "top --interval 0s",
        "top --interval soon",
        "--timeout 1 status",
        "--admin ftp://x status",
        "--admin http:// status",
        "--token a --token-file b status",
        "--token-file /no/such/file status",
        "--token a,b status",
        "--ca /no/such/file status",
        "--admin https://127.0.0.1:1 --ca /no/such/file status",
        "--admin https://127.0.0.1:1 --key x status",
        "apply /no/such/file"
      })
  void wrongUsageExits2AndAsksNothing(String arguments) {
    CtlRun run = ctl(arguments.split(" ", -1));
    assertThat(run.status()).as(run.err()).isEqualTo(2);
    assertThat(run.err()).isNotBlank();
    assertThat(requests).isEmpty();
  }

  /** A token must not go where the appliance's address does not point. */
  @Test
  void aRedirectIsNotFollowed() {
    answer = new Canned(302, "text/html", "");
    answerHeaders = Map.of("Location", "http://127.0.0.1:1/");
    assertThat(ctl("status").status()).isEqualTo(1);
    assertThat(requests).hasSize(1);
  }
}
