package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What would become of a datagram, asked over HTTP. */
class ExplainingTest {
  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void outcomeAndStepsAreTheAppliances() {
    assertThat(explain(JsonObject.of("front", "dns", "client", "192.0.2.7:5353"), 200))
        .isEqualTo(
            new JsonObject(
                """
                {"outcome":"FORWARD","pool":"resolvers","backend":"a",
                 "steps":[{"step":"SIZE","verdict":"PASS","why":"as told"}]}
                """));
    JsonObject large =
        JsonObject.of("front", "dns", "client", "[2001:db8::1]:7", "local", "[::1]:53")
            .put("payloadHex", "0aFF".repeat(32_700));
    assertThat(explain(large, 200).getString("reason")).isEqualTo("OVERSIZE");
    assertThat(explain(large, 200).containsKey("backend")).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "dns, 192.0.2.7:70000, 192.0.2.1:53, '', port out of range",
    "dns, 192.0.2.777:53, 192.0.2.1:53, '', client '192.0.2.777:53' is no address",
    "dns, [1::2::3]:53, 192.0.2.1:53, '', client '[1::2::3]:53' is no address",
    "dns, localhost:53, 192.0.2.1:53, '', client must match",
    "dns, 192.0.2.7:53, 192.0.2.1:54, '', does not listen there",
    "dns, 192.0.2.7:53, 192.0.2.1:53, abc, payloadHex must match"
  })
  void whatMakesNoDatagramIsSaid(
      String front, String client, String local, String payload, String why) {
    JsonObject asked =
        JsonObject.of("front", front, "client", client, "local", local, "payloadHex", payload);
    assertThat(explain(asked, 400).getString("detail")).contains(why);
  }

  @Test
  void anUnknownFrontIsRefusedWithThoseThereAre() {
    JsonObject problem = explain(JsonObject.of("front", "dsn", "client", "192.0.2.7:5353"), 404);
    assertThat(problem.getString("detail")).isEqualTo("no front 'dsn'; there are: 'dns', 'syslog'");
  }

  private JsonObject explain(JsonObject asked, int status) {
    HttpResponse<String> response = api.post("/v1/explain", asked.encode());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return new JsonObject(response.body());
  }
}
