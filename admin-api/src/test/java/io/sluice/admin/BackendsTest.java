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

/** One backend added, changed and removed by request. */
class BackendsTest {
  private static final String BACKENDS = "/v1/pools/resolvers/backends/";
  private static final String A = BACKENDS + "a";
  private static final String NEW = "{\"address\":\"192.0.2.7:53\"}";

  private final AdminApi api = new AdminApi();

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void aBackendIsToldAsInItsPool() {
    assertThat(api.json(A))
        .isEqualTo(api.json("/v1/pools/resolvers").getJsonArray("backends").getJsonObject(0));
  }

  @Test
  void itsETagIsThatOfAddressAndWeight() {
    String before = etag(A);
    assertThat(etag(A)).isEqualTo(before);
    assertThat(patch(A, "{\"weight\":2}").header("ETag")).isNotEmpty().isNotEqualTo(before);
    assertThat(patch(A, "{\"weight\":1}").header("ETag")).hasValue(before);
    assertThat(patch(A, "{\"address\":\"[::1]:5399\"}").header("ETag")).isNotEqualTo(before);
    assertThat(etag(A)).isNotEqualTo(before);
  }

  @Test
  void putAddsWhatIsNotThere() {
    Answer put = put(BACKENDS + "new", NEW);
    assertThat(put.status()).isEqualTo(201);
    assertThat(put.header("Location")).hasValue(BACKENDS + "new");
    assertThat(put.json().getInteger("weight")).isEqualTo(1);
    assertThat(put.json()).isEqualTo(api.json(BACKENDS + "new"));
    assertThat(put.header("ETag")).hasValue(etag(BACKENDS + "new"));
  }

  @Test
  void aPoolThatIsRemovedMeanwhileIsNotThere() {
    api.appliance.whenWishing =
        () -> {
          throw new IllegalArgumentException("no pool 'resolvers'");
        };
    Answer refused = put(BACKENDS + "new", NEW);
    assertThat(refused.status()).isEqualTo(404);
    assertThat(refused.json().getString("detail")).isEqualTo("no pool 'resolvers'");
  }

  @Test
  void theLocationOfWhateverNameLeadsToIt() {
    Answer put = put(BACKENDS + "%41.b_c-1", NEW);
    assertThat(put.header("Location")).hasValue(BACKENDS + "A.b_c-1");
    Answer refused = put(BACKENDS + "a%2Fb", NEW);
    assertThat(refused.status()).isEqualTo(422);
    assertThat(refused.json().getString("detail")).contains("a name starts with");
  }

  @Test
  void putReplacesWhatIsThere() {
    Answer put = put(A, "{\"address\":\"192.0.2.7:53\",\"weight\":7}");
    assertThat(put.status()).isEqualTo(200);
    assertThat(put.header("Location")).isEmpty();
    assertThat(put.json().getString("address")).isEqualTo("192.0.2.7:53");
    assertThat(put.json().getInteger("weight")).isEqualTo(7);
    assertThat(put(A, NEW).json().getInteger("weight")).as("of which nothing is left").isOne();
  }

  @Test
  void whatElseThereIsToKnowIsTold() {
    api.appliance.warnings = List.of("in force, but");
    assertThat(put(BACKENDS + "new", NEW).json().getJsonArray("warnings"))
        .containsExactly("in force, but");
    assertThat(patch(A, "{\"weight\":5}").json().getJsonArray("warnings"))
        .containsExactly("in force, but");
  }

  @Test
  void patchChangesWhatIsNamed() {
    JsonObject heavier = patch(A, "{\"weight\":5}").json();
    assertThat(heavier.getInteger("weight")).isEqualTo(5);
    assertThat(heavier.getString("address")).isEqualTo("[::1]:5300");
    JsonObject elsewhere = patch(A, NEW).json();
    assertThat(elsewhere.getInteger("weight")).isEqualTo(5);
    assertThat(elsewhere.getString("address")).isEqualTo("192.0.2.7:53");
    assertThat(patch(A, "{\"weight\":null}").json().getInteger("weight")).isOne();
    assertThat(patch(A, "{}").json().getString("address")).isEqualTo("192.0.2.7:53");
  }

  @Test
  void plainJsonIsAMergePatchToo() {
    assertThat(send("PATCH", A, "application/json", "{\"weight\":5}").json().getInteger("weight"))
        .isEqualTo(5);
    Answer refused = send("PATCH", A, "application/json-patch+json", "[]");
    assertThat(refused.status()).isEqualTo(415);
    assertThat(refused.header("Accept-Patch"))
        .hasValue("application/json, application/merge-patch+json");
  }

  @Test
  void deleteRemoves() {
    assertThat(delete(A).status()).isEqualTo(204);
    assertThat(api.problem(404, A).getJsonArray("existing")).isEqualTo(JsonArray.of("z"));
    assertThat(delete(A).status()).isEqualTo(404);
    assertThat(delete(BACKENDS + "z").status()).as("a pool without any is wrong").isEqualTo(422);
  }

