package io.sluice.config;

import static java.util.stream.Collectors.joining;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A value and where it stands. Whoever asks for a type it does not have gets null, and the report
 * says so. Text that reads as a number or a flag is one: the environment has nothing but text.
 */
final class Value {
  static final Duration SHORTEST = Duration.ofMillis(1);
  static final Duration LONGEST = Duration.ofDays(7); // 6e14 ns: sums of a few thousand fit a long

  // Few digits, so that nothing overflows and no exponent makes a number of a million digits.
  private static final Pattern WHOLE = Pattern.compile("-?\\d{1,18}");
  private static final Pattern BARE = Pattern.compile("-?\\d+(\\.\\d+)?");
  private static final Pattern MEASURE =
      Pattern.compile("-?\\d{1,15}(\\.\\d{1,9})?\\s*[A-Za-zµ]{1,20}");
  private static final Pattern SUBSTITUTION = Pattern.compile("\\$\\{[^}]*}");
  private static final int LONGEST_SHOWN = 60;

  private final String schema;
  private final Spot spot;
  private final ConfigValue value;
  private final @Nullable ConfigValue written;
  private final Consumer<Object> effective;
  private final Report report;

  /**
   * @param effective is told what this comes to, when it is read
   * @param schema the key's place among the supported ones: its path with every name a {@code *}
   */
  Value(
      String schema,
      Spot spot,
      ConfigValue value,
      @Nullable ConfigValue written,
      Consumer<Object> effective,
      Report report) {
    this.effective = effective;
    this.schema = schema;
    this.spot = spot.of(value, written);
    this.value = value;
    this.written = written;
    this.report = report;
  }

  Spot spot() {
    return spot;
  }

  void problem(String message) {
    report.add(spot, message);
  }

  /** Text, or a number or a flag as text. */
  @Nullable String text() {
    return switch (type()) {
      case STRING, NUMBER, BOOLEAN -> noted(plain());
      case null -> null;
      default -> wrong("must be text");
    };
  }

  /** Text that no message may show. */
  @Nullable String secret() {
    return switch (type()) {
      case STRING, NUMBER, BOOLEAN -> hidden(plain());
      case null -> null;
      default -> {
        problem("must be text");
        yield null;
      }
    };
  }

  @Nullable Boolean flag() {
    return switch (type()) {
      case STRING, BOOLEAN ->
          switch (plain()) {
            case "true" -> noted(true);
            case "false" -> noted(false);
            default -> wrong("must be true or false");
          };
      case null -> null;
      default -> wrong("must be true or false");
    };
  }

  @Nullable Integer count(int min, int max) {
    String expected = "must be a whole number from " + min + " to " + max;
    return switch (type()) {
      case STRING, NUMBER ->
          WHOLE.matcher(plain()).matches() ? within(min, max, expected) : wrong(expected);
      case null -> null;
      default -> wrong(expected);
    };
  }

  private @Nullable Integer within(int min, int max, String expected) {
    long n = Long.parseLong(plain());
    return n < min || n > max ? wrong(expected) : noted((Integer) (int) n);
  }

  /** Bytes, with or without a unit. */
  @Nullable Integer bytes(int min, int max) {
    String expected =
        "must be a size from " + min + " to " + max + " bytes, e.g. 1500, 1500B or 4KiB";
    return switch (type()) {
      case STRING, NUMBER -> {
        String text = plain();
        if (WHOLE.matcher(text).matches()) {
          yield within(min, max, expected);
        }
        BigInteger size = measure() ? size() : null;
        yield size == null
                || size.compareTo(BigInteger.valueOf(min)) < 0
                || size.compareTo(BigInteger.valueOf(max)) > 0
            ? wrong(expected)
            : noted((Integer) size.intValue());
      }
      case null -> null;
      default -> wrong(expected);
    };
  }

  private @Nullable BigInteger size() {
    try {
      return value.atKey("size").getMemorySize("size").toBytesBigInteger();
    } catch (ConfigException e) {
      return null;
    }
  }

  @Nullable Duration duration() {
    return duration(SHORTEST, "must be a duration from 1ms to 7d, e.g. 500ms, 10s, 5m or 1h");
  }

  /** Of which none is some, too. */
  @Nullable Duration durationOrNone() {
    return duration(Duration.ZERO, "must be a duration from 0s to 7d, e.g. 500ms, 10s, 5m or 1h");
  }

  private @Nullable Duration duration(Duration shortest, String expected) {
    return switch (type()) {
      case STRING, NUMBER -> {
        if (BARE.matcher(plain()).matches()) {
          yield wrong("needs a unit, e.g. " + plain() + "s");
        }
        Duration duration = measure() ? parsed() : null;
        yield duration == null
                || duration.compareTo(shortest) < 0
                || duration.compareTo(LONGEST) > 0
            ? wrong(expected)
            : noted(duration);
      }
      case null -> null;
      default -> wrong(expected);
    };
  }

  private @Nullable Duration parsed() {
    try {
      return value.atKey("duration").getDuration("duration");
    } catch (ConfigException e) {
      return null;
    }
  }

  private boolean measure() {
    return MEASURE.matcher(plain()).matches();
  }

