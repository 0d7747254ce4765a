package io.sluice.config;

import io.sluice.config.Filter.Network;
import io.sluice.config.Filter.Per;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;

/** The keys of a front's {@code filters}: those of every filter, and each type's own. */
final class FilterSchema {
  private static final int MAX_FILTERS = 16;
  private static final int MAX_NETWORKS = 1_000;
  private static final int MAX_RATE = 1_000_000;

  /** Whose options these are; beside another type they would do nothing, without a word. */
  private static final Map<String, String> OPTIONS =
      new TreeMap<>(
          Map.of(
              "allow", "access-list",
              "deny", "access-list",
              "per", "rate-limit",
              "datagrams-per-second", "rate-limit",
              "burst", "rate-limit"));

  private FilterSchema() {}

  /**
   * The filters of a front.
   *
   * @param types the built-ins' and the plug-ins' names
   */
  static List<Filter> read(Cursor front, Set<String> types) {
    Value value = front.value("filters");
    if (value == null) {
      return front.preset("filters", List.of());
    }
    List<Value> elements = value.elements();
    if (elements == null) {
      return List.of();
    }
    if (elements.size() > MAX_FILTERS) {
      value.problem("has " + elements.size() + " filters: " + MAX_FILTERS + " at most");
    }
    List<Filter> filters = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (Value element : elements) {
      Filter filter = element.section(in -> filter(in, types));
      if (!filter.name().isEmpty() && !names.add(filter.name())) {
        element.problem(
            "is the second filter '" + filter.name() + "' here: give it a name of its own");
      }
      filters.add(filter);
    }
    return List.copyOf(filters);
  }

  private static Filter filter(Cursor in, Set<String> types) {
    boolean typed = in.required("type", "type = access-list") != null;
    String type = in.word("type", "", types, Set.of());
    String name = name(in, type);
    OPTIONS.forEach(
        (option, itsType) -> {
          Value value = in.value(option);
          if (value != null && typed && !type.isEmpty() && !type.equals(itsType)) {
            value.problem("goes with type = " + itsType + ", not with " + type);
          }
        });
    return switch (type) {
      case "access-list" -> accessList(in, name);
      case "rate-limit" -> rateLimit(in, name);
      default -> new Filter.Plain(name, type);
    };
  }

  private static String name(Cursor in, String type) {
    Value value = in.value("name");
    String name = value == null ? in.preset("name", type) : value.text();
    if (value != null && name != null && !Cursor.isName(name)) {
      value.problem(Cursor.NAME_RULE);
    }
    return Objects.requireNonNullElse(name, type);
  }

  private static Filter accessList(Cursor in, String name) {
    List<Network> allow = networks(in, "allow");
    List<Network> deny = networks(in, "deny");
    if (!in.has("allow") && !in.has("deny")) {
      in.problem("needs 'allow' or 'deny', e.g. allow = [\"10.0.0.0/8\"]");
    }
    return new Filter.AccessList(name, allow, deny);
  }

  private static List<Network> networks(Cursor in, String key) {
    Value value = in.value(key);
    if (value == null) {
      return in.preset(key, List.of());
    }
    List<Value> elements = value.elements();
    if (elements == null) {
      return List.of();
    }
    if (elements.size() > MAX_NETWORKS) {
      value.problem("has " + elements.size() + " networks: " + MAX_NETWORKS + " at most");
    }
    return elements.stream().map(Value::network).filter(Objects::nonNull).toList();
  }

  private static Filter rateLimit(Cursor in, String name) {
    String per = in.word("per", "source-ip", Set.of("source-ip", "flow", "front"), Set.of());
    in.required("datagrams-per-second", "datagrams-per-second = 1000");
    int rate = in.count("datagrams-per-second", 1, MAX_RATE, 1);
    return new Filter.RateLimit(
        name,
        Per.valueOf(per.toUpperCase(Locale.ROOT).replace('-', '_')),
        rate,
        in.count("burst", 1, MAX_RATE, rate));
  }
}
