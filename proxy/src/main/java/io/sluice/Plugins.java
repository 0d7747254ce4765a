package io.sluice;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.sluice.affinity.KeyExtractor;
import io.sluice.affinity.Keys;
import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.config.Check;
import io.sluice.config.Filter;
import io.sluice.config.Names;
import io.sluice.config.SluiceConfig;
import io.sluice.filter.Chain;
import io.sluice.filter.DatagramFilter;
import io.sluice.filter.Filters;
import io.sluice.filter.Network;
import io.sluice.probe.Probe;
import io.sluice.probe.Probes;
import java.net.URL;
import java.security.CodeSource;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What configurations may name: the built-ins and what plug-ins registered. */
public final class Plugins {
  private final Map<String, Balancer.Factory> balancers = new TreeMap<>();
  private final Map<String, KeyExtractor> keyExtractors = new TreeMap<>();
  private final Map<String, Probe> probes = new TreeMap<>();
  private final Map<String, DatagramFilter.Factory> filters = new TreeMap<>();

  /**
   * The built-ins, and whatever the plug-ins that {@code loader} sees bring.
   *
   * @throws StartFailure naming the plug-in that cannot be used, and its jar
   */
  static Plugins load(ClassLoader loader) throws StartFailure {
    var all = builtIn();
    try {
      for (var provider :
          (Iterable<ServiceLoader.Provider<Plugin>>)
              ServiceLoader.load(Plugin.class, loader).stream()::iterator) {
        all.add(provider);
      }
    } catch (ServiceConfigurationError e) {
      // The jar says it has a plug-in and has none; the error tells the class, not the jar.
      List<URL> jars = loader.resources("META-INF/services/" + Plugin.class.getName()).toList();
      throw new StartFailure(
          "%s; repair the jar, or take it away: one of %s".formatted(e.getMessage(), jars), e);
    }
    return all;
  }

  /**
   * What needs no plug-in; those keys that have options are known by name here and made when the
   * options are.
   */
  private static Plugins builtIn() {
    var builtIn = new Plugins();
    Policies.builtIn().forEach(builtIn::balancer);
    return builtIn
        .keyExtractor("source-ip", Keys.sourceIp())
        .keyExtractor("source-address", Keys.sourceAddress())
        .keyExtractor("source-prefix", Keys.sourcePrefix(24, 56))
        .keyExtractor("payload", Keys.payload(0, 1));
  }

  private void add(ServiceLoader.Provider<Plugin> provider) throws StartFailure {
    try {
      provider.get().register(this);
    } catch (RuntimeException | LinkageError | ServiceConfigurationError e) {
      // A provider whose constructor threw comes wrapped.
      Throwable why =
          e instanceof ServiceConfigurationError && e.getCause() != null ? e.getCause() : e;
      throw new StartFailure(
          "plug-in %s in %s: %s; repair the jar, or take it away"
              .formatted(provider.type().getName(), origin(provider.type()), why),
          e);
    }
  }

  private static String origin(Class<?> type) {
    CodeSource source = type.getProtectionDomain().getCodeSource();
    return source == null ? "an unknown place" : source.getLocation().getPath();
  }

  /** Offers {@code factory} as {@code balance.policy = name}. */
  public Plugins balancer(String name, Balancer.Factory factory) {
    if (balancers.putIfAbsent(name, factory) != null) {
      throw new IllegalArgumentException("balance policy '" + name + "' is registered twice");
    }
    return this;
  }

  /** Offers {@code extractor} as {@code affinity.key = name}. */
  public Plugins keyExtractor(String name, KeyExtractor extractor) {
    if (keyExtractors.putIfAbsent(name, extractor) != null) {
      throw new IllegalArgumentException("affinity key '" + name + "' is registered twice");
    }
    return this;
  }

  /** Offers {@code probe} as {@code health.probe.type = name}. */
  public Plugins probe(String name, Probe probe) {
    if (Probes.BUILT_IN.contains(name) || probes.putIfAbsent(name, probe) != null) {
      throw new IllegalArgumentException("probe '" + name + "' is registered twice");
    }
    return this;
  }

  /** Offers {@code factory} as {@code filters.type = name}; fronts that name it share it. */
  public Plugins filter(String name, DatagramFilter.Factory factory) {
    if (Filters.BUILT_IN.contains(name) || filters.putIfAbsent(name, factory) != null) {
      throw new IllegalArgumentException("filter '" + name + "' is registered twice");
    }
    return this;
  }

  Names names() {
    Set<String> probeTypes = new TreeSet<>(Probes.BUILT_IN);
    probeTypes.addAll(probes.keySet());
    Set<String> filterTypes = new TreeSet<>(Filters.BUILT_IN);
    filterTypes.addAll(filters.keySet());
    return new Names(balancers.keySet(), keyExtractors.keySet(), probeTypes, filterTypes);
  }

  /** The probe that a configuration describes. */
  Probe probe(Check check) {
    return switch (check) {
      case Check.Udp udp ->
          Probes.udp(
              udp.sendLatin1().getBytes(ISO_8859_1), pattern(udp.expect()), pattern(udp.drain()));
      case Check.Dns dns -> Probes.dns(dns.name(), dns.queryType(), dns.recursion());
      case Check.Radius radius -> Probes.radius(radius.secret());
      case Check.Http http ->
          Probes.http(
              http.path(),
              http.host(),
              http.lowestStatus(),
              http.highestStatus(),
              pattern(http.drain()));
      case Check.Plain plain ->
          switch (plain.type()) {
            case "ntp" -> Probes.ntp();
            case "quic" -> Probes.quic();
            case "sip-options" -> Probes.sipOptions();
            case "stun" -> Probes.stun();
            case "tcp" -> Probes.tcp();
            case String name -> Objects.requireNonNull(probes.get(name), "checked when read");
          };
    };
  }

  private static @Nullable Pattern pattern(Optional<Check.Content> content) {
    return content.map(Check.Content::pattern).orElse(null);
  }

  /** The filters that a front's configuration describes, in their order. */
  List<Chain.Step> filters(SluiceConfig.Front front) {
    return front.filters().stream()
        .map(filter -> new Chain.Step(filter.name(), filter(filter)))
        .toList();
  }

  private DatagramFilter.Factory filter(Filter filter) {
    return switch (filter) {
      case Filter.AccessList list ->
          Filters.accessList(networks(list.allow()), networks(list.deny()));
      case Filter.RateLimit limit ->
          Filters.rateLimit(
              Filters.Per.valueOf(limit.per().name()),
              limit.datagramsPerSecond(),
              limit.burst(),
              System.nanoTime());
      case Filter.Plain plain ->
          Objects.requireNonNull(filters.get(plain.type()), "checked when read");
    };
  }

  private static List<Network> networks(List<Filter.Network> networks) {
    return networks.stream().map(each -> Network.of(each.address(), each.bits())).toList();
  }

  Map<String, Balancer.Factory> balancers() {
    return Collections.unmodifiableMap(balancers);
  }

  Map<String, KeyExtractor> keyExtractors() {
    return Collections.unmodifiableMap(keyExtractors);
  }
}
