package io.sluice.admin;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** conf/examples/dns.conf between real clients and two real DNS servers of different makers. */
@Timeout(120)
class DnsIT {
  private static final Path EXAMPLE = Path.of("../conf/examples/dns.conf").toAbsolutePath();

  /** Programs, and the Debian packages that have them. */
  private static final Map<String, String> NEEDED =
      Map.of(
          "curl", "curl",
          "dig", "bind9-dnsutils",
          "dnsperf", "dnsperf",
          "/usr/sbin/knotd", "knot",
          "/usr/sbin/nsd", "nsd");

  /** Errors that eject a backend, the default of {@code health.passive.fall}. */
  private static final int FALL = 3;

  private static final String NOBODY = "nobody";

  @TempDir Path folder;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private NameServer a;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private NameServer b;

  private final Deque<AutoCloseable> running = new ArrayDeque<>();

  @BeforeEach
  void startServers() throws Exception {
    for (var needed : NEEDED.entrySet()) {
      assumeTrue(
          Ended.run("sh", "-c", "command -v " + needed.getKey()).status() == 0,
          () -> "needs %s: install the package %s".formatted(needed.getKey(), needed.getValue()));
    }
    a = NameServer.nsd(folder);
    running.push(a);
    b = NameServer.knot(folder);
    running.push(b);
  }

  @AfterEach
  void stopAll() throws Exception {
    while (!running.isEmpty()) {
      running.pop().close();
    }
  }

  @Test
  void ten_thousand_queries_of_a_hundred_clients_are_all_answered_and_booked() throws Exception {
    ApplianceProcess sluice = start("source-address");
    Path queries = Files.writeString(folder.resolve("queries"), "www.sluice.test A\n");

    Ended dnsperf =
        Ended.run(
            "sh",
            "-c",
            "dnsperf -s 127.0.0.1 -p %d -d %s -c 100 -n 10000 -Q 2000"
                .formatted(front(sluice, 0).port(), queries));

    assertThat(dnsperf.out())
        .containsPattern("Queries completed: +10000 \\(100.00%\\)")
        .containsPattern("Queries lost: +0 ")
        .containsPattern("Response codes: +NOERROR 10000 ");
    assertLedger(sluice, 10_000, 10_000);
    // No client had a second flow, and a flow has one backend: so nobody changed servers.
    assertThat(sluice.json("/v1/fronts/dns").getLong("flowsOpened")).isEqualTo(100);
    assertThat(backend(sluice, "a").getLong("replies")).isPositive();
    assertThat(backend(sluice, "b").getLong("replies")).isPositive();
    assertThat(sluice.terminate()).isZero();
  }

  @Test
  void answers_of_every_size_come_from_the_address_that_was_asked() throws Exception {
    ApplianceProcess sluice = start("source-ip");
    int v4 = front(sluice, 0).port();
    int v6 = front(sluice, 1).port();
    // dig takes an answer from nowhere else; the fronts' wildcard addresses leave that to Sluice.
    for (Dig front :
        List.of(new Dig("127.0.0.1", v4), new Dig("127.9.8.7", v4), new Dig("::1", v6))) {
      assertThat(front.ask("www.sluice.test", "A", "+short").out()).isEqualTo("192.0.2.80\n");
      assertThat(front.ask("big.sluice.test", "TXT", "+bufsize=4096").out())
          .contains("ANSWER: 12,", "MSG SIZE  rcvd: 2600", "(UDP)");
      assertThat(front.ask("big.sluice.test", "TXT", "+noedns", "+ignore").out())
          .contains("flags: qr aa tc rd;", "ANSWER: 0,");
      assertThat(front.ask("www.sluice.test", "A", "+tcp").out()).contains("connection refused");
    }
    assertLedger(sluice, 9, 9);
    assertThat(sluice.log())
        .anyMatch(line -> line.endsWith("front dns on 0.0.0.0:" + v4 + "/udp, pool resolvers"))
        .anyMatch(line -> line.endsWith("front dns on [::]:" + v6 + "/udp, pool resolvers"));
  }

