package io.sluice.filter;

/**
 * What a filter would do to a datagram, and why, for a person to read.
 *
 * @param why in words
 */
public record Opinion(Verdict verdict, String why) {
  private static final Opinion UNKNOWN =
      new Opinion(Verdict.UNKNOWN, "does not say without being asked in earnest");

  /** What it would do. */
  public enum Verdict {
    PASS,
    REFUSE,
    UNKNOWN
  }

  static Opinion pass(String why) {
    return new Opinion(Verdict.PASS, why);
  }

  static Opinion refuse(String why) {
    return new Opinion(Verdict.REFUSE, why);
  }

  /** Of a filter that cannot tell beforehand. */
  public static Opinion unknown() {
    return UNKNOWN;
  }
}
