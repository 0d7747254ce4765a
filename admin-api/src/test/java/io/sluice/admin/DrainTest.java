package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Draining and enabling backends by request, and what is told of them. */
class DrainTest {
  private static final String A = "/v1/pools/resolvers/backends/a/";

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @ParameterizedTest
  @CsvSource({"1500ms, PT1.5S", "30s, PT30S", "2m, PT2M", "1h, PT1H", "0s, PT0S"})
  void drainsUntilADeadlineInAnyUnit(String deadline, String duration) {
    HttpResponse<String> drained =
        api.post(A + "drain", new JsonObject().put("deadline", deadline).encode());
    assertThat(drained.statusCode()).isEqualTo(200);
    assertThat(new JsonObject(drained.body()).getString("name")).isEqualTo("a");
    assertThat(api.appliance.wishes).containsExactly("drain resolvers/a within " + duration);
  }

  @Test
  void drainsForAsLongAsItTakesAndEnables() {
    assertThat(api.post(A + "drain", "{}").statusCode()).isEqualTo(200);
    assertThat(api.post(A + "enable", "{}").statusCode()).isEqualTo(200);
    assertThat(api.appliance.wishes).containsExactly("drain resolvers/a", "enable resolvers/a");
  }

  @Test
  void whoIsFoundNoLongerCanBeEnabledButNotShown() {
    String gone = A.replace("/a/", "/gone/");
    assertThat(api.post(gone + "enable", "{}").statusCode()).isEqualTo(404);
    assertThat(api.post(gone + "drain", "{}").statusCode()).isEqualTo(404);
    assertThat(api.appliance.wishes).containsExactly("enable resolvers/gone");
  }

  @Test
  void whatWillNotOutliveARestartIsTold() {
    api.appliance.warnings = List.of("in force, but");
    for (String wish : List.of("drain", "enable")) {
      assertThat(new JsonObject(api.post(A + wish, "{}").body()).getJsonArray("warnings"))
          .containsExactly("in force, but");
    }
    api.appliance.warnings = List.of();
    assertThat(new JsonObject(api.post(A + "drain", "{}").body()).containsKey("warnings"))
        .isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"drain", "enable"})
  void whatIsRemovedMeanwhileIsNotThere(String wish) {
    api.appliance.whenWishing =
        () -> {
          throw new IllegalArgumentException("pool 'resolvers' has no backend 'a'");
        };
    JsonObject refused = new JsonObject(api.post(A + wish, "{}").body());
    assertThat(refused.getInteger("status")).isEqualTo(404);
    assertThat(refused.getString("detail")).isEqualTo("pool 'resolvers' has no backend 'a'");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"deadline\":30}",
        "{\"deadline\":\"30\"}",
        "{\"deadline\":\"-1s\"}",
        "{\"deadline\":\"1 day\"}",
        "{\"deadline\":\"9999999s\"}",
        "{\"until\":\"30s\"}",
        "[]",
        ""
      })
  void whatDoesNotFitIsRefused(String content) {
    assertThat(api.post(A + "drain", content).statusCode()).isEqualTo(400);
    assertThat(api.appliance.wishes).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"resolvers, nope, a", "nope, a, collectors"})
  void unknownNamesAreRefusedWithTheNamesThereAre(String pool, String backend, String existing) {
    HttpResponse<String> refused =
        api.post("/v1/pools/" + pool + "/backends/" + backend + "/drain", "{}");
    assertThat(refused.statusCode()).isEqualTo(404);
    assertThat(new JsonObject(refused.body()).getString("detail")).contains("nope", existing);
    assertThat(api.appliance.wishes).isEmpty();
  }

  /** What a web page can have sent without asking: another type, or nothing at all. */
  @Test
  void aPageCannotAskForIt() {
    assertThat(api.exchange("POST", A + "enable").statusCode()).isEqualTo(400);
    assertThat(api.appliance.wishes).isEmpty();
  }

  @Test
  void aBackendTellsWhatIsKnownOfIt() {
    JsonObject a = api.json("/v1/pools/resolvers").getJsonArray("backends").getJsonObject(0);
    assertThat(a)
        .isEqualTo(
            new JsonObject(
                """
                {"name":"a","address":"[::1]:5300","weight":1,"state":"UP","eligible":true,"score":99,
                 "reason":"no evidence","since":"2026-01-01T00:00:00Z","flows":1,
                 "latencyMillis":1.234567,"unreachable":2,"ejections":3,"requests":4,"replies":5,"origin":"configured",
                 "history":[{"at":"2026-01-01T00:00:00Z","from":"UP","to":"DRAINING",
                             "reason":"wants to go"}],
                 "replyRatio":0.999,
                 "draining":{"since":"2026-01-01T00:00:00Z","byItself":true,
                             "deadline":"2026-01-01T00:00:30Z"},
                 "probe":{"passed":true,"reason":"wants to go","tookSeconds":0.002,
                          "at":"2026-01-01T00:00:00Z"}}
                """));
  }
}
