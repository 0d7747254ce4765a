package io.sluice;

import io.netty.util.NetUtil;
import io.sluice.config.SluiceConfig;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What differs between two configurations, a line each: what a running appliance becomes, and what
 * it cannot become. Which is which stands here, type by type.
 *
 * @param changes in words, by the keys of the configuration; never a secret
 * @param restarts those of them that take a restart
 */
record Diff(List<String> changes, List<String> restarts) {

  private static final List<Key<SluiceConfig>> APPLIANCE =
      List.of(
          live("drain-timeout", SluiceConfig::drainTimeout),
          live("workers.min", config -> config.workers().min()),
          // A front's sockets are as many as workers, and the kernel deals clients to them by that.
          atRestart("workers.max", config -> config.workers().max()),
          atRestart("admin.listen", config -> config.admin().listen()),
          live("admin.tokens", config -> config.admin().tokens()),
          atRestart("admin.tls", config -> config.admin().tls()),
          atRestart("admin.state-file", config -> config.admin().stateFile()),
          // Its file, and each loop's place in it, are opened at start.
          atRestart("access-log", SluiceConfig::accessLog),
          atRestart("recorder", SluiceConfig::recorder),
          live("watch", SluiceConfig::watch),
          atRestart("echo", SluiceConfig::echoes));

  private static final List<Key<SluiceConfig.Front>> FRONT =
      List.of(
          live("listen", SluiceConfig.Front::listen),
          live("pool", SluiceConfig.Front::pool),
          live("max-datagram", SluiceConfig.Front::maxDatagramBytes),
          live("peer-sockets", SluiceConfig.Front::peerSockets),
          live("one-way", SluiceConfig.Front::oneWay),
          live("filters", SluiceConfig.Front::filters),
          live("flows.max", front -> front.flows().max()),
          live("flows.idle-timeout", front -> front.flows().idleTimeout()),
          live("flows.unassured-timeout", front -> front.flows().unassuredTimeout()),
          live("flows.unassured-max", front -> front.flows().unassuredMax()),
          live("flows.new-per-second", front -> front.flows().newPerSecond()));

  private static final List<Key<SluiceConfig.Pool>> POOL =
      List.of(
          live("balance.policy", pool -> pool.balance().policy()),
          live("balance.by", pool -> pool.balance().by()),
          live("affinity.key", pool -> pool.affinity().key()),
          live("affinity.offset", pool -> pool.affinity().offset()),
          live("affinity.length", pool -> pool.affinity().length()),
          live("affinity.prefix-v4", pool -> pool.affinity().prefixV4()),
          live("affinity.prefix-v6", pool -> pool.affinity().prefixV6()),
          live("discovery", SluiceConfig.Pool::discovery),
          live("source-addresses", SluiceConfig.Pool::sourceAddresses),
          live("repeatable", SluiceConfig.Pool::repeatable),
          live("rehome.per-second", pool -> pool.rehome().perSecond()),
          live("rehome.return", pool -> pool.rehome().back()),
          live("slow-start", SluiceConfig.Pool::slowStart),
          live("health.probe", pool -> pool.health().probe()),
          live("health.passive.icmp", pool -> pool.health().passive().icmp()),
          live("health.passive.fall", pool -> pool.health().passive().fall()),
          live("health.passive.window", pool -> pool.health().passive().window()),
          live("health.passive.reply-ratio", pool -> pool.health().passive().replyRatio()),
          live("health.passive.min-requests", pool -> pool.health().passive().minRequests()),
          live("health.passive.stall-timeout", pool -> pool.health().passive().stallTimeout()),
          live("health.passive.eject-for", pool -> pool.health().passive().ejectFor()),
          live("health.passive.eject-max", pool -> pool.health().passive().ejectMax()),
          live("health.passive.max-ejected", pool -> pool.health().passive().maxEjected()),
          live("health.when-none-eligible", pool -> pool.health().whenNoneEligible()));

  private static final List<Key<SluiceConfig.Backend>> BACKEND =
      List.of(
          live("address", SluiceConfig.Backend::address),
          live("weight", SluiceConfig.Backend::weight));