  @Test
  void a_client_stays_with_its_server_whatever_port_it_asks_from() throws Exception {
    ApplianceProcess sluice = start("source-ip");
    Dig front = front(sluice, 0);
    Map<String, String> first = who(front, clients("127.7.7.%d", 1, 10));
    assertThat(first.values()).contains("nsd").contains("knot").doesNotContain(NOBODY);
    for (int again = 0; again < 3; again++) {
      assertThat(who(front, first.keySet())).isEqualTo(first);
    }
    assertLedger(sluice, 40, 40);
    assertThat(sluice.json("/v1/fronts/dns").getLong("flowsOpened")).isGreaterThan(10);
  }

  @ParameterizedTest
  @CsvSource({"a, TERM", "b, KILL"})
  void clients_of_a_stopped_server_move_and_it_comes_back_by_trial(String down, String signal)
      throws Exception {
    ApplianceProcess sluice = start("source-address");
    Dig front = front(sluice, 0);
    NameServer stopped = down.equals("a") ? a : b;
    NameServer other = down.equals("a") ? b : a;
    Map<String, String> before = who(front, clients("127.7.7.7#%d", 20_001, 20_012));
    Set<String> clients = before.keySet();
    List<String> hit =
        clients.stream().filter(at -> stopped.name().equals(before.get(at))).toList();
    assertThat(hit).hasSizeBetween(FALL + 1, clients.size() - 1);
    Map<String, String> untouched = flows(sluice, other);

    stopped.stop(signal);
    // Each error that counts has cost a query, as UDP tells of a closed port only by ICMP.
    Map<String, String> during = who(front, clients);
    assertThat(during).allSatisfy((client, who) -> assertThat(who).isIn(NOBODY, other.name()));
    assertThat(clients)
        .filteredOn(at -> NOBODY.equals(during.get(at)))
        .isEqualTo(hit.subList(0, FALL));
    assertThat(who(front, clients).values()).containsOnly(other.name());
    assertSaidWhy(sluice, down, hit.size());
    Map<String, String> settled = flows(sluice, other);
    assertThat(settled).hasSize(clients.size()).containsAllEntriesOf(untouched);

    stopped.restart();
    String onTrial = "on trial after 15 s ejected";
    sluice.awaitLog("INFO  Watch: backend resolvers/" + down + " " + onTrial);
    assertBackend(sluice, down, "TRIAL", true, onTrial);
    int newcomers = newcomersUntil(stopped, front);
    sluice.awaitLog("INFO  Watch: backend resolvers/" + down + " up: answered on trial");
    assertBackend(sluice, down, "UP", true, "up: answered on trial");
    assertThat(sluice.metric(sample("up", down))).isOne();
    assertThat(who(front, clients).values()).containsOnly(other.name());
    assertThat(flows(sluice, other)).containsAllEntriesOf(settled);

    int queries = 4 * clients.size() + newcomers;
    assertLedger(sluice, queries, queries - FALL);
    assertThat(sluice.terminate()).isZero();
    assertThat(sluice.log()).last().asString().endsWith("INFO  Run: stopped");
  }

  /** In the log, in the API and in the metrics, in the same words. */
  private static void assertSaidWhy(ApplianceProcess sluice, String down, int flows)
      throws Exception {
    String why = "ejected for 15 s: 3 ICMP unreachable errors from 3 flows within 10 s";
    sluice.awaitLog("WARN  Watch: backend resolvers/" + down + " " + why);
    assertBackend(sluice, down, "EJECTED", false, why);
    assertThat(sluice.metric(sample("up", down))).isZero();
    assertThat(sluice.metric(sample("unreachable_total", down))).isEqualTo(FALL);
    assertThat(sluice.metric(sample("ejections_total", down))).isOne();
    String closed = "sluice_flows_closed_total{front=\"dns\",reason=\"%s\",}";
    assertThat(sluice.metric(closed.formatted("REFUSED"))).isEqualTo(FALL);
    assertThat(sluice.metric(closed.formatted("REHOMED"))).isEqualTo(flows - FALL);
  }

  private static String sample(String metric, String backend) {
    return "sluice_backend_%s{pool=\"resolvers\",backend=\"%s\",}".formatted(metric, backend);
  }

