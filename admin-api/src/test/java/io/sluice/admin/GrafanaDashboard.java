package io.sluice.admin;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** docker/grafana/dashboard.json, as far as tests want to know. */
record GrafanaDashboard(JsonObject json) {
  /** What a panel or a variable asks of Prometheus. */
  record Question(String of, String expression) {}

  static GrafanaDashboard read() throws IOException {
    return new GrafanaDashboard(
        new JsonObject(Files.readString(Path.of("../docker/grafana/dashboard.json"))));
  }

  /** Rows included. */
  List<JsonObject> panels() {
    return objects(json.getJsonArray("panels"));
  }

  List<JsonObject> variables() {
    return objects(json.getJsonObject("templating").getJsonArray("list"));
  }

  List<JsonObject> annotations() {
    return objects(json.getJsonObject("annotations").getJsonArray("list"));
  }

  /** What all panels ask. */
  List<Question> questions() {
    List<Question> all = new ArrayList<>();
    for (JsonObject panel : panels()) {
      for (JsonObject target : targets(panel)) {
        all.add(new Question(panel.getString("title"), target.getString("expr")));
      }
    }
    return all;
  }

  static List<JsonObject> targets(JsonObject panel) {
    return objects(panel.getJsonArray("targets", new JsonArray()));
  }

  /** As Grafana does. */
  static String fillIn(String expression, Map<String, String> variables) {
    String filled = expression;
    for (var variable : variables.entrySet()) {
      filled = filled.replace("$" + variable.getKey(), variable.getValue());
    }
    return filled;
  }

  private static List<JsonObject> objects(JsonArray array) {
    return array.stream().flatMap(each -> Stream.of((JsonObject) each)).toList();
  }
}
