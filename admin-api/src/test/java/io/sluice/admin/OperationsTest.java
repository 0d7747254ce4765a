package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.client.Counter;
import io.sluice.Appliance.Client;
import io.sluice.Appliance.FlowQuery;
import io.sluice.Appliance.Phase;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is answered; that it fits openapi.yaml, {@link AdminApi} checks each time. */
class OperationsTest {
  private static final String HOSTILE = "a\"b\\c\n<script>alert('x')</script>\u2028/../%2F+ é";

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void everyPathOfTheContractIsServedForGetAndHead() {
    JsonObject paths = api.contract.document().getJsonObject("paths");
    paths.remove("/v1/events"); // its answer has no end, see EventsTest
    paths.remove("/v1/capture"); // likewise, see CapturingTest
    for (String template : paths.fieldNames()) {
      if (!paths.getJsonObject(template).containsKey("get")) {
        continue;
      }
      String path =
          template
              .replace("{front}", "dns")
              .replace("{pool}", "resolvers")
              .replace("{backend}", "a")
              .replace("/assets/{build}/{file}", DashboardTest.asset(api, "app.js"));
      HttpResponse<String> get = api.get(path);
      HttpResponse<String> head = api.exchange("HEAD", path);
      assertThat(get.statusCode()).as(path).isEqualTo(200);
      assertThat(head.statusCode()).as(path).isEqualTo(200);
      assertThat(head.headers().firstValueAsLong("Content-Length"))
          .as(path)
          .hasValue(get.body().getBytes(StandardCharsets.UTF_8).length);
      assertThat(head.headers().firstValue("Content-Type"))
          .isEqualTo(get.headers().firstValue("Content-Type"));
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/v1",
        "/v1/",
        "/v1/status/",
        "//v1/status",
        "/v1//status",
        "/V1/status",
        "/v1/./status",
        "/v1/%73tatus",
        "/v1/fronts/",
        "/v1/fronts/dns/",
        "/v1/fronts/dns/x",
        "/v1/fronts/a/../dns",
        "/index.html",
        "/openapi.json",
        "/META-INF/MANIFEST.MF"
      })
  void nothingElseIsServed(String path) {
    assertThat(api.problem(404, path).getString("instance")).isEqualTo(path);
  }

  @Test
  void statusIsTheAppliances() {
    assertThat(api.json("/v1/status"))
        .isEqualTo(
            new JsonObject(
                """
                {"role":"admin","version":"0.1.0","java":"25","netty":"4.2","transport":"epoll","phase":"RUNNING",
                 "startedAt":"2026-01-01T00:00:00Z","uptimeSeconds":90.5,"workers":2,"flows":3,
                 "fdsOpen":40,"fdsMax":1024,"fdsFree":512}
                """));
  }

  @Test
  void addressesAreShortestFormWithBracketsForIpv6() {
    assertThat(api.json("/v1/fronts/dns").getJsonArray("listen"))
        .isEqualTo(JsonArray.of("0.0.0.0:53", "[2001:db8::1]:53"));
    assertThat(
            api.json("/v1/pools/resolvers")
                .getJsonArray("backends")
                .getJsonObject(0)
                .getString("address"))
        .isEqualTo("[::1]:5300");
  }

  @Test
  void ledgerNamesOnlyReasonsThatCameUp() {
    JsonObject request =
        api.json("/v1/drops").getJsonArray("fronts").getJsonObject(0).getJsonObject("request");
    assertThat(request)
        .isEqualTo(
            new JsonObject(
                """
                {"received":10,"forwarded":6,"dropped":{"OVERSIZE":2,"NO_FD":1},"pending":1,"receivedBytes":900}
                """));
  }

  @ParameterizedTest
  @CsvSource({"STARTING,starting", "DRAINING,draining", "RUNNING,a pool waits"})
  void notReadySaysWhy(Phase phase, String why) {
    api.appliance.ready = false;
    api.appliance.phase = phase;
    assertThat(api.problem(503, "/readyz").getString("detail")).contains(why);
    assertThat(api.json("/healthz")).isEqualTo(JsonObject.of("status", "ALIVE"));
  }

