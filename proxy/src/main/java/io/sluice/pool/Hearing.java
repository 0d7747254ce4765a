package io.sluice.pool;

import java.util.Locale;
import java.util.OptionalDouble;

/**
 * What a backend's exchanges say about it, beside those of all others of its pool.
 *
 * @param silent whether it answers nothing while others answer, however few asked
 * @param unanswered requests older than stall-timeout, begun since it was last heard
 * @param othersAnswered what the others answered of what they were asked meanwhile
 * @param silence how much of a proof its silence is, 0 to 1
 * @param ratio what it answers in time of what it is asked; empty below volume
 * @param othersRatio the same of all the others together, 0 to 1
 * @param deficit how much of a proof the difference is, 0 to 1
 */
record Hearing(
    boolean silent,
    long unanswered,
    long othersAnswered,
    double silence,
    OptionalDouble ratio,
    double othersRatio,
    double deficit) {
  static final Hearing NOTHING = new Hearing(false, 0, 0, 0, OptionalDouble.empty(), 0, 0);

  /** Not their sum: what is missing is the same in both. */
  double proof() {
    return Math.max(silence, deficit);
  }

  /** For an operator, with the figures; empty where there is nothing to say. */
  String words(String stall) {
    if (silent) {
      return String.format(
          Locale.ROOT,
          "silent: %,d %s unanswered for %s while the others of the pool answered %,d",
          unanswered,
          unanswered == 1 ? "request" : "requests",
          stall,
          othersAnswered);
    }
    return deficit == 0
        ? ""
        : "answers %.0f %% within %s where the others of the pool answer %.0f %%"
            .formatted(100 * ratio.orElse(0), stall, 100 * othersRatio);
  }
}
