package io.sluice.admin;

import io.sluice.config.SluiceConfig.Role;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What is right at an appliance with the fronts {@code steady} and {@code toy}, and no contract can
 * know: names, addresses, configurations, and what was learnt from answers. All but tokens and
 * {@code steady} varies.
 */
final class Vocabulary {
  static final String ADMIN = "sluice_admin-of-the-fuzz-test";
  static final String VIEWER = "sluice_viewer-of-the-fuzz-test";

  private static final Pattern ASSET = Pattern.compile("assets/([0-9a-f]{16})/([A-Za-z.]+)");

  private final Random random;
  private final List<Integer> steady;
  private final List<Integer> toy;
  private String front = "";

  /** Of {@code toy}; at first nobody's, as any might be of {@code steady}. */
  private List<String> flowIds = List.of("9000000000000000000");

  private String etag = "\"0000000000000000\"";
  private JsonObject config = new JsonObject();
  private List<MatchResult> assets = List.of();

  /**
   * @param steady ports of that front's backends
   * @param toy the same
   */
  Vocabulary(Random random, List<Integer> steady, List<Integer> toy) {
    this.random = random;
    this.steady = List.copyOf(steady);
    this.toy = List.copyOf(toy);
  }

  /** Where the front {@code toy} is. */
  void found(String address) {
    front = address;
  }

  /** What later requests can be about. */
  void learn(String operation, Answer answer) {
    etag = answer.header("ETag").orElse(etag);
    if (operation.equals("getDashboard")) {
      assets = ASSET.matcher(answer.body()).results().toList();
    } else if (operation.equals("getConfig")) {
      config = answer.json().getJsonObject("config");
    } else if (operation.equals("listFlows")) {
      List<String> ids =
          answer.json().getJsonArray("flows").stream()
              .map(JsonObject.class::cast)
              .filter(flow -> flow.getString("front").equals("toy"))
              .map(flow -> flow.getString("id"))
              .toList();
      flowIds = ids.isEmpty() ? flowIds : ids;
    }
  }

  Map<String, Supplier<?>> words() {
    Map<String, Supplier<?>> words = new TreeMap<>();
    words.put("front", () -> "toy");
    words.put("pool", () -> "toy");
    words.put("backend", () -> "t" + random.nextInt(4));
    words.put("build", () -> assets.isEmpty() ? "0000000000000000" : assets.getFirst().group(1));
    words.put("file", () -> assets.isEmpty() ? "app.js" : pick(assets).group(2));
    words.put("id", () -> pick(flowIds));
    words.put("cursor", () -> Flows.cursor(1 + random.nextInt(100)));
    words.put("count", () -> random.nextInt(3));
    words.put("weight", () -> 1 + random.nextInt(1_000));
    words.put("deadline", () -> pick(List.of("0s", "100ms", "5m", "999999h")));
    words.put("address", () -> "127.0.0.1:" + pick(List.of(toy.get(0), toy.get(1), 9)));
    words.put("If-Match", () -> pick(List.of("*", etag, "\"x\", W/" + etag)));
    words.put("If-None-Match", () -> pick(List.of("*", "\"x\"")));
    words.put("client", () -> "127.0.0.1:" + (1 + random.nextInt(65_535)));
    words.put("local", () -> front);
    words.put("payloadHex", () -> "a5".repeat(pick(List.of(0, 1, 200, 65_536))));
    words.put("hocon", this::hocon);
    words.put("application/hocon", this::hocon);
    words.put("anything", this::json);
    return words;
  }

  private <T> T pick(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  /** A right configuration, of which {@code toy} is always another and the rest never. */
  String hocon() {
    return """
    sluice {
      workers { min = 1, max = 2 }
      admin { listen = "127.0.0.1:0", tokens = [
        { name = fuzz, sha256 = "%s", role = admin }, { name = guest, sha256 = "%s" }
      ] }
      fronts { steady { listen = ["127.0.0.1:0"], pool = steady } }
      pools { steady { backends {
        s0 { address = "127.0.0.1:%d" }
        s1 { address = "127.0.0.1:%d" }
      } } }
      fronts { toy {
        listen = ["127.0.0.1:0"], pool = toy, max-datagram = %d
        flows { max = %d, idle-timeout = %ds }
      } }
      pools { toy { backends {
        t0 { address = "127.0.0.1:%d", weight = %d }
        t1 { address = "127.0.0.1:%d" }
      } } }
    }
    """
        .formatted(
            Secrets.token("fuzz", ADMIN, Role.ADMIN).sha256(),
            Secrets.token("guest", VIEWER, Role.VIEWER).sha256(),
            steady.get(0),
            steady.get(1),
            100 + random.nextInt(1_400),
            10 + random.nextInt(100),
            2 + random.nextInt(60),
            toy.get(0),
            1 + random.nextInt(10),
            toy.get(1));
  }

  /** The configuration as it was last seen, but for {@code toy}. */
  private JsonObject json() {
    JsonObject changed = config.copy();
    if (changed.containsKey("fronts")) {
      changed
          .getJsonObject("fronts")
          .getJsonObject("toy")
          .put("max-datagram", 100 + random.nextInt(1_400));
    }
    return changed;
  }
}
