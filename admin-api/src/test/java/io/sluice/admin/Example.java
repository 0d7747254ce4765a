package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** An appliance that runs a file of conf/examples, in which nothing is changed but addresses. */
record Example(ApplianceProcess sluice) implements AutoCloseable {
  /** Of whatever asks for one. */
  static final String SECRET = "a secret of this test";

  private static final Duration PATIENCE = Duration.ofSeconds(30);

  /**
   * Returns when every backend has passed a probe and is up.
   *
   * @param pools the addresses of their backends a, b and so on
   */
  static Example start(
      Path folder, String name, Map<String, List<String>> pools, List<String> fronts)
      throws Exception {
    var config = new StringBuilder();
    config.append(
        "include file(\"%s\")\n"
            .formatted(Path.of("../conf/examples", name + ".conf").toRealPath()));
    config.append("sluice.admin.listen = \"127.0.0.1:0\"\n");
    for (String front : fronts) {
      config.append("sluice.fronts.%s.listen = [\"127.0.0.1:0\"]\n".formatted(front));
    }
    pools.forEach(
        (pool, addresses) -> {
          for (int i = 0; i < addresses.size(); i++) {
            config.append(
                "sluice.pools.%s.backends.%c.address = \"%s\"\n"
                    .formatted(pool, 'a' + i, addresses.get(i)));
          }
        });
    String secret = "RADIUS_SECRET=" + SECRET;
    var example = new Example(ApplianceProcess.start(folder, "" + config, "env", secret));
    try {
      pools.forEach((pool, addresses) -> example.awaitProbed(pool, addresses.size()));
      return example;
    } catch (Throwable e) {
      example.close();
      throw e;
    }
  }

  private void awaitProbed(String pool, int backends) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              List<String> metrics = sluice.get("/metrics").lines().toList();
              String of = "{pool=\"" + pool + "\",backend=\"";
              assertThat(metrics)
                  .filteredOn(line -> line.startsWith("sluice_backend_probes_total" + of))
                  .filteredOn(line -> line.contains("result=\"passed\"") && !line.endsWith(" 0.0"))
                  .hasSize(backends);
              assertThat(metrics)
                  .filteredOn(line -> line.startsWith("sluice_backend_state" + of))
                  .filteredOn(line -> line.endsWith("state=\"UP\",} 1.0"))
                  .hasSize(backends);
            });
  }

  void add(String pool, DebianServer server) throws Exception {
    String at = sluice.url("/v1/pools/%s/backends/%s".formatted(pool, server.name()));
    String json = new JsonObject().put("address", server.address()).encode();
    String curl = "curl -sSf -m 10 -X PUT -H Content-Type:application/json -d";
    Ended put = Ended.run((curl + " " + json + " " + at).split(" "));
    assertThat(put.status()).as(put.err()).isZero();
  }

  int port(String front) throws Exception {
    JsonArray listen = sluice.json("/v1/fronts/" + front).getJsonArray("listen");
    return Integer.parseInt(listen.getString(0).replaceFirst(".*:", ""));
  }

  Stream<JsonObject> flows(String front) throws Exception {
    JsonArray flows = sluice.json("/v1/flows?limit=1000&front=" + front).getJsonArray("flows");
    return flows.stream().map(JsonObject.class::cast);
  }

  void assertLedger(String front, long requests, long replies) {
    await()
        .untilAsserted(
            () -> {
              JsonObject ledger = ledger(front);
              assertThat(ledger.getJsonObject("request").getLong("received")).isEqualTo(requests);
              assertThat(ledger.getJsonObject("reply").getLong("received")).isEqualTo(replies);
              assertNothingDropped(front);
            });
  }

  void assertNothingDropped(String front) throws Exception {
    JsonObject ledger = ledger(front);
    for (String side : List.of("request", "reply")) {
      assertThat(ledger.getJsonObject(side).getJsonObject("dropped").getMap().values())
          .as(ledger.encode())
          .isNotEmpty()
          .containsOnly(0);
    }
  }

  private JsonObject ledger(String front) throws Exception {
    return sluice.json("/v1/drops").getJsonArray("fronts").stream()
        .map(JsonObject.class::cast)
        .filter(ledger -> front.equals(ledger.getString("front")))
        .findFirst()
        .orElseThrow();
  }

  @Override
  public void close() {
    sluice.close();
  }
}
