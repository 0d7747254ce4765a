package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.Appliance;
import io.sluice.metrics.Drop;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.openapi.contract.OpenAPIContract;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;

class ContractTest {
  private final PublishedContract contract = new PublishedContract();
  private final JsonObject document = contract.document();

  @Test
  void isOpenApi31ByTheSchemaOfOpenApi() {
    // This reader knows few media types, so it gets a copy with those; the schema holds for all.
    String known =
        document
            .encode()
            .replace("application/problem+json", "application/json")
            .replace("application/openmetrics-text", "application/octet-stream")
            .replace("application/yaml", "text/plain")
            .replace("application/hocon", "text/plain")
            .replace("application/merge-patch+json", "application/octet-stream")
            .replace("application/x-pcapng", "application/octet-stream")
            .replace("text/event-stream", "text/plain")
            .replace("text/html", "text/plain")
            .replace("text/javascript", "text/plain")
            .replace("text/css", "application/octet-stream")
            .replace("image/svg+xml", "application/json");
    Vertx vertx = Vertx.vertx();
    try {
      OpenAPIContract read =
          OpenAPIContract.from(vertx, new JsonObject(known))
              .toCompletionStage()
              .toCompletableFuture()
              .join();
      assertThat(read.operations()).hasSize(30);
      assertThat(document.getString("openapi")).startsWith("3.1.");
    } finally {
      vertx.close().toCompletionStage().toCompletableFuture().join();
    }
  }

  @Test
  void everyOperationIsNamedDescribedAndSaysHowItRefuses() {
    Set<String> ids = new HashSet<>();
    eachOperation(
        (path, operation) -> {
          assertThat(ids.add(operation.getString("operationId"))).as(path).isTrue();
          assertThat(operation.getString("operationId")).matches("[a-z]+[A-Z][A-Za-z]+");
          assertThat(operation.getString("summary")).as(path).isNotBlank();
          assertThat(operation.getString("description")).as(path).isNotBlank();
          assertThat(operation.getJsonArray("tags")).as(path).hasSize(1);
          JsonObject responses = operation.getJsonObject("responses");
          assertThat(responses.fieldNames())
              .as(path)
              .contains("default")
              .anyMatch(ContractTest::isFine);
          responses.forEach(
              response -> {
                JsonObject resolved = contract.resolve((JsonObject) response.getValue());
                assertThat(resolved.getString("description")).as(path).isNotBlank();
                if (!isFine(response.getKey())) {
                  assertThat(resolved.getJsonObject("content").fieldNames())
                      .containsExactly("application/problem+json");
                }
              });
        });
    assertThat(ids).isEqualTo(Contract.load().operationIds());
  }

  @Test
  void everyExampleFitsItsSchema() {
    int[] examples = {0};
    eachObject(
        document,
        (name, object) -> {
          JsonObject schema = object.getJsonObject("schema");
          if (object.containsKey("example")) {
            contract.fits(schema, object.getValue("example"));
            examples[0]++;
          }
          if (object.containsKey("examples")) {
            object
                .getJsonObject("examples")
                .forEach(
                    example -> {
                      contract.fits(schema, ((JsonObject) example.getValue()).getValue("value"));
                      examples[0]++;
                    });
          }
        });
    assertThat(examples[0]).isGreaterThan(20);
  }

  @Test
  void everyResponseHasAnExample() {
    eachObject(
        document,
        (name, object) -> {
          if (name.contains("/") && !name.startsWith("/") && object.containsKey("schema")) {
            assertThat(object.fieldNames()).as(name).contains("example");
          }
        });
  }

  @Test
  void everyObjectIsClosedAndEveryPropertyDescribed() {
    JsonObject schemas = document.getJsonObject("components").getJsonObject("schemas");
    schemas.forEach(
        entry -> {
          JsonObject schema = (JsonObject) entry.getValue();
          assertThat(schema.getString("description")).as(entry.getKey()).isNotBlank();
          if ("object".equals(schema.getString("type"))) {
            assertThat(schema.getBoolean("additionalProperties")).as(entry.getKey()).isFalse();
            schema
                .getJsonObject("properties")
                .forEach(
                    property -> {
                      assertThat(property.getKey()).matches("[a-z]+([A-Z][a-z]+)*");
                      assertThat(((JsonObject) property.getValue()).getString("description"))
                          .as("%s.%s", entry.getKey(), property.getKey())
                          .isNotBlank();
                    });
          }
        });
  }

  @Test
  void closedSetsOfWordsAreThoseOfTheCode() {
    JsonObject schemas = document.getJsonObject("components").getJsonObject("schemas");
    assertThat(words(schemas, "LedgerSide", "dropped", "propertyNames"))
        .isEqualTo(Arrays.stream(Drop.values()).map(Drop::name).toList());
    assertThat(words(schemas, "Status", "phase"))
        .isEqualTo(Arrays.stream(Appliance.Phase.values()).map(Appliance.Phase::name).toList());
    assertThat(words(schemas, "Workers", "scaling"))
        .isEqualTo(Arrays.stream(Appliance.Scaling.values()).map(Appliance.Scaling::name).toList());
  }

  private static boolean isFine(String status) {
    return status.startsWith("2");
  }

  private static List<?> words(JsonObject schemas, String schema, String... steps) {
    JsonObject at = schemas.getJsonObject(schema).getJsonObject("properties");
    for (String step : steps) {
      at = at.getJsonObject(step);
    }
    return at.getJsonArray("enum").getList();
  }

  private void eachOperation(BiConsumer<String, JsonObject> check) {
    for (Map.Entry<String, Object> path : document.getJsonObject("paths")) {
      for (Map.Entry<String, Object> method : (JsonObject) path.getValue()) {
        if (!method.getKey().equals("parameters")) {
          check.accept(path.getKey(), (JsonObject) method.getValue());
        }
      }
    }
  }

  private static void eachObject(Object node, BiConsumer<String, JsonObject> check) {
    if (node instanceof JsonArray array) {
      array.forEach(
          element -> {
            if (element instanceof JsonObject object) {
              check.accept("", object);
            }
            eachObject(element, check);
          });
    } else if (node instanceof JsonObject object) {
      object.forEach(
          field -> {
            if (field.getValue() instanceof JsonObject value
                && !Set.of("example", "examples", "properties").contains(field.getKey())) {
              check.accept(field.getKey(), value);
            }
            if (!Set.of("example", "examples").contains(field.getKey())) {
              eachObject(field.getValue(), check);
            }
          });
    }
  }
}
