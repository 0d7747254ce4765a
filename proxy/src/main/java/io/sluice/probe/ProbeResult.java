package io.sluice.probe;

import java.time.Duration;
import java.time.Instant;

/**
 * What one check found.
 *
 * @param reason of a failure or of a wish to be drained, for an operator; else {@code passed}
 * @param at when the check began
 */
public record ProbeResult(Verdict verdict, String reason, Duration took, Instant at) {
  public enum Verdict {
    PASSED,
    /** Alive, but asks to be drained. */
    LAME_DUCK,
    FAILED
  }

  /** Alive, whatever it asks for. */
  public boolean passed() {
    return verdict != Verdict.FAILED;
  }

  public boolean lameDuck() {
    return verdict == Verdict.LAME_DUCK;
  }
}
