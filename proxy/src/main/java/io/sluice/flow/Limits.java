package io.sluice.flow;

import java.time.Duration;

/**
 * Bounds of a flow table.
 *
 * @param max assured flows
 * @param idleTimeout an assured flow ends after this long without a datagram either way
 * @param unassuredTimeout a flow ends this long after its opening unless its backend has answered
 * @param unassuredMax flows not yet answered
 * @param newPerSecond flows opened a second, with a burst of one second's worth
 * @param oneWay flows are assured from birth: no reply is expected
 * @param rehomePerSecond flows that get another backend a second, with a burst of one second's
 *     worth
 * @param rehomeReturn whether they go back once their own backend has come back
 */
public record Limits(
    int max,
    Duration idleTimeout,
    Duration unassuredTimeout,
    int unassuredMax,
    int newPerSecond,
    boolean oneWay,
    int rehomePerSecond,
    boolean rehomeReturn) {
  /** As usual but for what is named. */
  public Limits(
      int max,
      Duration idleTimeout,
      Duration unassuredTimeout,
      int unassuredMax,
      int newPerSecond,
      boolean oneWay) {
    this(max, idleTimeout, unassuredTimeout, unassuredMax, newPerSecond, oneWay, 5_000, false);
  }
}
