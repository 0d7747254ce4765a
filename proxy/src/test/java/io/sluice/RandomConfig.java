package io.sluice;

import io.sluice.net.KernelFeatures;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A configuration that becomes another again and again: a front <em>main</em> that all may happen
 * to but its end, one <em>steady</em> with a pool of its own that nothing happens to, and others
 * that come and go.
 */
final class RandomConfig {
  private static final List<String> POLICIES =
      List.of("maglev", "ketama", "least-load", "weighted-round-robin", "random");
  private static final List<String> KEYS =
      List.of("key = source-address", "key = source-ip", "key = source-prefix, prefix-v4 = 16");

  /**
   * Where flows of main may be.
   *
   * @param backends numbers of servers by name
   */
  record Place(String pool, Map<String, Integer> backends) {
    /** Whether a flow with that server has no reason to move. */
    boolean stays(int server, Place next) {
      return pool.equals(next.pool)
          && backends.entrySet().stream()
              .anyMatch(
                  each ->
                      each.getValue() == server
                          && each.getValue().equals(next.backends.get(each.getKey())));
    }
  }

  private final Random random;
  private final List<InetSocketAddress> servers;
  private final InetSocketAddress taken;
  private final int[] ports = new int[4];

  private final Map<String, Map<String, Integer>> pools = new TreeMap<>();
  private final Map<String, String> ofPool = new TreeMap<>();
  private final List<Integer> extraPorts = new ArrayList<>();
  private String main = "p0";
  private String ofMain = "";
  private String extraFront = "";
  private String ofAll = "";

  RandomConfig(Random random, List<InetSocketAddress> servers, InetSocketAddress taken) {
    this.random = random;
    this.servers = servers;
    this.taken = taken;
    for (int i = 0; i < ports.length; i++) {
      ports[i] = freePort();
    }
    reset();
  }

  /** None that a flow may leave from: it could be in use when a front wants it. */
  private int freePort() {
    while (true) {
      int port = 10_000 + random.nextInt(50_000);
      if (!KernelFeatures.localPorts().get(port) && isFree(port)) {
        return port;
      }
    }
  }

  private static boolean isFree(int port) {
    try (Client _ = new Client("127.0.0.1", port)) {
      return true;
    } catch (SocketException e) {
      return false;
    }
  }

  /** As at first. */
  void reset() {
    pools.clear();
    ofPool.clear();
    extraPorts.clear();
    for (String name : List.of("p0", "p1")) {
      pools.put(name, new TreeMap<>(Map.of("a", 0, "b", 1, "c", 2)));
    }
    main = "p0";
    ofMain = "";
    extraFront = "";
    ofAll = "";
  }

  /** Uses all there is, so that what Java opens once for it is open. */
  void useAll() {
    for (String pool : pools.keySet()) {
      ofPool.put(pool, "health.probe { type = udp, send = \"text:hi\", interval = 100ms },");
    }
    extraPorts.add(ports[1]);
    extraFront = "one";
    ofAll = "workers.min = 2";
  }

  /** Becomes another, in one to four ways. */
  void mutate() {
    for (int i = random.nextInt(4); i >= 0; i--) {
      mutateOnce();
    }
  }

  private void mutateOnce() {
    switch (random.nextInt(8)) {
      case 0, 1, 2 -> mutateBackends(any(pools.values()));
      case 3 -> main = any(pools.keySet());
      case 4 ->
          ofMain =
              "max-datagram = %d, flows { max = %d, idle-timeout = %ds, new-per-second = %d }"
                  .formatted(
                      100 + random.nextInt(1_400),
                      1_000 + random.nextInt(9_000),
                      30 + random.nextInt(60),
                      10_000 + random.nextInt(10_000));
      case 5 -> mutatePool(any(pools.keySet()));
      case 6 -> mutateFronts();
      default -> {
        ofAll =
            "drain-timeout = %ds, workers.min = %d"
                .formatted(1 + random.nextInt(9), 1 + random.nextInt(2));
        if (!main.equals("p2")) {
          pools.remove("p2");
        }
        if (random.nextBoolean()) {
          pools.putIfAbsent("p2", new TreeMap<>(Map.of("x", 3, "y", 4)));
        }
      }
    }
  }

  private void mutateBackends(Map<String, Integer> backends) {
    List<Integer> free = new ArrayList<>();
    for (int server = 0; server < servers.size(); server++) {
      if (!backends.containsValue(server)) {
        free.add(server);
      }
    }
    int what = random.nextInt(3);
    if (what == 0 && !free.isEmpty()) { // one more, or one at another address
      backends.put(any(List.of("a", "b", "c", "d", "e")), any(free));
    } else if (what == 1 && backends.size() > 1) {
      backends.remove(any(backends.keySet()));
    } else if (!backends.containsKey("f")) { // another name for the same server
      backends.put("f", Objects.requireNonNull(backends.remove(any(backends.keySet()))));
    }
  }

