package io.sluice.ctl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Whole configurations, there and back. */
final class Configurations {
  private static final Path STANDARD_INPUT = Path.of("-");

  private Configurations() {}

  static String read(Path file) {
    try {
      return file.equals(STANDARD_INPUT)
          ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
          : Files.readString(file);
    } catch (IOException e) {
      throw Failure.usage("%s: cannot be read (%s)".formatted(file, e));
    }
  }

  /** As HOCON that {@code apply} takes back. */
  static List<String> effective(JsonObject answer) {
    List<String> lines = new ArrayList<>();
    lines.add(
        Table.printable(
            "# version %s, since %s, from %s"
                .formatted(
                    answer.getString("version"),
                    answer.getString("since"),
                    answer.getString("source"))));
    lines.add("# *** stands for a secret: where it is applied, it means the one in force");
    lines.addAll(
        JsonObject.of("sluice", answer.getJsonObject("config")).encodePrettily().lines().toList());
    return lines;
  }

  /** What is different now. */
  static List<String> applied(JsonObject answer) {
    JsonArray changes = answer.getJsonArray("changes", new JsonArray());
    List<String> lines = new ArrayList<>();
    lines.add(
        "version %s is in force%s"
            .formatted(
                answer.getString("version"), changes.isEmpty() ? "; nothing has changed" : ":"));
    changes.forEach(change -> lines.add("  " + Table.printable(String.valueOf(change))));
    return lines;
  }

  /**
   * @param file that was sent
   */
  static List<String> verdict(JsonObject answer, Path file) {
    return answer.getBoolean("valid") ? List.of("ok") : problems(answer, Optional.of(file));
  }

  /**
   * As {@code file:line: path: message}.
   *
   * @param file what we call the text that was sent, which has no name there
   */
  static List<String> problems(JsonObject answer, Optional<Path> file) {
    return Tables.objects(answer, "problems").stream()
        .map(
            each ->
                place(each, file)
                    + each.getString("path", "")
                    + ": "
                    + each.getString("message", ""))
        .map(Table::printable)
        .toList();
  }

  private static String place(JsonObject problem, Optional<Path> file) {
    return problem.containsKey("line")
        ? "%s:%d: "
            .formatted(
                file.map(Path::toString).orElseGet(() -> problem.getString("file", "")),
                problem.getInteger("line"))
        : "";
  }
}
