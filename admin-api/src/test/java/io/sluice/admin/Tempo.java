package io.sluice.admin;

import java.time.Duration;

/**
 * How patient a balancer is, and how long a scenario takes.
 *
 * @param stall {@code stall-timeout}; nginx's {@code proxy_timeout}
 * @param interval of probes
 * @param timeout of probes
 * @param ejectFor {@code eject-for}; nginx's {@code fail_timeout}
 * @param lasts the failure
 * @param after it, until the end: room for the longest ejection, with its jitter, and a trial
 * @param flap down, and up, when flapping
 * @param late so are a slow backend's replies
 */
record Tempo(
    Duration stall,
    Duration interval,
    Duration timeout,
    Duration ejectFor,
    Duration ejectMax,
    Duration warmUp,
    Duration lasts,
    Duration after,
    Duration flap,
    int flaps,
    Duration late) {
  static final int FALL = 3;

  /** Short ones, so that everything can be tried often. */
  static final Tempo SHORT =
      new Tempo(
          Duration.ofSeconds(1),
          Duration.ofMillis(250),
          Duration.ofMillis(200),
          Duration.ofSeconds(1),
          Duration.ofSeconds(2),
          Duration.ofMillis(1_500),
          Duration.ofSeconds(4),
          Duration.ofSeconds(5),
          Duration.ofSeconds(1),
          3,
          Duration.ofMillis(500));

  /** The defaults, and a failure long enough for all of them. */
  static final Tempo USUAL =
      new Tempo(
          Duration.ofSeconds(3),
          Duration.ofSeconds(2),
          Duration.ofSeconds(1),
          Duration.ofSeconds(5),
          Duration.ofMinutes(5),
          Duration.ofSeconds(5),
          Duration.ofSeconds(20),
          Duration.ofSeconds(25),
          Duration.ofSeconds(3),
          4,
          Duration.ofMillis(1_500));

  /** By which probes have said that a backend is down. */
  Duration probed() {
    return interval.multipliedBy(FALL).plus(timeout);
  }

  Duration all() {
    return warmUp.plus(lasts).plus(after);
  }
}
