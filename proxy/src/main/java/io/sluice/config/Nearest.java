package io.sluice.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;

/** What somebody who wrote a name we do not know may have meant. */
final class Nearest {
  private Nearest() {}

  /** {@code did you mean 'x'?}, or all there is to choose from when nothing is near. */
  static String hint(String written, Collection<String> known) {
    if (known.isEmpty()) {
      return "none is known";
    }
    return to(written, known)
        .map(name -> "did you mean '" + name + "'?")
        .orElseGet(() -> "known here: " + list(known));
  }

  static String list(Collection<String> known) {
    return String.join(", ", new TreeSet<>(known));
  }

  /** The closest name, if at most a third of its letters (two in short ones) would change. */
  static Optional<String> to(String written, Collection<String> known) {
    return known.stream()
        .filter(name -> distance(written, name) <= Math.max(2, name.length() / 3))
        .min(
            Comparator.comparingInt((String name) -> distance(written, name))
                .thenComparing(Comparator.naturalOrder()));
  }

  /**
   * Letters to insert, delete, replace or swap with their neighbour, whatever their case (optimal
   * string alignment).
   */
  static int distance(String a, String b) {
    if (Math.abs(a.length() - b.length()) > b.length()) {
      return Math.max(a.length(), b.length()); // far off anyway: spare the work on absurd keys
    }
    String s = a.toLowerCase(Locale.ROOT);
    String t = b.toLowerCase(Locale.ROOT);
    int[][] d = new int[s.length() + 1][t.length() + 1];
    for (int i = 0; i <= s.length(); i++) {
      for (int j = 0; j <= t.length(); j++) {
        if (i == 0 || j == 0) {
          d[i][j] = i + j;
          continue;
        }
        int replace = d[i - 1][j - 1] + (s.charAt(i - 1) == t.charAt(j - 1) ? 0 : 1);
        d[i][j] = Math.min(replace, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
        if (i > 1
            && j > 1
            && s.charAt(i - 1) == t.charAt(j - 2)
            && s.charAt(i - 2) == t.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], 1 + d[i - 2][j - 2]);
        }
      }
    }
    return d[s.length()][t.length()];
  }
}