  private void mutatePool(String pool) {
    ofPool.put(
        pool,
        "balance.policy = %s, affinity { %s }, repeatable = %s, slow-start = %ds, %s health { passive { fall = %d, reply-ratio = %s, stall-timeout = 20s, window = %ds }%s },"
            .formatted(
                any(POLICIES),
                any(KEYS),
                random.nextBoolean(),
                random.nextInt(2),
                random.nextBoolean() ? "source-addresses = [\"127.0.0.1\"]," : "",
                2 + random.nextInt(5),
                random.nextBoolean(),
                5 + random.nextInt(10),
                random.nextBoolean()
                    ? ", probe { type = udp, send = \"text:hi\", interval = 200ms, timeout = 200ms,"
                        + " fall = 100 }"
                    : ""));
  }

  private void mutateFronts() {
    if (random.nextBoolean()) {
      extraPorts.clear();
      for (int i = random.nextInt(3); i > 0; i--) {
        extraPorts.add(ports[i]);
      }
    } else {
      // by any name, at the same address
      extraFront = any(List.of("", "one", "other"));
    }
  }

  private <T> T any(java.util.Collection<T> of) {
    return List.copyOf(of).get(random.nextInt(of.size()));
  }

  /** Where clients may be sent to beside those of main and steady. */
  List<InetSocketAddress> extras() {
    List<Integer> all = new ArrayList<>(extraPorts);
    if (!extraFront.isEmpty()) {
      all.add(ports[3]);
    }
    return all.stream().map(port -> at(port)).toList();
  }

  private static InetSocketAddress at(int port) {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
  }

  Place place() {
    return new Place(main, Map.copyOf(Objects.requireNonNull(pools.get(main))));
  }

  String text() {
    StringBuilder text =
        new StringBuilder("sluice {\n  workers.max = 2\n  " + ofAll + "\n  fronts {\n");
    String more =
        extraPorts.stream()
            .map(port -> ", \"127.0.0.1:" + port + "\"")
            .collect(Collectors.joining());
    front(text, "main", "\"127.0.0.1:" + ports[0] + "\"" + more, main, ofMain);
    front(text, "steady", "\"127.0.0.2:0\"", "steady", "");
    if (!extraFront.isEmpty()) {
      String sockets = random.nextBoolean() ? "connected" : "shared";
      front(text, extraFront, "\"127.0.0.1:" + ports[3] + "\"", "p0", "peer-sockets = " + sockets);
    }
    text.append("  }\n  pools {\n");
    pools.forEach((name, backends) -> pool(text, name, backends));
    text.append("    steady { backends { ");
    for (int i = 0; i < servers.size(); i++) {
      backend(text, "s" + i, servers.get(i), 1);
    }
    // nobody uses it, and no two reloads agree on where it is
    text.append("} }\n    idle { backends { ");
    backend(text, "i", at(1 + random.nextInt(60_000)), 1);
    return text.append("} }\n  }\n}\n").toString();
  }

  private static void front(
      StringBuilder text, String name, String listen, String pool, String options) {
    text.append("    %s { listen = [%s], pool = %s, %s }\n".formatted(name, listen, pool, options));
  }

  private void pool(StringBuilder text, String name, Map<String, Integer> backends) {
    text.append("    " + name + " { " + ofPool.getOrDefault(name, "") + " backends { ");
    backends.forEach(
        (backend, server) -> backend(text, backend, servers.get(server), 1 + random.nextInt(5)));
    text.append("} }\n");
  }

  private static void backend(StringBuilder text, String name, InetSocketAddress at, int weight) {
    text.append(
        "%s { address = \"127.0.0.1:%d\", weight = %d }, ".formatted(name, at.getPort(), weight));
  }

  /** One that must not come into force: text, key, reference, value, or what it asks for. */
  String wrong() {
    String text = text();
    String more =
        any(
            List.of(
                "sluice { fronts {",
                "sluice.fronts.main.max-datagrams = 9",
                "sluice.fronts.main.pool = nowhere",
                "sluice.pools.p0.backends.z.address = \"127.0.0.1\"",
                "sluice.workers.max = 1",
                "sluice.admin.listen = \"127.0.0.1:9902\"",
                "sluice.pools.p0.source-addresses = [\"192.0.2.1\"]",
                "sluice.fronts.main.listen = [\"127.0.0.1:%d\", \"127.0.0.1:%d\"]"
                    .formatted(ports[0], taken.getPort()),
                "sluice.fronts.late { listen = [\"192.0.2.1:5300\"], pool = p1 }"));
    return text + more + "\n";
  }
}
