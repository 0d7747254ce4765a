package io.sluice.config;

/**
 * One mistake in a configuration and what to do about it.
 *
 * @param line from 1; what is missing stands at the line of what it is missing from
 * @param path the key in HOCON's notation, list elements counted from 0
 */
public record Problem(String file, int line, String path, String message) {
  /** Keys and values may hold line ends and worse; a problem is one line of a terminal. */
  public Problem {
    path = printable(path);
    message = printable(message);
  }

  private static String printable(String text) {
    return text.replaceAll("[\\p{Cc}\\p{Zl}\\p{Zp}]+", " ");
  }

  @Override
  public String toString() {
    return file + ":" + line + ": " + path + ": " + message;
  }
}
