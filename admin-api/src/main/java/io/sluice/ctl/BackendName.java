package io.sluice.ctl;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Which backend of which pool. */
record BackendName(String pool, String backend) {

  /** Reads {@code POOL/BACKEND}. */
  static final class Reader implements ITypeConverter<BackendName> {
    @Override
    public BackendName convert(String text) {
      int slash = text.indexOf('/');
      if (slash < 1 || slash == text.length() - 1) {
        throw new TypeConversionException("'" + text + "' is not POOL/BACKEND");
      }
      return new BackendName(text.substring(0, slash), text.substring(slash + 1));
    }
  }

  String path(String... more) {
    return Api.path(
        Stream.concat(Stream.of("pools", pool, "backends", backend), Stream.of(more))
            .toArray(String[]::new));
  }

  /** What the appliance says it is now. */
  List<String> state(JsonObject answer) {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s at %s, weight %d, is %s: %s; %d flows"
            .formatted(
                this,
                answer.getString("address"),
                answer.getLong("weight"),
                Tables.state(answer),
                answer.getString("reason"),
                answer.getLong("flows")));
    answer.getJsonArray("warnings", new JsonArray()).forEach(each -> lines.add("warning: " + each));
    return lines.stream().map(Table::printable).toList();
  }

  @Override
  public String toString() {
    return pool + "/" + backend;
  }
}
