package io.sluice.ctl;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the appliance knows us by.
 *
 * @param origin where it came from, for a person: the token itself is shown to nobody
 */
record Token(String value, String origin) {
  static final String VARIABLE = "SLUICE_TOKEN";

  /** RFC 6750, section 2.1. */
  private static final Pattern BEARER = Pattern.compile("[A-Za-z0-9._~+/-]+=*");

  Token {
    if (!BEARER.matcher(value).matches()) {
      throw Failure.usage(
          "the token from "
              + origin
              + " is none: it is to be one word of letters, digits and . _ ~ + / - =");
    }
  }

  /** The one that was said most plainly. */
  static Optional<Token> find(
      @Nullable String said, @Nullable Path file, Map<String, String> environment) {
    if (said != null && file != null) {
      throw Failure.usage("--token and --token-file: give one of them");
    }
    if (said != null) {
      return Optional.of(new Token(said, "--token"));
    }
    if (file != null) {
      return Optional.of(new Token(read(file), "--token-file " + file));
    }
    return Optional.ofNullable(environment.get(VARIABLE))
        .map(value -> new Token(value.strip(), "the environment's " + VARIABLE));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw Failure.usage("--token-file %s: cannot be read (%s)".formatted(file, e));
    }
  }

  @Override
  public String toString() {
    return "the token from " + origin;
  }
}