  @Test
  void changesHappenOnlyToWhatTheirAuthorHasSeen() {
    String seen = etag(A);
    patch(A, "{\"weight\":2}");
    String now = etag(A);
    for (Answer refused :
        List.of(
            put(A, NEW, "If-Match", seen),
            patch(A, NEW, "If-Match", seen),
            delete(A, "If-Match", seen),
            delete(A, "If-Match", "W/" + now),
            delete(A, "If-Match", "\"\""),
            put(A, NEW, "If-None-Match", "*"),
            put(A, NEW, "If-None-Match", "\"x\", W/" + now),
            delete(A, "If-Match", "*", "If-None-Match", now))) {
      assertThat(refused.status()).isEqualTo(412);
      assertThat(refused.header("ETag")).hasValue(now);
    }
    assertThat(api.json(A).getInteger("weight")).isEqualTo(2);
    assertThat(patch(A, "{\"weight\":3}", "If-Match", "\"a,b\" , " + now).status()).isEqualTo(200);
    assertThat(put(A, NEW, "If-None-Match", now).status()).isEqualTo(200);
    assertThat(delete(A, "If-Match", "*").status()).isEqualTo(204);
  }

  @Test
  void repeatedConditionsAreOneList() {
    assertThat(delete(A, "If-Match", "\"x\"", "If-Match", etag(A)).status()).isEqualTo(204);
  }

  @Test
  void ifNothingIsThereOnlyCreationIsAllowed() {
    Answer refused = put(BACKENDS + "new", NEW, "If-Match", "*");
    assertThat(refused.status()).isEqualTo(412);
    assertThat(refused.header("ETag")).isEmpty();
    assertThat(refused.json().getString("detail"))
        .isEqualTo("If-Match does not hold: there is nothing yet");
    assertThat(put(BACKENDS + "new", NEW, "If-None-Match", "*").status()).isEqualTo(201);
    assertThat(put(BACKENDS + "new", NEW, "If-None-Match", "*").status()).isEqualTo(412);
    assertThat(delete(BACKENDS + "never", "If-Match", "*").status()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "PUT", "PATCH", "DELETE"})
  void unknownPoolsAreRefusedWithThoseThereAre(String method) {
    String path = "/v1/pools/nope/backends/a";
    Answer refused =
        switch (method) {
          case "GET" -> Answer.of(api.get(path));
          case "PUT" -> put(path, NEW);
          case "PATCH" -> patch(path, NEW);
          default -> delete(path);
        };
    assertThat(refused.status()).isEqualTo(404);
    assertThat(refused.json().getJsonArray("existing"))
        .isEqualTo(JsonArray.of("resolvers", "collectors"));
  }

  @Test
  void anUnknownBackendIsRefusedWithThoseThereAre() {
    assertThat(patch(BACKENDS + "nope", NEW).json().getJsonArray("existing"))
        .isEqualTo(JsonArray.of("a", "z"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"address\":\"example.org:53\"}             | address | names are looked up by"
            + " discovery.dns of a pool only",
        "{\"address\":\"192.0.2.7\"}                  | address | needs a port",
        "{\"address\":\"192.0.2.7:0\"}                | address | needs a port from 1 to 65535",
        "{\"address\":\"\"}                           | address | is not an address with a port",
        "{\"address\":\"192.0.2.7:53\",\"weight\":0}    | weight  | must be a whole number from 1",
        "{\"address\":\"192.0.2.7:53\",\"weight\":1001} | weight  | must be a whole number from 1"
      })
  void whatTheConfigurationRefusesIsToldInItsWords(String content, String property, String told) {
    Answer refused = put(A, content);
    assertThat(refused.status()).isEqualTo(422);
    JsonObject mistake = refused.json().getJsonArray("problems").getJsonObject(0);
    assertThat(mistake.getString("path")).endsWith(property);
    assertThat(mistake.getString("message")).contains(told);
    assertThat(api.json(A).getString("address")).isEqualTo("[::1]:5300");
  }

  @Test
  void anAddressHasNoDefault() {
    assertThat(patch(A, "{\"address\":null}").json().getString("detail"))
        .isEqualTo(
            "the configuration would be wrong: address is required: write e.g. 192.0.2.1:53");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{}                                           | must have address",
        "{\"address\":53}                             | address must be text",
        "{\"address\":\"192.0.2.7:53\",\"weight\":\"2\"}  | weight must be a whole number",
        "{\"address\":\"192.0.2.7:53\",\"weight\":1.5}  | weight must be a whole number",
        "{\"address\":\"192.0.2.7:53\",\"weight\":null} | weight must be a whole number",
        "{\"address\":\"192.0.2.7:53\",\"weight\":1e30} | weight must be a whole number",
        "{\"address\":\"192.0.2.7:53\",\"wieght\":2}    | wieght is unknown"
      })
  void contentOfAnotherShapeIsRefused(String content, String told) {
    Answer refused = put(A, content);
    assertThat(refused.status()).isEqualTo(400);
    assertThat(refused.json().getString("detail")).contains(told);
  }

  @Test
  void whatCannotBePutInForceIsAConflict() {
    api.appliance.refusal = Optional.of("out of file descriptors: raise the limit");
    assertThat(put(A, NEW).status()).isEqualTo(409);
    assertThat(delete(A).json().getString("detail"))
        .isEqualTo("out of file descriptors: raise the limit");
  }

  private String etag(String path) {
    return Answer.of(api.get(path)).header("ETag").orElseThrow();
  }

  private Answer put(String path, String content, String... headers) {
    return send("PUT", path, "application/json", content, headers);
  }

  private Answer patch(String path, String content, String... headers) {
    return send("PATCH", path, "application/merge-patch+json", content, headers);
  }

  private Answer delete(String path, String... headers) {
    return Answer.of(api.exchange("DELETE", path, headers));
  }

  private Answer send(String method, String path, String type, String content, String... headers) {
    return Answer.of(
        api.send(method, path, content.getBytes(StandardCharsets.UTF_8), type, headers));
  }
}
