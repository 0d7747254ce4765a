package io.sluice.pool;

/**
 * What probes decide.
 *
 * @param rise so many passed in a row end DOWN, at least 1
 * @param fall so many failed in a row begin it, at least 1
 */
public record Probing(int rise, int fall) {
  /** What a pool has unless it is told otherwise. */
  public static final Probing USUAL = new Probing(2, 3);

  public Probing {
    if (rise < 1 || fall < 1) {
      throw new IllegalArgumentException("rise %d, fall %d".formatted(rise, fall));
    }
  }
}