  @Test
  void unknownNamesAreRefusedWithTheNamesThereAre() {
    JsonObject front = api.problem(404, "/v1/fronts/dsn");
    assertThat(front.getString("detail")).isEqualTo("no front 'dsn'; there are: 'dns', 'syslog'");
    assertThat(front.getJsonArray("existing")).isEqualTo(JsonArray.of("dns", "syslog"));
    assertThat(api.problem(404, "/v1/pools/dns").getJsonArray("existing"))
        .isEqualTo(JsonArray.of("resolvers", "collectors"));
    api.appliance.pools = List.of();
    assertThat(api.problem(404, "/v1/pools/x").getString("detail"))
        .isEqualTo("no pool 'x'; there are: none");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1.5", "100%", "a%41", "[1]", "\"x\"", "true", "a+b", "a b", HOSTILE})
  void anyNameCanBeAskedFor(String name) {
    api.appliance.fronts = List.of(Statuses.front("dns"), Statuses.front(name));
    String escaped = URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    assertThat(api.json("/v1/fronts/" + escaped).getString("name")).isEqualTo(name);
    api.json("/v1/flows?front=" + escaped);
    assertThat(api.appliance.queries.getLast().front()).hasValue(name);
  }

  @Test
  void plusInAPathIsAPlus() {
    api.appliance.fronts = List.of(Statuses.front("a+b"));
    assertThat(api.json("/v1/fronts/a+b").getString("name")).isEqualTo("a+b");
  }

  @Test
  void hostileNamesStayInsideTheirLabels() {
    Counter.build("sluice_test_total", "A \\ help\nof two lines")
        .labelNames("front")
        .register(api.appliance.metrics)
        .labels(HOSTILE)
        .inc();
    String label =
        "front=\"" + HOSTILE.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    HttpResponse<String> text = api.get("/metrics");
    assertThat(text.headers().firstValue("Content-Type"))
        .hasValue("text/plain; version=0.0.4; charset=utf-8");
    assertThat(text.body()).contains("sluice_test_total{" + label + "\",} 1.0\n");
    HttpResponse<String> open =
        api.get(
            "/metrics", "Accept", "application/openmetrics-text; version=1.0.0, text/plain;q=0.5");
    assertThat(open.headers().firstValue("Content-Type"))
        .hasValue("application/openmetrics-text; version=1.0.0; charset=utf-8");
    assertThat(open.body())
        .contains("sluice_test_total{" + label + "\"} 1.0\n")
        .endsWith("# EOF\n");
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 192.0.2.1, 0",
    "192.0.2.1:5353, 192.0.2.1, 5353",
    "2001:db8::1, 2001:db8::1, 0",
    "::, ::, 0",
    "[2001:db8::1], 2001:db8::1, 0",
    "[2001:db8::1]:5353, 2001:db8::1, 5353",
    "::ffff:192.0.2.1, 192.0.2.1, 0",
    "2001:db8::1:5353, 2001:db8::1:5353, 0"
  })
  void clientsAreAddressesWithOrWithoutPort(String client, String address, int port) {
    api.json("/v1/flows?client=" + URLEncoder.encode(client, StandardCharsets.UTF_8));
    assertThat(api.appliance.queries)
        .containsExactly(
            new FlowQuery(
                Optional.empty(),
                Optional.empty(),
                Optional.of(new Client(InetAddress.ofLiteral(address), port)),
                100,
                0));
  }

  @ParameterizedTest
  @CsvSource({
    "limit=0, limit",
    "limit=1001, limit",
    "limit=-1, limit",
    "limit=1.5, limit",
    "limit=ten, limit",
    "limit=99999999999999999999, limit",
    "limit=, limit",
    "limit=5&limit=5, limit",
    "limt=5, limt",
    "front=, front",
    "front=nope, front",
    "backend=nope, backend",
    "client=localhost, client",
    "client=example.com:53, client",
    "client=192.0.2, client",
    "client=192.0.2.256, client",
    "client=192.0.2.1:0, client",
    "client=192.0.2.1:65536, client",
    "client=12:34, client",
    "client=1::2::3, client",
    "client=%5B::1%5D:, client",
    "client=fe80::1%25lo, client",
    "cursor=x, cursor",
    "cursor=AAAAAAAAAAA, cursor",
    "cursor=__________8, cursor",
    "cursor=AAAAAAAAEAF, cursor"
  })
  void parametersThatDoNotFitAreNamed(String query, String parameter) {
    JsonObject problem = api.problem(400, "/v1/flows?" + query);
    assertThat(problem.getString("parameter")).isEqualTo(parameter);
    assertThat(problem.getString("detail")).startsWith("parameter '" + parameter + "': ");
  }

  @Test
  void operationsWithoutParametersRefuseThem() {
    assertThat(api.problem(400, "/v1/status?pretty=1").getString("parameter")).isEqualTo("pretty");
  }

  @Test
  void flowsOfABackendThatLeftTheConfigurationAreListed() {
    api.appliance.flows.put(1L, Statuses.flow(1, "dns", "gone", CannedAppliance.address("::1", 9)));
    assertThat(api.json("/v1/flows?backend=gone").getJsonArray("flows")).hasSize(1);
  }

  @Test
  void filtersAreCombined() {
    api.appliance.open(1, 5);
    api.appliance.flows.put(
        9L, Statuses.flow(9, "syslog", "b", CannedAppliance.address("2001:db8::7", 9)));
    assertThat(ids(api.json("/v1/flows?front=syslog&backend=b&client=2001:db8::7")))
        .containsExactly(9L);
    assertThat(ids(api.json("/v1/flows?front=dns&client=192.0.2.1:1027"))).containsExactly(3L);
    assertThat(ids(api.json("/v1/flows?front=dns&client=192.0.2.1:1&limit=5"))).isEmpty();
  }

  @Test
  void pagesShowEveryLastingFlowOnceAndNoneTwiceUnderChurn() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    api.appliance.open(1, 2_000);
    Set<Long> lasting = new HashSet<>(api.appliance.flows.keySet());
    List<Long> seen = new ArrayList<>();
    long next = 2_001;
    Optional<String> cursor = Optional.empty();
    do {
      JsonObject page =
          api.json("/v1/flows?limit=137" + cursor.map(c -> "&cursor=" + c).orElse(""));
      seen.addAll(ids(page));
      cursor = Optional.ofNullable(page.getString("nextCursor"));
      for (int i = 0; i < 50; i++) {
        long victim = 1 + random.nextLong(next);
        api.appliance.flows.remove(victim);
        lasting.remove(victim);
      }
      api.appliance.open(next, next + 19);
      next += 20;
    } while (cursor.isPresent());
    assertThat(seen).as("seed %d", seed).doesNotHaveDuplicates().isSorted().containsAll(lasting);
    assertThat(lasting).hasSizeGreaterThan(500);
  }

  @Test
  void aFlowIsEnded() {
    api.appliance.open(1, 3);
    assertThat(api.exchange("DELETE", "/v1/flows/2").statusCode()).isEqualTo(204);
    assertThat(ids(api.json("/v1/flows"))).containsExactly(1L, 3L);
  }

  @ParameterizedTest
  @CsvSource({
    "2, 404",
    "0, 404",
    "9223372036854775807, 404",
    "9223372036854775808, 404",
    "-1, 400",
    "x, 400",
    "12345678901234567890, 400",
    "1%78, 400"
  })
  void aFlowThatIsNotThereIsNotEnded(String id, int status) {
    HttpResponse<String> refused = api.exchange("DELETE", "/v1/flows/" + id);
    assertThat(refused.statusCode()).isEqualTo(status);
  }

  @Test
  void lastFullPageIsTheLast() {
    api.appliance.open(1, 10);
    assertThat(api.json("/v1/flows?limit=10").fieldNames()).containsExactly("flows");
    assertThat(api.json("/v1/flows?limit=9").fieldNames()).containsExactly("flows", "nextCursor");
  }

  @Test
  void theContractIsServedByteForByte() {
    assertThat(api.get("/openapi.yaml").body()).isEqualTo(Contract.load().yaml());
  }

  private static List<Long> ids(JsonObject page) {
    return page.getJsonArray("flows").stream()
        .map(flow -> Long.valueOf(((JsonObject) flow).getString("id")))
        .toList();
  }
}
