package io.sluice.config;

import io.sluice.config.SluiceConfig.Discovery;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The keys of how a pool finds backends. Reading them asks nobody for anything. */
final class DiscoverySchema {
  private static final String FORM = "dns { name = \"resolvers.example\", port = 53 }";
  private static final List<String> KINDS = List.of("dns", "file", "kubernetes");
  private static final Duration SHORTEST = Duration.ofSeconds(1);
  private static final int MAX_RESOLVERS = 8;

  /** RFC 1035, section 2.3.4, and underscores as in {@code _dns._udp}. */
  private static final Pattern NAME =
      Pattern.compile(
          "(?=.{1,253}\\.?$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})\\.)*"
              + "[A-Za-z0-9_][A-Za-z0-9_-]{0,62}\\.?");

  /** RFC 1123 labels, as Kubernetes has them. */
  private static final Pattern LABEL = Pattern.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?");

  private DiscoverySchema() {}

  static Optional<Discovery> read(Cursor pool) {
    return pool.has("discovery")
        ? pool.section("discovery", DiscoverySchema::discovery)
        : notThere(pool);
  }

  /** Asked for all the same, or it would be an unknown key where somebody misspells it. */
  private static Optional<Discovery> notThere(Cursor pool) {
    pool.value("discovery");
    return Optional.empty();
  }

  private static Optional<Discovery> discovery(Cursor in) {
    Duration drain = in.durationOrNone("drain", Duration.ofMinutes(5));
    List<Origin> origins = new ArrayList<>();
    add(in, "dns", DiscoverySchema::dns, origins);
    add(in, "file", DiscoverySchema::file, origins);
    add(in, "kubernetes", DiscoverySchema::kubernetes, origins);
    if (KINDS.stream().filter(in::has).count() != 1) {
      in.problem("needs exactly one of " + Nearest.list(Set.copyOf(KINDS)) + ", e.g. " + FORM);
    }
    return origins.stream().findFirst().map(origin -> new Discovery(origin, drain));
  }

  private static void add(
      Cursor in, String kind, Function<Cursor, Origin> read, List<Origin> origins) {
    Value value = in.value(kind);
    if (value != null) {
      origins.add(value.section(read));
    }
  }

  private static Origin dns(Cursor in) {
    Value value = in.required("name", FORM);
    String name = value == null ? null : value.text();
    if (value != null && name != null) {
      checkName(value, name);
    }
    Origin.Type type =
        Origin.Type.valueOf(in.word("type", "A", Set.of("A", "AAAA", "SRV"), Set.of()));
    Duration min = in.duration("min-ttl", Duration.ofSeconds(5));
    Duration max = in.duration("max-ttl", Duration.ofMinutes(5));
    if (min.compareTo(SHORTEST) < 0) {
      in.problem("min-ttl", "must be 1s at least: so often a pool may change");
    }
    if (max.compareTo(min) < 0) {
      in.problem("max-ttl", "must not be shorter than min-ttl");
    }
    return new Origin.Dns(
        Objects.requireNonNullElse(name, ""),
        type,
        port(in, type),
        resolvers(in),
        min,
        max,
        in.duration("timeout", Duration.ofSeconds(2)));
  }

  private static void checkName(Value value, String name) {
    if (name.matches("[0-9.]+") || name.contains(":")) {
      value.problem(value.shown() + " is an address, not a name: put it under backends");
    } else if (!NAME.matcher(name).matches()) {
      value.problem(
          value.shown()
              + " is no name of a host: labels of letters, digits, - and _, at most 63 each, with"
              + " dots between them; others as xn--...");
    }
  }

  private static int port(Cursor in, Origin.Type type) {
    if (type != Origin.Type.SRV) {
      in.required("port", "port = 53");
      return in.has("port") ? in.count("port", 1, 65_535, 1) : 1;
    }
    Value port = in.value("port");
    if (port != null) {
      port.problem("goes with type = A or AAAA: SRV records bring their ports");
    }
    return 0;
  }

  private static List<InetSocketAddress> resolvers(Cursor in) {
    Value value = in.value("resolvers");
    List<Value> elements =
        value == null ? in.preset("resolvers", List.<Value>of()) : value.elements();
    List<InetSocketAddress> resolvers = new ArrayList<>();
    for (Value element : elements == null ? List.<Value>of() : elements) {
      InetSocketAddress address = element.address(1);
      if (address != null && !Endpoint.isOneHost(address)) {
        element.problem(element.shown() + " is no address of one host");
      } else if (address != null) {
        resolvers.add(address);
      }
    }
    if (value != null && resolvers.size() > MAX_RESOLVERS) {
      value.problem("holds more than " + MAX_RESOLVERS + " name servers");
    }
    return List.copyOf(resolvers);
  }

  private static Origin file(Cursor in) {
    Value value = in.required("path", "path = \"backends.json\"");
    return new Origin.File(Objects.requireNonNullElse(path(value), Path.of("")));
  }

  private static @Nullable Path path(@Nullable Value value) {
    String text = value == null ? null : value.text();
    if (value == null || text == null) {
      return null;
    }
    if (text.isBlank() || text.indexOf('\0') >= 0) {
      value.problem("must be a path");
      return null;
    }
    return Path.of(text);
  }

  private static Origin kubernetes(Cursor in) {
    Value value = in.required("service", "service = resolvers");
    return new Origin.Kubernetes(
        Optional.ofNullable(label(in.value("namespace"))),
        Objects.requireNonNullElse(label(value), ""),
        text(in, "port"),
        Optional.ofNullable(api(in.value("api"))),
        Optional.ofNullable(path(in.value("token-file"))),
        Optional.ofNullable(path(in.value("ca-file"))));
  }

  private static Optional<String> text(Cursor in, String key) {
    Value value = in.value(key);
    return Optional.ofNullable(value == null ? null : value.text());
  }

  private static @Nullable String label(@Nullable Value value) {
    String text = value == null ? null : value.text();
    if (value != null && text != null && !LABEL.matcher(text).matches()) {
      value.problem(value.shown() + " is no name in Kubernetes: a to z, 0 to 9 and -, at most 63");
    }
    return text;
  }

  /** Plain HTTP only to this machine: a token would be anybody's. */
  private static @Nullable String api(@Nullable Value value) {
    String text = value == null ? null : value.text();
    if (value == null || text == null) {
      return null;
    }
    try {
      URI uri = new URI(text);
      boolean plain =
          "http".equals(uri.getScheme())
              && Set.of("127.0.0.1", "[::1]").contains(String.valueOf(uri.getHost()));
      boolean bare = String.valueOf(uri.getRawPath()).matches("/?") && uri.getRawQuery() == null;
      if (uri.getHost() != null && bare && ("https".equals(uri.getScheme()) || plain)) {
        return text.replaceAll("/$", "");
      }
    } catch (java.net.URISyntaxException e) {
      // told below
    }
    value.problem(
        "must be where the API server is, e.g. https://10.0.0.1:443; http:// only on 127.0.0.1 or"
            + " [::1]");
    return null;
  }
}
