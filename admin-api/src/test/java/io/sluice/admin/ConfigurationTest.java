package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The configuration seen, checked, replaced and read again by request. */
class ConfigurationTest {
  private static final String CONFIG = "/v1/config";
  private static final String WRONG =
      CannedAppliance.HOCON.replace("pool = resolvers", "pol = resolvers");

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void whatIsInForceIsToldWithItsVersionAsETag() {
    Answer answer = Answer.of(api.get(CONFIG));
    String version = answer.json().getString("version");
    assertThat(answer.header("ETag")).hasValue('"' + version + '"');
    assertThat(answer.json())
        .isEqualTo(
            new JsonObject()
                .put("version", version)
                .put("source", "sluice.conf")
                .put("since", "2026-01-01T00:00:00Z")
                .put(
                    "config",
                    new JsonObject("{\"pools\":{\"resolvers\":{\"backends\":[\"a\",1,true]}}}")));
  }

  @Test
  void aRightTextIsValidAsHoconAndWithinJson() {
    var verdict = new JsonObject().put("valid", true).put("problems", new JsonArray());
    assertThat(hocon("POST", CONFIG + "/validate", CannedAppliance.HOCON).json())
        .isEqualTo(verdict);
    String within = JsonObject.of("hocon", CannedAppliance.HOCON).encode();
    assertThat(json("POST", CONFIG + "/validate", within).json()).isEqualTo(verdict);
  }

  @Test
  void aWrongTextIsToldEveryMistakeAndWhereItIs() {
    JsonObject verdict = hocon("POST", CONFIG + "/validate", WRONG).json();
    assertThat(verdict.getBoolean("valid")).isFalse();
    JsonObject first = verdict.getJsonArray("problems").getJsonObject(0);
    assertThat(first.getString("file")).isEqualTo("request");
    assertThat(first.getInteger("line")).isEqualTo(2);
    assertThat(first.getString("path")).startsWith("sluice.fronts.dns");
    assertThat(api.appliance.hocon).isEqualTo(CannedAppliance.HOCON);
  }

  @Test
  void ofAMillionMistakesAThousandAreTold() {
    Answer verdict = hocon("POST", CONFIG + "/validate", "a=1\n".repeat(200_000));
    assertThat(verdict.status()).isEqualTo(200);
    assertThat(verdict.json().getJsonArray("problems").size()).isBetween(1, 1_000);
  }

  @Test
  void aTextIsPutInForce() {
    String text = CannedAppliance.HOCON + "# and a remark\n";
    Answer put = hocon("PUT", CONFIG, text);
    assertThat(put.status()).isEqualTo(200);
    assertThat(put.json().getJsonArray("changes")).isEqualTo(JsonArray.of("another text"));
    assertThat(api.appliance.hocon).isEqualTo(text);
    assertThat(put.header("ETag")).isEqualTo(Answer.of(api.get(CONFIG)).header("ETag"));
  }

  /** What GET shows under {@code config} can be put back. */
  @Test
  void anObjectIsWhatStandsUnderSluice() {
    String object =
        """

        { "fronts": { "dns": { "listen": ["127.0.0.1:5300"], "pool": "resolvers" } },
          "pools": { "resolvers": { "backends": { "a": { "address": "127.0.0.1:53" } } } } }
        """;
    assertThat(json("PUT", CONFIG, object).status()).isEqualTo(200);
    JsonObject refused = json("PUT", CONFIG, object.replace("\"pool\"", "\"pol\"")).json();
    assertThat(refused.getJsonArray("problems").getJsonObject(0).getInteger("line"))
        .as("lines are those of the content")
        .isEqualTo(2);
  }

  @Test
  void aWrongTextIsRefusedWithEveryMistake() {
    Answer put = hocon("PUT", CONFIG, WRONG);
    assertThat(put.status()).isEqualTo(422);
    assertThat(put.json().getString("detail"))
        .startsWith("the configuration would be wrong: sluice.fronts.dns");
    assertThat(put.json().getJsonArray("problems")).isNotEmpty();
    assertThat(api.appliance.hocon).isEqualTo(CannedAppliance.HOCON);
  }

  @Test
  void whatCannotBePutInForceIsAConflict() {
    api.appliance.refusal = Optional.of("workers.max cannot change: restart");
    for (Answer answer :
        new Answer[] {
          hocon("PUT", CONFIG, CannedAppliance.HOCON), json("POST", CONFIG + "/reload", "{}")
        }) {
      assertThat(answer.status()).isEqualTo(409);
      assertThat(answer.json().getString("detail")).isEqualTo("workers.max cannot change: restart");
    }
  }

  @Test
  void whoHasSeenAnotherOneChangesNothing() {
    String seen = Answer.of(api.get(CONFIG)).header("ETag").orElseThrow();
    String text = CannedAppliance.HOCON + "#\n";
    Answer refused = hocon("PUT", CONFIG, text, "If-Match", "\"0000000000000000\"");
    assertThat(refused.status()).isEqualTo(412);
    assertThat(refused.header("ETag")).hasValue(seen);
    assertThat(refused.json().getString("detail")).contains("If-Match").contains(seen);
    assertThat(api.appliance.hocon).isEqualTo(CannedAppliance.HOCON);
    assertThat(hocon("PUT", CONFIG, text, "If-Match", "\"x\", " + seen).status()).isEqualTo(200);
    assertThat(hocon("PUT", CONFIG, text, "If-Match", seen).status()).isEqualTo(412);
    assertThat(hocon("PUT", CONFIG, text, "If-Match", "*").status()).isEqualTo(200);
  }

