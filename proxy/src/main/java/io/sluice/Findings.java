package io.sluice;

import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;

import io.sluice.config.BackendFile;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Finding.Server;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
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
    return over(Fits.in(config), drained);
  }

  Aim over(Fits fits, Set<StateFile.Ref> drained) {
    SluiceConfig config = fits.config;
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
      found.servers.stream()
          .filter(server -> fits.unfit(server.address()).isEmpty())
          .forEach(server -> add(server, backends));
      // By the name it has now, which is another one where its own has been configured meanwhile.
      Map<String, String> reasons = new HashMap<>();
      found.leaving.values().stream()
          .filter(each -> fits.unfit(each.server.address()).isEmpty())
          .forEach(
              each -> add(each.server, backends).ifPresent(name -> reasons.put(name, each.why())));
      leaving.put(pool.name(), reasons);
      all.add(
          pool.with(
              backends.values().stream()
                  .sorted(Comparator.comparing(SluiceConfig.Backend::name))
                  .toList()));
    }
    return new Aim(config.with(all), leaving, drained);
  }

  /** Returns its name there, unless there is one with its address already. */
  private static Optional<String> add(Server server, Map<String, SluiceConfig.Backend> to) {
    boolean known = to.values().stream().anyMatch(each -> each.address().equals(server.address()));
    String name =
        to.containsKey(server.name()) ? BackendFile.nameOf(server.address()) : server.name();
    if (known || to.containsKey(name)) {
      return Optional.empty();
    }
    to.put(name, new SluiceConfig.Backend(name, server.address(), server.weight()));
    return Optional.of(name);
  }

  /**
   * Which addresses backends can have.
   *
   * @param own the host's, loopback aside: what is sent to one of them, a wildcard front hears
   */
  record Fits(SluiceConfig config, Set<InetAddress> own) {

    /** As the host is now. */
    static Fits in(SluiceConfig config) {
      try (Stream<NetworkInterface> all = NetworkInterface.networkInterfaces()) {
        return new Fits(config, all.flatMap(NetworkInterface::inetAddresses).collect(toSet()));
      } catch (SocketException e) {
        return new Fits(config, Set.of()); // there is no interface, so nothing to hear by
      }
    }

    /** Why a backend cannot be there, if it cannot. */
    Optional<String> unfit(InetSocketAddress address) {
      InetAddress ip = address.getAddress();
      if (ip.isAnyLocalAddress()
          || ip.isMulticastAddress()
          || ip.getHostAddress().equals("255.255.255.255")) {
        return Optional.of("is no address of one host");
      }
      if (address.getPort() == 0) {
        return Optional.of("has no port");
      }
      return config.fronts().stream()
          .filter(front -> front.listen().stream().anyMatch(at -> hears(at, address)))
          .findFirst()
          .map(front -> "is where front '" + front.name() + "' listens: datagrams would circle");
    }

    private boolean hears(InetSocketAddress listen, InetSocketAddress address) {
      InetAddress at = listen.getAddress();
      InetAddress ip = address.getAddress();
      boolean wildcard =
          at.isAnyLocalAddress()
              && (ip.isLoopbackAddress() || own.contains(ip))
              && at instanceof Inet4Address == ip instanceof Inet4Address;
      return listen.getPort() == address.getPort() && (wildcard || at.equals(ip));
    }
  }
}
