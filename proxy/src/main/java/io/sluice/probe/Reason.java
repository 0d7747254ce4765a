package io.sluice.probe;

import java.io.IOException;
import java.net.ConnectException;
import java.net.PortUnreachableException;
import java.time.Duration;

/** Words for an operator: one printable line, not too long, whatever a server sent. */
final class Reason {
  private static final int LONGEST = 200;
  private static final int LONGEST_QUOTE = 40;

  private Reason() {}

  static String of(Throwable failure) {
    if (isRefusal(failure)) {
      return "connection refused";
    }
    String message = failure.getMessage();
    return message != null && !message.isBlank() && failure instanceof IOException
        ? bounded(message)
        : bounded(failure.toString());
  }

  private static boolean isRefusal(Throwable failure) {
    String message = failure.getMessage();
    return failure instanceof PortUnreachableException
        || (failure instanceof ConnectException
            && (message == null || message.equalsIgnoreCase("connection refused")));
  }

  static String noAnswer(Duration timeout, int strays) {
    return "no answer within "
        + words(timeout)
        + (strays == 0 ? "" : " (but " + strays + " that did not fit the question)");
  }

  /** What a server sent, byte for byte as a character, in quotes. */
  static String quoted(String latin1) {
    boolean cut = latin1.length() > LONGEST_QUOTE;
    var quote = new StringBuilder("'");
    for (char c : latin1.substring(0, cut ? LONGEST_QUOTE : latin1.length()).toCharArray()) {
      quote.append(c >= ' ' && c <= '~' ? String.valueOf(c) : "\\x%02x".formatted((int) c));
    }
    return quote.append(cut ? "...'" : "'").toString();
  }

  static String words(Duration time) {
    long ms = time.toMillis();
    return ms % 1_000 == 0 ? ms / 1_000 + " s" : ms + " ms";
  }

  private static String bounded(String text) {
    String line = text.strip().replaceAll("[^\\x20-\\x7e]+", "?");
    return line.length() > LONGEST ? line.substring(0, LONGEST) + "..." : line;
  }
}
