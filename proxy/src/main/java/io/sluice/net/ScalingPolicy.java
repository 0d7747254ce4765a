package io.sluice.net;

import java.util.List;

/**
 * When to have another worker, and when one fewer: from samples of how busy each is, one a second.
 *
 * <p>Growing is quick, for datagrams are lost once a loop cannot keep up with its receive buffers;
 * shrinking is slow, for it costs hand-overs, and a worker with nothing to do costs nothing but its
 * flows' locality.
 */
final class ScalingPolicy {
  /**
   * A loop this busy still has a quarter of a second in each second for bursts, which its receive
   * buffers hold for some tens of milliseconds.
   */
  static final double BUSY = 0.75;

  /** One sample may be a collection of garbage or a wave of new flows; two in a row are load. */
  static final int BUSY_SAMPLES = 2;

  /**
   * After shrinking, the others are at most this busy: a third of their load short of {@link
   * #BUSY}, so that no small rise brings the worker straight back.
   */
  static final double CALM = 0.5;

  /** Longer than the pauses of most traffic that comes in waves: health checks, retries. */
  static final int CALM_SAMPLES = 30;

  private final int min;
  private final int max;
  private int busy;
  private int calm;

  ScalingPolicy(int min, int max) {
    this.min = min;
    this.max = max;
  }

  /**
   * How many workers shall be active from now on: as many as now, or one more or fewer.
   *
   * @param utilisation how busy each worker was since the last sample, 0 to 1; beyond the active
   *     ones those that end their flows, whose load comes back when they have ended
   */
  int next(int active, List<Double> utilisation) {
    double mean = sum(utilisation.subList(0, active)) / active;
    busy = active < max && mean > BUSY ? busy + 1 : 0;
    calm = active > min && sum(utilisation) / (active - 1) < CALM ? calm + 1 : 0;
    if (busy == BUSY_SAMPLES) {
      restart();
      return active + 1;
    }
    if (calm == CALM_SAMPLES) {
      restart();
      return active - 1;
    }
    return active;
  }

  /** Forgets the samples, which were of another number of workers. */
  void restart() {
    busy = 0;
    calm = 0;
  }

  private static double sum(List<Double> utilisation) {
    return utilisation.stream().mapToDouble(Double::doubleValue).sum();
  }
}
