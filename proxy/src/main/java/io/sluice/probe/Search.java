package io.sluice.probe;

import java.io.IOException;
import java.util.regex.Pattern;

/**
 * Looks for a pattern in what a stranger sent, with a bound: an unlucky regex takes time
 * exponential in the length of the text, and heeds no interrupt.
 */
final class Search {
  // 64 KiB read over 150 times; a tenth of a second or so
  private static final int MOST_READS = 10_000_000;

  private Search() {}

  static boolean found(Pattern pattern, String text) throws IOException {
    try {
      return pattern.matcher(new Metered(text)).find();
    } catch (TooLong | StackOverflowError e) {
      throw new IOException(
          "the regex takes too long on the answer " + Reason.quoted(text) + ": write a simpler one",
          e);
    }
  }

  private static final class TooLong extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  private static final class Metered implements CharSequence {
    private final String text;
    private int reads;

    Metered(String text) {
      this.text = text;
    }

    @Override
    public char charAt(int index) {
      if (++reads > MOST_READS) {
        throw new TooLong();
      }
      return text.charAt(index);
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.substring(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
