package io.sluice.pool;

import io.sluice.probe.ProbeResult;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

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
  private static final int HISTORY = 16;

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

  Dossier wished(Optional<Draining> by) {
    return new Dossier(by, probe, probesPassed, probesFailed, replyRatio, history);
  }

  Dossier probed(ProbeResult last) {
    long passed = probesPassed + (last.passed() ? 1 : 0);
    long failed = probesFailed + (last.passed() ? 0 : 1);
    return new Dossier(draining, Optional.of(last), passed, failed, replyRatio, history);
  }

  Dossier unprobed() {
    return new Dossier(draining, Optional.empty(), probesPassed, probesFailed, replyRatio, history);
  }

  Dossier answering(OptionalDouble ratio) {
    return new Dossier(draining, probe, probesPassed, probesFailed, ratio, history);
  }

  /** The oldest transitions give way. */
  Dossier moved(Transition last) {
    int surplus = Math.max(0, history.size() + 1 - HISTORY);
    List<Transition> all = Stream.concat(history.stream().skip(surplus), Stream.of(last)).toList();
    return new Dossier(draining, probe, probesPassed, probesFailed, replyRatio, all);
  }
}
