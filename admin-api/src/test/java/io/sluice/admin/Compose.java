package io.sluice.admin;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** docker/compose.yaml, as far as tests want to know. */
record Compose(JsonObject json) {
  static final Path FILE = Installed.CHECKOUT.resolve("docker/compose.yaml");

  static Compose read() throws Exception {
    return new Compose(yaml(FILE));
  }

  static JsonObject yaml(Path file) throws Exception {
    Map<String, Object> map =
        new Yaml(new SafeConstructor(new LoaderOptions())).load(Files.readString(file));
    return new JsonObject(map);
  }

  /** What of the host a service sees, and where. */
  record Mount(String from, String to, boolean readOnly) {
    boolean isBind() {
      return from.startsWith("./");
    }

    Path source() {
      return FILE.resolveSibling(from).normalize();
    }
  }

  record Service(JsonObject json) {
    List<String> command() {
      return List.of(json.getString("command").split(" ", -1));
    }

    List<Mount> mounts() {
      return json.getJsonArray("volumes", new JsonArray()).stream()
          .map(each -> ((String) each).split(":", -1))
          .map(part -> new Mount(part[0], part[1], part.length > 2 && part[2].equals("ro")))
          .toList();
    }

    Mount mountedAt(String path) {
      return mounts().stream().filter(each -> each.to().equals(path)).findFirst().orElseThrow();
    }
  }

  Set<String> services() {
    return json.getJsonObject("services").fieldNames();
  }

  Service service(String name) {
    return new Service(json.getJsonObject("services").getJsonObject(name));
  }
}
