package io.sluice.pool;

/**
 * How long replies take of late: the mean of a tick's exchanges, if that is more than before, else
 * it decays towards it with a time constant of {@value #TAU_S} s.
 *
 * <p>Finagle's peak EWMA, fed by the tick instead of by the reply, so that loops only add, and one
 * outlier among a thousand replies does not count as a thousand. With nothing asked it decays
 * towards nothing, and so is tried again; with nothing timed it stays.
 */
final class PeakLatency {
  static final int TAU_S = 10;

  private double nanos;
  private long atNs;
  private long asked;
  private long timed;
  private long latency;

  PeakLatency(long nowNs) {
    atNs = nowNs;
  }

  /** Takes in the counters of a tick, which only grow; returns the value by now. */
  long add(long nowNs, long askedNow, long timedNow, long latencyNow) {
    long replies = timedNow - timed;
    double kept = Math.exp((atNs - nowNs) / (TAU_S * 1e9));
    if (replies > 0) {
      double mean = (double) (latencyNow - latency) / replies;
      nanos = mean > nanos ? mean : mean + (nanos - mean) * kept;
    } else if (askedNow == asked) {
      nanos *= kept;
    }
    atNs = nowNs;
    asked = askedNow;
    timed = timedNow;
    latency = latencyNow;
    return Math.round(nanos);
  }
}
