package io.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigOrigin;
import java.util.regex.Pattern;

/** What Typesafe Config has to say, without what a Problem says anyway and its wilder advice. */
final class Complaint {
  private static final Pattern ADVICE =
      Pattern.compile(" \\(if you (?:intended|want) .*", Pattern.DOTALL);
  private static final Pattern JOINED_PAYLOAD =
      Pattern.compile("Cannot concatenate .*\"payload\".*SimpleConfigObject.*", Pattern.DOTALL);
  private static final String JOINED = "Cannot concatenate ";
  private static final int LONGEST = 300;

  private Complaint() {}

  static String of(ConfigException e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    ConfigOrigin origin = e.origin();
    if (origin != null && message.startsWith(origin.description() + ": ")) {
      message = message.substring(origin.description().length() + 2);
    }
    if (JOINED_PAYLOAD.matcher(message).matches()) {
      return "HOCON cannot join a word and { }: write " + Schema.PAYLOAD_FORM;
    }
    if (message.startsWith(JOINED)) { // and goes on with what was joined, be it secret
      return "HOCON cannot join text or numbers with { } or [ ], nor those two: write one of them";
    }
    String line = ADVICE.matcher(message).replaceFirst("").strip();
    String kind = e.getClass() == ConfigException.Parse.class ? "is not HOCON: " : "";
    return kind + (line.length() > LONGEST ? line.substring(0, LONGEST) + " ..." : line);
  }
}
