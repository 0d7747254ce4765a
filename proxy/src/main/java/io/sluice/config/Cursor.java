package io.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads the keys of one { }. A key is supported because somebody asks for it here: whatever is left
 * when the section is read is unknown, so there is no second list of keys to keep.
 *
 * <p>Every method answers with something usable; whether it is what was written, the report says.
 */
final class Cursor {
  /** Stands for an address that is wrong and has been reported; leaves no other trace. */
  static final InetSocketAddress NOWHERE = InetSocketAddress.createUnresolved("nowhere", 0);

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

  static final String NAME_RULE =
      "a name starts with a letter or digit, goes on with these or . _ - and has at most 63";

  private final String schema;
  private final Spot spot;
  private final ConfigObject object;
  private final @Nullable ConfigValue written;
  private final Effective effective;
  private final Report report;
  private final Set<String> supported = new HashSet<>();
  private final Set<String> later = new HashSet<>();

  Cursor(
      String schema,
      Spot spot,
      ConfigObject object,
      @Nullable ConfigValue written,
      Effective effective,
      Report report) {
    this.effective = effective;
    this.schema = schema;
    this.spot = spot;
    this.object = object;
    this.written = written;
    this.report = report;
  }

  /** Nothing, of which nothing is reported: in place of what is wrong as a whole. */
  static Cursor silent(String schema, Spot spot) {
    return empty(schema, spot, new Effective(), new Report());
  }

  private static Cursor empty(String schema, Spot spot, Effective effective, Report report) {
    return new Cursor(schema, spot, ConfigFactory.empty().root(), null, effective, report);
  }

  static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  private String below(String key) {
    return schema.isEmpty() ? key : schema + "." + key;
  }

  Spot spot() {
    return spot;
  }

  boolean has(String key) {
    return object.containsKey(key);
  }

  /** The value of a key, if it is there. */
  @Nullable Value value(String key) {
    supported.add(key);
    report.asked(below(key));
    return peek(key);
  }

  @Nullable Value required(String key, String example) {
    Value value = value(key);
    if (value == null) {
      report.add(spot, "needs '" + key + "', e.g. " + example);
    }
    return value;
  }

  /** Notes what stands for a key that is not written; returns it. */
  <T> T preset(String key, T value) {
    effective.put(key, value);
    return value;
  }

  boolean flag(String key, boolean otherwise) {
    Value value = value(key);
    return value == null
        ? preset(key, otherwise)
        : Objects.requireNonNullElse(value.flag(), otherwise);
  }

  int count(String key, int min, int max, int otherwise) {
    Value value = value(key);
    return value == null
        ? preset(key, otherwise)
        : Objects.requireNonNullElse(value.count(min, max), otherwise);
  }

  int bytes(String key, int min, int max, int otherwise) {
    Value value = value(key);
    return value == null
        ? preset(key, otherwise)
        : Objects.requireNonNullElse(value.bytes(min, max), otherwise);
  }

  Duration duration(String key, Duration otherwise) {
    Value value = value(key);
    return value == null
        ? preset(key, otherwise)
        : Objects.requireNonNullElse(value.duration(), otherwise);
  }

  Duration durationOrNone(String key, Duration otherwise) {
    Value value = value(key);
    return value == null
        ? preset(key, otherwise)
        : Objects.requireNonNullElse(value.durationOrNone(), otherwise);
  }

  /**
   * One of a few words.
   *
   * @param later words of a later version
   */
  String word(String key, String otherwise, Set<String> words, Set<String> later) {
    Value value = value(key);
    String word = value == null ? preset(key, otherwise) : value.text();
    if (value == null || word == null) {
      return otherwise;
    }
    if (words.contains(word)) {
      return word;
    }
    value.problem(
        later.contains(word)
            ? value.shown() + " is not supported yet; known here: " + Nearest.list(words)
            : "unknown " + key + " " + value.shown() + "; " + Nearest.hint(word, words));
    return otherwise;
  }

  /** A section, which may be missing when all it holds may be. */
  <T> T section(String key, Function<Cursor, T> read) {
    Value value = value(key);
    return value == null
        ? read.apply(empty(below(key), spot.child(key), preset(key, new Effective()), report))
        : value.section(read);
  }

  /** Things with names, in the order they are written in; there may be none. */
  <T> List<T> named(String key, BiFunction<String, Value, T> read) {
    Value value = value(key);
    Cursor entries = value == null ? null : value.object();
    return entries == null ? List.of() : entries.entries(read);
  }

  /** At least one of them. */
  <T> List<T> someNamed(String key, String example, BiFunction<String, Value, T> read) {
    Value value = required(key, example);
    Cursor entries = value == null ? null : value.object();
    if (value == null || entries == null) {
      return List.of();
    }
    if (entries.object.isEmpty()) {
      value.problem("needs at least one, e.g. " + example);
    }
    return entries.entries(read);
  }

  private <T> List<T> entries(BiFunction<String, Value, T> read) {
    record Entry(String name, Value value) {}
    List<Entry> entries = new ArrayList<>();
    for (String name : object.keySet()) {
      entries.add(new Entry(name, Objects.requireNonNull(peek(name, "*"))));
    }
    entries.sort(
        Comparator.comparingInt((Entry e) -> e.value.spot().line()).thenComparing(Entry::name));
    List<T> things = new ArrayList<>();
    for (Entry e : entries) {
      if (!isName(e.name)) {
        e.value.problem(NAME_RULE);
      }
      things.add(read.apply(e.name, e.value));
    }
    return things;
  }

  /**
   * A key of CONTRACT.md that a later version supports.
   *
   * @param off what it may be set to today, because that is how Sluice works without it
   */
  void later(String key, String... off) {
    later.add(key);
    Value value = peek(key);
    if (value != null && Arrays.stream(off).noneMatch(value::says)) {
      value.problem(
          "not supported yet; leave it out" + (off.length > 0 ? " or set it to " + off[0] : ""));
    }
  }

  void problem(String message) {
    report.add(spot, message);
  }

  void problem(String key, String message) {
    Value value = peek(key);
    report.add(value == null ? spot.child(key) : value.spot(), message);
  }

  void reportUnknown() {
    for (String key : object.keySet()) {
      if (!supported.contains(key) && !later.contains(key)) {
        problem(
            key,
            "unknown key; "
                + (isSplitName(key)
                    ? "a name with dots needs quotes"
                    : Nearest.hint(key, supported)));
      }
    }
  }

  /** {@code ns1.example { ... }} without quotes is {@code example { ... }} in {@code ns1}. */
  private boolean isSplitName(String key) {
    return schema.endsWith(".*")
        && object.get(key) instanceof ConfigObject
        && Nearest.to(key, supported).isEmpty();
  }

  private @Nullable Value peek(String key) {
    return peek(key, key);
  }

  private @Nullable Value peek(String key, String as) {
    ConfigValue value = object.get(key);
    return value == null
        ? null
        : new Value(
            below(as),
            spot.child(key),
            value,
            asWritten(key),
            to -> effective.put(key, to),
            report);
  }

  private @Nullable ConfigValue asWritten(String key) {
    try {
      return written instanceof ConfigObject tree ? tree.get(key) : null;
    } catch (ConfigException.NotResolved e) {
      return null; // an object made of substitutions has no keys before them
    }
  }
}
