package io.sluice.front;

/**
 * Which of the active workers reads which listener of an address: as many each, give or take one,
 * and with as few moves as that takes, since the flows of a moved listener's clients stay behind.
 */
final class Spread {
  /** Reads a listener that no worker does. */
  static final int NOBODY = -1;

  private Spread() {}

  /**
   * Returns, by listener, the worker that shall read it.
   *
   * @param from by listener, the worker that does, or {@link #NOBODY}
   * @param active workers 0 to {@code active - 1} shall read, no others
   */
  static int[] over(int[] from, int active) {
    int[] to = from.clone();
    int[] held = new int[active];
    for (int worker : to) {
      if (isActive(worker, active)) {
        held[worker]++;
      }
    }
    for (int i = 0; i < to.length; i++) {
      if (!isActive(to[i], active)) {
        to[i] = least(held);
        held[to[i]]++;
      }
    }
    for (int most = most(held); held[most] - held[least(held)] > 1; most = most(held)) {
      int least = least(held);
      to[lastOf(most, to)] = least;
      held[most]--;
      held[least]++;
    }
    return to;
  }

  private static boolean isActive(int worker, int active) {
    return worker != NOBODY && worker < active;
  }

  /** The first of those that hold the fewest. */
  private static int least(int[] held) {
    int least = 0;
    for (int worker = 1; worker < held.length; worker++) {
      least = held[worker] < held[least] ? worker : least;
    }
    return least;
  }

  /** The first of those that hold the most. */
  private static int most(int[] held) {
    int most = 0;
    for (int worker = 1; worker < held.length; worker++) {
      most = held[worker] > held[most] ? worker : most;
    }
    return most;
  }

  private static int lastOf(int worker, int[] to) {
    int i = to.length - 1;
    while (to[i] != worker) {
      i--;
    }
    return i;
  }
}
