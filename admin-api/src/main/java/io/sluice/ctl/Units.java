package io.sluice.ctl;

import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Durations as people write and read them. */
final class Units {
  private static final Pattern DURATION = Pattern.compile("([0-9]{1,6})(ms|s|m|h)");

  private Units() {}

  /** As the API reads them. */
  static final class DurationReader implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      Matcher matcher = DURATION.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "'" + text + "' is no duration such as 500ms, 30s, 5m or 1h");
      }
      long number = Long.parseLong(matcher.group(1));
      return switch (matcher.group(2)) {
        case "ms" -> Duration.ofMillis(number);
        case "s" -> Duration.ofSeconds(number);
        case "m" -> Duration.ofMinutes(number);
        default -> Duration.ofHours(number);
      };
    }
  }

  /** The two largest units: {@code 3d4h}, {@code 12m5s}, {@code 42s}. */
  static String text(Duration duration) {
    long seconds = Math.max(0, duration.toSeconds());
    if (seconds < 60) {
      return seconds + "s";
    }
    if (seconds < 3_600) {
      return seconds / 60 + "m" + seconds % 60 + "s";
    }
    if (seconds < 86_400) {
      return seconds / 3_600 + "h" + seconds / 60 % 60 + "m";
    }
    return seconds / 86_400 + "d" + seconds / 3_600 % 24 + "h";
  }

  /** How long ago that was; the instant itself if it cannot be read. */
  static String age(String instant, Instant now) {
    try {
      return text(Duration.between(Instant.parse(instant), now));
    } catch (DateTimeException e) {
      return instant;
    }
  }

  /** Three digits or so, and a unit that fits. */
  static String millis(Number millis) {
    double value = millis.doubleValue();
    if (value == 0) {
      return "-";
    }
    return value < 1
        ? String.format(Locale.ROOT, "%.0fus", value * 1_000)
        : String.format(Locale.ROOT, value < 100 ? "%.1fms" : "%.0fms", value);
  }

  static String percent(Number share) {
    return String.format(Locale.ROOT, "%.0f%%", share.doubleValue() * 100);
  }
}
