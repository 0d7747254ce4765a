package io.sluice.ctl;

import java.io.Console;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * A terminal that is drawn over again and again, by the control sequences all of today's have
 * (ECMA-48, xterm). It is given back as it was, also when Ctrl-C ends the process.
 */
final class Screen implements AutoCloseable {
  /** Another screen than the one with the shell's history, without a cursor. */
  private static final String ENTER = "\033[?1049h\033[?25l";

  private static final String LEAVE = "\033[?25h\033[?1049l";
  private static final String HOME = "\033[H";
  private static final String CLEAR_REST_OF_LINE = "\033[K";
  private static final String CLEAR_BELOW = "\033[J";
  private static final Size UNKNOWN = new Size(24, 80);

  private record Size(int rows, int columns) {}

  private final PrintWriter out;
  private final Thread giveBack = new Thread(this::leave);
  private boolean left;

  Screen(PrintWriter out) {
    this.out = out;
    Runtime.getRuntime().addShutdownHook(giveBack);
    out.print(ENTER);
  }

  /** Whether a person looks, and not a program. */
  @SuppressWarnings("SystemConsoleNull") // since JDK 25 it is null again where there is no terminal
  static boolean isThere() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  /** What does not fit is left out. */
  synchronized void draw(List<String> lines) {
    Size size = size();
    var text = new StringBuilder(HOME);
    for (int i = 0; i < Math.min(lines.size(), size.rows); i++) {
      String line = lines.get(i);
      text.append(i == 0 ? "" : "\r\n");
      text.append(line, 0, Math.min(line.length(), size.columns)).append(CLEAR_REST_OF_LINE);
    }
    if (!left) { // Ctrl-C may have come between
      out.print(text.append(CLEAR_BELOW));
      out.flush();
    }
  }

  private synchronized void leave() {
    left = true;
    out.print(LEAVE);
    out.flush();
  }

  /** It may change at any time; the program that knows it is on every system that has terminals. */
  private static Size size() {
    try {
      Process stty = new ProcessBuilder("stty", "size").redirectInput(Redirect.INHERIT).start();
      try (InputStream said = stty.getInputStream()) {
        String[] words =
            new String(said.readAllBytes(), StandardCharsets.US_ASCII).strip().split(" ", -1);
        if (stty.waitFor() == 0 && words.length == 2) {
          Size size = new Size(Integer.parseInt(words[0]), Integer.parseInt(words[1]));
          // A terminal that nobody told its size says 0 0.
          return size.rows > 0 && size.columns > 0 ? size : UNKNOWN;
        }
        return UNKNOWN;
      }
    } catch (IOException | NumberFormatException e) {
      return UNKNOWN;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return UNKNOWN;
    }
  }

  @Override
  public void close() {
    if (Runtime.getRuntime().removeShutdownHook(giveBack)) {
      leave();
    }
  }
}