  private static void assertBackend(
      ApplianceProcess sluice, String name, String state, boolean eligible, String reason)
      throws Exception {
    JsonObject backend = backend(sluice, name);
    assertThat(backend.getString("state")).as(backend.encode()).isEqualTo(state);
    assertThat(backend.getBoolean("eligible")).isEqualTo(eligible);
    assertThat(backend.getString("reason")).isEqualTo(reason);
  }

  private static JsonObject backend(ApplianceProcess sluice, String name) throws Exception {
    return rows(sluice.json("/v1/pools/resolvers"), "backends")
        .filter(backend -> name.equals(backend.getString("name")))
        .findFirst()
        .orElseThrow();
  }

  /** The ids of a server's flows, by client. */
  private Map<String, String> flows(ApplianceProcess sluice, NameServer server) throws Exception {
    String backend = server == a ? "a" : "b";
    return rows(sluice.json("/v1/flows?limit=100&backend=" + backend), "flows")
        .collect(toMap(flow -> flow.getString("client"), flow -> flow.getString("id")));
  }

  /** Nothing is dropped on either way: what was not answered was sent to a server that was down. */
  private static void assertLedger(ApplianceProcess sluice, long queries, long answers) {
    await()
        .untilAsserted(
            () -> {
              JsonObject ledger = sluice.json("/v1/drops").getJsonArray("fronts").getJsonObject(0);
              assertAllForwarded(ledger.getJsonObject("request"), queries);
              assertAllForwarded(ledger.getJsonObject("reply"), answers);
            });
  }

  private static void assertAllForwarded(JsonObject side, long datagrams) {
    assertThat(side.getLong("received")).as(side.encode()).isEqualTo(datagrams);
    assertThat(side.getLong("forwarded")).isEqualTo(datagrams);
    assertThat(side.getJsonObject("dropped").getMap().values()).isNotEmpty().containsOnly(0);
    assertThat(side.getLong("pending")).isZero();
  }

  /** Who answers each client, one after the other, each asking once. */
  private static Map<String, String> who(Dig front, Iterable<String> clients) throws Exception {
    Map<String, String> answers = new LinkedHashMap<>();
    for (String client : clients) {
      answers.put(client, front.who(client).orElse(NOBODY));
    }
    return answers;
  }

  /** New clients ask until one is dealt that server; returns how many it took. */
  private static int newcomersUntil(NameServer server, Dig front) throws Exception {
    List<String> newcomers = clients("127.7.7.7#%d", 20_101, 20_150);
    int asked = 0;
    boolean dealt = false;
    while (!dealt) {
      dealt = server.name().equals(front.who(newcomers.get(asked++)).orElseThrow());
    }
    return asked;
  }

  private static List<String> clients(String format, int first, int last) {
    return IntStream.rangeClosed(first, last).mapToObj(format::formatted).toList();
  }

  private static Stream<JsonObject> rows(JsonObject json, String array) {
    return json.getJsonArray(array).stream().map(JsonObject.class::cast);
  }

  private ApplianceProcess start(String affinity) throws Exception {
    String config =
        """
        include file("%s")
        sluice {
          # So patient that the time the test itself takes does not show; judged by its traffic alone.
          fronts.dns { listen = ["0.0.0.0:0", "[::]:0"], flows.idle-timeout = 60s }
          pools.resolvers { affinity.key = %s, backends { a.address = "%s", b.address = "%s" }, health { passive.eject-for = 15s, probe.interval = 7d } }
          admin.listen = "127.0.0.1:0"
        }
        """
            .formatted(EXAMPLE, affinity, a.address(), b.address());
    ApplianceProcess sluice = ApplianceProcess.start(folder, config);
    running.push(sluice);
    return sluice;
  }

  /** One of the example's two listen addresses: IPv4, IPv6. */
  private static Dig front(ApplianceProcess sluice, int index) throws Exception {
    String listen = sluice.json("/v1/fronts/dns").getJsonArray("listen").getString(index);
    int colon = listen.lastIndexOf(':');
    String loopback = listen.startsWith("[") ? "::1" : "127.0.0.1";
    return new Dig(loopback, Integer.parseInt(listen.substring(colon + 1)));
  }
}
