package io.sluice.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a section comes to, gathered while it is read: every key that was asked for, and what stands
 * for it where it is not written. Read again, it comes to the same.
 */
final class Effective {
  /** In place of a secret, whoever asks. */
  static final String MASK = "***";

  /** What nobody is shown. */
  record Secret(String text) {
    @Override
    public String toString() {
      return MASK;
    }
  }

  private final Map<String, Object> keys = new TreeMap<>();

  void put(String key, Object value) {
    keys.put(key, value);
  }

  /** As it was gathered, with {@link Secret}s. */
  Map<String, Object> keys() {
    return keys;
  }

  /** The whole, its secrets masked. */
  static Object masked(Object value) {
    return revealed(value, secret -> MASK);
  }

  /** The whole, its secrets as they are. */
  static Object revealed(Object value) {
    return revealed(value, Secret::text);
  }

  private interface Showing {
    Object of(Secret secret);
  }

  private static Object revealed(Object value, Showing how) {
    return switch (value) {
      case Secret secret -> how.of(secret);
      case Duration duration -> text(duration);
      case Effective section -> {
        Map<String, Object> copy = new TreeMap<>();
        section.keys.forEach((key, of) -> copy.put(key, revealed(of, how)));
        yield copy;
      }
      case List<?> list -> {
        List<Object> copy = new ArrayList<>();
        list.forEach(element -> copy.add(revealed(element, how)));
        yield copy;
      }
      default -> value;
    };
  }

  private static String text(Duration duration) {
    long nanos = duration.toNanos();
    if (nanos % 1_000_000_000 == 0) {
      return nanos / 1_000_000_000 + "s";
    }
    return nanos % 1_000_000 == 0 ? nanos / 1_000_000 + "ms" : nanos + "ns";
  }
}
