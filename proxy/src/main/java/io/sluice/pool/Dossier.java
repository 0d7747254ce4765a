package io.sluice.pool;

import io.sluice.probe.ProbeResult;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What is kept of a backend for people to read; nothing is decided by it.
 *
 * @param draining present while somebody wishes it to have no new flows, in whatever state
 * @param probe the last check; empty before the first, and where there are none any longer
 * @param probesPassed since it came into the pool
 * @param probesFailed since then
 * @param replyRatio what it answered in time of what it was asked, over the window; empty below
 *     volume
 * @param history its last transitions, oldest first
 */
public record Dossier(
    Optional<Draining> draining,
    Optional<ProbeResult> probe,
    long probesPassed,
    long probesFailed,
    OptionalDouble replyRatio,
    List<Transition> history) {
  static final Dossier EMPTY =
      new Dossier(Optional.empty(), Optional.empty(), 0, 0, OptionalDouble.empty(), List.of());

  /**
   * A wish that it be given no new flows.
   *
   * @param deadline when those it has are to leave
   * @param byItself by its probe's answer, and as long as it repeats that
   */
  public record Draining(Instant since, Optional<Instant> deadline, boolean byItself) {}

  /** A change of state. */
  public record Transition(Instant at, State from, State to, String reason) {}
}