  @Test
  void aConditionHasSoManyETagsAtMost() {
    String most = "\"x\"" + ", W/\"x\"".repeat(31);
    assertThat(hocon("PUT", CONFIG, CannedAppliance.HOCON, "If-Match", most).status())
        .isEqualTo(412);
    for (String more : List.of(most + ",\"\"", "\"\"" + ",\"\"".repeat(2_500))) {
      Answer refused = hocon("PUT", CONFIG, CannedAppliance.HOCON, "If-Match", more);
      assertThat(refused.status()).isEqualTo(400);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"0a1b2c3d4e5f6071", "\"x", "*, \"x\"", "w/\"x\"", "\"x\" \"y\"", ","})
  void aConditionThatIsNoListOfETagsIsRefused(String condition) {
    Answer refused = hocon("PUT", CONFIG, CannedAppliance.HOCON, "If-Match", condition);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().getString("parameter")).isEqualTo("If-Match");
  }

  @Test
  void theFileIsReadAgain() {
    api.appliance.file = CannedAppliance.HOCON + "#\n";
    assertThat(json("POST", CONFIG + "/reload", "{}").json().getJsonArray("changes")).hasSize(1);
    assertThat(json("POST", CONFIG + "/reload", "{}").json().getJsonArray("changes")).isEmpty();
    api.appliance.file = WRONG;
    assertThat(json("POST", CONFIG + "/reload", "{}").status()).isEqualTo(422);
  }

  @Test
  void aMegabyteIsTakenAndNoMore() {
    String filling = "#".repeat((1 << 20) - CannedAppliance.HOCON.length());
    assertThat(hocon("PUT", CONFIG, CannedAppliance.HOCON + filling).status()).isEqualTo(200);
    assertThat(hocon("PUT", CONFIG, CannedAppliance.HOCON + filling + "#").status()).isEqualTo(413);
    assertThat(json("POST", CONFIG + "/reload", "{" + " ".repeat(4_096) + "}").status())
        .isEqualTo(413);
  }

  @ParameterizedTest
  @CsvSource({
    "text/plain, application/hocon; application/json",
    "application/x-www-form-urlencoded, application/x-www-form-urlencoded",
    "application/json;charset=utf-16, utf-16",
    "application/merge-patch+json, application/merge-patch+json"
  })
  void otherTypesAreRefusedWithThoseTaken(String type, String told) {
    Answer refused =
        Answer.of(api.send("PUT", CONFIG, "{}".getBytes(StandardCharsets.UTF_8), type));
    assertThat(refused.status()).isEqualTo(415);
    assertThat(refused.header("Accept")).hasValue("application/hocon, application/json");
    assertThat(refused.json().getString("detail")).contains(told.replace(";", ","));
  }

  @Test
  void typesMayBeWrittenInAnyCaseAndWithACharset() {
    for (String type : new String[] {"Application/HOCON", "application/hocon; charset=\"UTF-8\""}) {
      assertThat(
              api.send("PUT", CONFIG, CannedAppliance.HOCON.getBytes(StandardCharsets.UTF_8), type)
                  .statusCode())
          .as(type)
          .isEqualTo(200);
    }
  }

  @Test
  void encodedContentIsRefused() {
    assertThat(hocon("PUT", CONFIG, "x", "Content-Encoding", "gzip").json().getString("detail"))
        .endsWith("not encoded as gzip");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"hocon\":\"a\",\"hocon\":\"b\"} | Duplicate",
        "{\"hocon\":\"a\"} {}              | trailing",
        "{\"hocon\":'a'}                   | Unexpected character",
        "{\"hocon\":                       | Unexpected end",
        "{\"hocon\":NaN}                   | NaN",
        "{\"hocon\":1}                     | hocon must be text",
        "{\"hocon\":null}                  | hocon must be text",
        "{}                                | must have hocon",
        "[]                                | must be an object",
        "null                              | must be an object",
        "{\"hocon\":\"a\",\"x\":1}         | x is unknown; known here are: hocon"
      })
  void contentThatDoesNotFitIsToldWhereAndWhatIsExpected(String content, String told) {
    Answer refused = json("POST", CONFIG + "/validate", content);
    assertThat(refused.status()).as(content).isEqualTo(400);
    assertThat(refused.json().getString("detail")).as(content).contains(told);
  }

  @Test
  void depthsOfJsonAreRefusedBeforeTheyAreEntered() {
    String deep = "{\"a\":".repeat(100_000);
    assertThat(json("PUT", CONFIG, deep).json().getString("detail")).contains("depth");
  }

  @Test
  void brokenUtf8IsRefused() {
    byte[] overlong = {'"', (byte) 0xc0, (byte) 0xaf, '"'};
    for (String type : new String[] {"application/json", "application/hocon"}) {
      Answer refused = Answer.of(api.send("PUT", CONFIG, overlong, type));
      assertThat(refused.status()).isEqualTo(400);
      assertThat(refused.json().getString("detail")).isEqualTo("the content is not UTF-8");
    }
  }

  private Answer hocon(String method, String path, String content, String... headers) {
    return Answer.of(
        api.send(
            method, path, content.getBytes(StandardCharsets.UTF_8), "application/hocon", headers));
  }

  private Answer json(String method, String path, String content) {
    return Answer.of(
        api.send(method, path, content.getBytes(StandardCharsets.UTF_8), "application/json"));
  }
}
