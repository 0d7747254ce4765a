package io.sluice.config;

import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Where something stands, or where it is missing. */
record Spot(String file, int line, String path) {
  /**
   * Typesafe Config tells files apart only in an origin's description: {@code a.conf: 3}, {@code
   * a.conf: 3-9} where objects were merged, {@code merge of a.conf: 3,b.conf: 4} across files. Of
   * several places the first one counts.
   */
  private static final Pattern ORIGIN =
      Pattern.compile("(?:merge of )?(.+?): (\\d{1,9})(?:-\\d+)?(?:,.*)?", Pattern.DOTALL);

  /** The same line, one key deeper. */
  Spot child(String key) {
    String quoted = ConfigUtil.joinPath(key);
    return new Spot(file, line, path.isEmpty() ? quoted : path + "." + quoted);
  }

  Spot element(int index) {
    return new Spot(file, line, path + "[" + index + "]");
  }

  /**
   * Moves to where a value was written. The tree as written is asked first: after substitution a
   * value from the environment has no line, and one from elsewhere in the file has that place's.
   */
  Spot of(ConfigValue value, @Nullable ConfigValue written) {
    return written == null ? of(value.origin()) : of(value.origin()).of(written.origin());
  }

  Spot of(@Nullable ConfigOrigin origin) {
    if (origin == null) {
      return this;
    }
    Matcher at = ORIGIN.matcher(origin.description());
    return at.matches() ? new Spot(at.group(1), Integer.parseInt(at.group(2)), path) : this;
  }

  Problem problem(String message) {
    return new Problem(file, line, path, message);
  }
}