  /** A numeric address with a port; never looks a name up. */
  @Nullable InetSocketAddress address(int lowestPort) {
    if (type() != null && type() != ConfigValueType.STRING) {
      return wrong("must be text such as \"192.0.2.1:53\" or \"[2001:db8::1]:53\"");
    }
    String text = text();
    try {
      return text == null ? null : Endpoint.parse(text, lowestPort);
    } catch (IllegalArgumentException e) {
      problem(shown() + " " + e.getMessage());
      return null;
    }
  }

  /** A numeric address without a port; never looks a name up. */
  @Nullable InetAddress ip() {
    String text = type() == ConfigValueType.STRING ? text() : null;
    if (text == null) {
      return type() == null ? null : wrong("must be text such as \"192.0.2.1\" or \"2001:db8::1\"");
    }
    try {
      return Endpoint.parseIp(text);
    } catch (IllegalArgumentException e) {
      problem(shown() + " " + e.getMessage());
      return null;
    }
  }

  /** Addresses that begin alike. */
  Filter.@Nullable Network network() {
    String text = type() == ConfigValueType.STRING ? text() : null;
    if (text == null) {
      return type() == null ? null : wrong("must be text such as \"192.0.2.0/24\"");
    }
    try {
      return Endpoint.parseNetwork(text);
    } catch (IllegalArgumentException e) {
      problem(shown() + " " + e.getMessage());
      return null;
    }
  }

  @Nullable List<Value> elements() {
    if (type() == null) {
      return null;
    }
    if (!(value instanceof ConfigList list)) {
      return wrongKind("must be a list [ ... ]");
    }
    List<Value> elements = new ArrayList<>();
    List<Object> all = noted(new ArrayList<>(Collections.nCopies(list.size(), "")));
    for (int i = 0; i < list.size(); i++) {
      int at = i;
      Consumer<Object> element = to -> all.set(at, to);
      elements.add(new Value(schema, spot.element(i), list.get(i), null, element, report));
    }
    return elements;
  }

  @Nullable Cursor object() {
    if (type() == null) {
      return null;
    }
    return value instanceof ConfigObject object
        ? new Cursor(schema, spot, object, written, noted(new Effective()), report)
        : wrongKind("must be { ... }");
  }

  /** Reads the section this is; when it is none, reads an empty one in silence. */
  <T> T section(Function<Cursor, T> read) {
    Cursor cursor = object();
    if (cursor == null) {
      return read.apply(Cursor.silent(schema, spot));
    }
    T result = read.apply(cursor);
    cursor.reportUnknown();
    return result;
  }

  boolean isObject() {
    return value instanceof ConfigObject;
  }

  /** Whether this says {@code off}, whatever type it says it in. */
  boolean says(String off) {
    return type() != null
        && (value instanceof ConfigObject || value instanceof ConfigList ? rendered() : plain())
            .equals(off);
  }

  /** Whether the word is written somewhere in here. */
  boolean mentions(String word) {
    return rendered().contains(word);
  }

  /**
   * What is written here, for a message: one line, not too long, and nothing of what a section or a
   * list holds, which may be secret.
   */
  String shown() {
    if (value instanceof ConfigObject || value instanceof ConfigList) {
      return kind(value.valueType());
    }
    String shown = rendered();
    return shown.length() > LONGEST_SHOWN ? shown.substring(0, LONGEST_SHOWN) + "..." : shown;
  }

  private String rendered() {
    return value.render(ConfigRenderOptions.concise());
  }

  private static String kind(ConfigValueType type) {
    return switch (type) {
      case OBJECT -> "{ ... }";
      case LIST -> "[ ... ]";
      case STRING -> "text";
      case NUMBER -> "a number";
      case BOOLEAN -> "a flag";
      case NULL -> "null";
    };
  }

  private <T> T noted(T value) {
    effective.accept(value);
    return value;
  }

  private @Nullable String hidden(String secret) {
    if (secret.equals(Effective.MASK)) {
      problem("is masked, and no secret is in force here that it could stand for: give the secret");
      return null;
    }
    effective.accept(new Effective.Secret(secret));
    return secret;
  }

  @SuppressWarnings("TypeParameterUnusedInFormals") // null, of whatever type was asked for
  private <T> @Nullable T wrong(String expected) {
    problem(expected + ", not " + shown());
    return null;
  }

  /** Text in the place of what holds secrets may be one. */
  @SuppressWarnings("TypeParameterUnusedInFormals") // null, of whatever type was asked for
  private <T> @Nullable T wrongKind(String expected) {
    problem(expected + ", not " + kind(value.valueType()));
    return null;
  }

  /** What stands beside it may be a part of a secret. */
  private String undefined() {
    return SUBSTITUTION
        .matcher(rendered())
        .results()
        .map(MatchResult::group)
        .distinct()
        .collect(joining(", "));
  }

  private String plain() {
    return String.valueOf(value.unwrapped());
  }

  /** Null when a substitution is unresolved, which is then reported. */
  private @Nullable ConfigValueType type() {
    try {
      if (value instanceof ConfigObject object && object.isEmpty()) {
        return ConfigValueType.OBJECT; // asked, because only this tells some unresolved objects
      }
      return value.valueType();
    } catch (ConfigException.NotResolved e) {
      problem(
          "nothing defines "
              + undefined()
              + ": set the environment variable, or write ${?NAME} for one that may be missing");
      return null;
    }
  }
}
