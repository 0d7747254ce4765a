package io.sluice;

import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;

import io.sluice.config.BackendFile;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Finding.Server;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The backends that were found last, pool by pool, and those that are found no longer but may keep
 * their flows for a while; immutable.
 *
 * <p>They are no part of the configuration: {@link #over} lays them over whichever is in force.
 * What is configured goes before what is found, and what would send datagrams round in a circle is
 * left out, so that they fit every configuration.
 */
record Findings(Map<String, OfPool> pools) {
  static final Findings NONE = new Findings(Map.of());

  /**
   * One pool's.
   *
   * @param leaving by name
   */
  record OfPool(List<Server> servers, Map<String, Leaving> leaving) {
    static final OfPool NOTHING = new OfPool(List.of(), Map.of());
  }

  /** One that is found no longer. */
  record Leaving(Server server, String origin, Instant until) {
    String why() {
      return origin + " finds it no longer; its flows may stay until " + until;
    }
  }

  OfPool of(String pool) {
    return pools.getOrDefault(pool, OfPool.NOTHING);
  }

  boolean has(String pool, String backend) {
    OfPool of = of(pool);
    return of.leaving.containsKey(backend)
        || of.servers.stream().anyMatch(server -> server.name().equals(backend));
  }

  /** The same with what is found of a pool now; who is no longer among them begins to leave. */
  Findings with(String pool, SluiceConfig.Discovery by, List<Server> found, Instant now) {
    OfPool was = of(pool);
    Map<String, Server> next = found.stream().collect(toMap(Server::name, server -> server));
    Map<String, Leaving> leaving = new TreeMap<>(was.leaving);
    if (!by.drain().isZero()) {
      Instant until = now.plus(by.drain());
      for (Server server : was.servers) {
        leaving.putIfAbsent(server.name(), new Leaving(server, by.origin().kind(), until));
      }
    }
    // With another address it is another one: then there is nobody of that name who could leave.
    leaving.keySet().removeAll(next.keySet());
    leaving.values().stream()
        .sorted(Comparator.comparing(Leaving::until).reversed())
        .skip(BackendFile.MOST)
        .toList()
        .forEach(each -> leaving.remove(each.server.name()));
    return put(pool, new OfPool(found, leaving));
  }

  private Findings put(String pool, OfPool next) {
    Map<String, OfPool> all = new HashMap<>(pools);
    all.put(pool, next);
    return new Findings(Map.copyOf(all));
  }

  interface Gone {
    boolean test(String pool, Leaving leaving);
  }

  /** The same without those who have left. */
  Findings without(Gone gone) {
    Findings next = this;
    for (Map.Entry<String, OfPool> each : pools.entrySet()) {
      Map<String, Leaving> still = new TreeMap<>(each.getValue().leaving);
      still.values().removeIf(leaving -> gone.test(each.getKey(), leaving));
      next = next.put(each.getKey(), new OfPool(each.getValue().servers, still));
    }
    return next;
  }

  boolean anyLeaving() {
    return pools.values().stream().anyMatch(each -> !each.leaving.isEmpty());
  }

  /** The same of pools that still find backends. */
  Findings in(SluiceConfig config) {
    Set<String> finding =
        config.pools().stream()
            .filter(pool -> pool.discovery().isPresent())
            .map(SluiceConfig.Pool::name)
            .collect(toSet());
    return new Findings(
        pools.entrySet().stream()
            .filter(each -> finding.contains(each.getKey()))
            .collect(toMap(Map.Entry::getKey, Map.Entry::getValue)));
  }

  /**
   * The configuration with all backends.
   *
   * @param drained by an operator
   */
  Aim over(SluiceConfig config, Set<StateFile.Ref> drained) {
    Map<String, Map<String, String>> leaving = new HashMap<>();
    List<SluiceConfig.Pool> all = new ArrayList<>();
    for (SluiceConfig.Pool pool : config.pools()) {
      OfPool found = of(pool.name());
      if (pool.discovery().isEmpty() || found.equals(OfPool.NOTHING)) {
        all.add(pool);
        continue;
      }
      Map<String, SluiceConfig.Backend> backends = new TreeMap<>();
      pool.backends().forEach(each -> backends.put(each.name(), each));
      Stream.concat(found.servers.stream(), found.leaving.values().stream().map(Leaving::server))
          .filter(server -> unfit(server.address(), config).isEmpty())
          .forEach(server -> add(server, backends));
      Map<String, String> reasons = new HashMap<>();
      found.leaving.forEach(
          (name, each) -> {
            SluiceConfig.Backend there = backends.get(name);
            if (there != null && there.address().equals(each.server.address())) {
              reasons.put(name, each.why());
            }
          });
      leaving.put(pool.name(), reasons);
      all.add(
          pool.with(
              backends.values().stream()
                  .sorted(Comparator.comparing(SluiceConfig.Backend::name))
                  .toList()));
    }
    return new Aim(config.with(all), leaving, drained);
  }

  private static void add(Server server, Map<String, SluiceConfig.Backend> to) {
    boolean known = to.values().stream().anyMatch(has(server.address()));
    String name =
        to.containsKey(server.name()) ? BackendFile.nameOf(server.address()) : server.name();
    if (!known) {
      to.putIfAbsent(name, new SluiceConfig.Backend(name, server.address(), server.weight()));
    }
  }

  private static java.util.function.Predicate<SluiceConfig.Backend> has(InetSocketAddress address) {
    return backend -> backend.address().equals(address);
  }

  /** Why a backend cannot be there, if it cannot. */
  static Optional<String> unfit(InetSocketAddress address, SluiceConfig config) {
    InetAddress ip = address.getAddress();
    if (ip.isAnyLocalAddress()
        || ip.isMulticastAddress()
        || ip.getHostAddress().equals("255.255.255.255")) {
      return Optional.of("is no address of one host");
    }
    return config.fronts().stream()
        .filter(front -> front.listen().stream().anyMatch(at -> hears(at, address)))
        .findFirst()
        .map(front -> "is where front '" + front.name() + "' listens: datagrams would circle");
  }

  /** A wildcard front hears what is sent to loopback, too. */
  private static boolean hears(InetSocketAddress listen, InetSocketAddress address) {
    boolean wildcard =
        listen.getAddress().isAnyLocalAddress()
            && address.getAddress().isLoopbackAddress()
            && listen.getAddress() instanceof Inet4Address
                == address.getAddress() instanceof Inet4Address;
    return listen.getPort() == address.getPort()
        && (wildcard || listen.getAddress().equals(address.getAddress()));
  }
}