  /** One key of a configuration, and whether it can change under a running appliance. */
  private record Key<T>(String name, Function<T, Object> value, boolean live) {}

  private static <T> Key<T> live(String name, Function<T, Object> value) {
    return new Key<>(name, value, true);
  }

  private static <T> Key<T> atRestart(String name, Function<T, Object> value) {
    return new Key<>(name, value, false);
  }

  /**
   * Every key, by whether it can change under a running appliance; sections stand for their keys.
   */
  static Map<String, Boolean> live() {
    Map<String, Boolean> live = new TreeMap<>();
    APPLIANCE.forEach(key -> live.put(key.name(), key.live()));
    FRONT.forEach(key -> live.put("fronts.*." + key.name(), key.live()));
    POOL.forEach(key -> live.put("pools.*." + key.name(), key.live()));
    BACKEND.forEach(key -> live.put("pools.*.backends.*." + key.name(), key.live()));
    return live;
  }

  static Diff between(SluiceConfig was, SluiceConfig next) {
    Diff diff = new Diff(new ArrayList<>(), new ArrayList<>());
    diff.keys("", APPLIANCE, was, next);
    diff.named(
        "fronts.",
        byName(was.fronts(), SluiceConfig.Front::name),
        byName(next.fronts(), SluiceConfig.Front::name),
        (path, from, to) -> diff.keys(path, FRONT, from, to));
    diff.named(
        "pools.",
        byName(was.pools(), SluiceConfig.Pool::name),
        byName(next.pools(), SluiceConfig.Pool::name),
        diff::pool);
    return diff;
  }

  private void pool(String path, SluiceConfig.Pool was, SluiceConfig.Pool next) {
    keys(path, POOL, was, next);
    named(
        path + "backends.",
        byName(was.backends(), SluiceConfig.Backend::name),
        byName(next.backends(), SluiceConfig.Backend::name),
        (backend, from, to) -> keys(backend, BACKEND, from, to));
  }

  private interface Each<T> {
    void compare(String path, T was, T next);
  }

  private <T> void named(String path, Map<String, T> was, Map<String, T> next, Each<T> each) {
    TreeSet<String> names = new TreeSet<>(was.keySet());
    names.addAll(next.keySet());
    for (String name : names) {
      T from = was.get(name);
      T to = next.get(name);
      if (from == null || to == null) {
        changes.add(path + name + (from == null ? ": added" : ": removed"));
      } else {
        each.compare(path + name + ".", from, to);
      }
    }
  }

  private <T> void keys(String path, List<Key<T>> keys, T was, T next) {
    for (Key<T> key : keys) {
      Object from = key.value().apply(was);
      Object to = key.value().apply(next);
      if (!from.equals(to)) {
        String line = path + key.name() + ": " + change(from, to);
        changes.add(line);
        if (!key.live()) {
          restarts.add(line);
        }
      }
    }
  }

  private static <T> Map<String, T> byName(List<T> named, Function<T, String> name) {
    return named.stream().collect(Collectors.toMap(name, each -> each, (a, b) -> a, TreeMap::new));
  }

  private static String change(Object from, Object to) {
    boolean bothShow = isPlain(from) && isPlain(to);
    return bothShow ? show(from) + " -> " + show(to) : "changed";
  }

  /** Whether it is shown: not what has keys of its own, among which may be secrets. */
  private static boolean isPlain(Object value) {
    return switch (value) {
      case Record _ -> false;
      case Optional<?> optional -> optional.map(Diff::isPlain).orElse(true);
      case Collection<?> all -> all.stream().allMatch(Diff::isPlain);
      default -> true;
    };
  }

  private static String show(Object value) {
    return switch (value) {
      case Duration duration -> duration.toString().substring(2).toLowerCase(Locale.ROOT);
      case InetSocketAddress address -> NetUtil.toSocketAddressString(address);
      case InetAddress ip -> NetUtil.toAddressString(ip);
      case Enum<?> word -> word.name().toLowerCase(Locale.ROOT);
      case Optional<?> optional -> optional.map(Diff::show).orElse("none");
      case Collection<?> all ->
          all.stream().map(Diff::show).collect(Collectors.joining(", ", "[", "]"));
      default -> value.toString();
    };
  }
}
