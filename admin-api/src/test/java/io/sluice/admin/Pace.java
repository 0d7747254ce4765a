package io.sluice.admin;

/** So many a second at most: what a stall has kept back is not made up for by a burst. */
final class Pace {
  /** Longer than a thread is kept from its core on a machine that is not too busy. */
  private static final double BURST_SECONDS = 0.02;

  private final double perNano;
  private final double most;
  private double due;
  private long at = System.nanoTime();

  /**
   * @param atOnce how many are taken at once, at most
   */
  Pace(long perSecond, int atOnce) {
    perNano = perSecond / 1e9;
    most = Math.max(atOnce, perSecond * BURST_SECONDS);
    due = atOnce;
  }

  /** Whether so many are due; then they are taken. */
  boolean take(int count) {
    long now = System.nanoTime();
    due = Math.min(most, due + (now - at) * perNano);
    at = now;
    if (due < count) {
      return false;
    }
    due -= count;
    return true;
  }
}
