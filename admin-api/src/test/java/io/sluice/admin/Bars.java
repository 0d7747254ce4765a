package io.sluice.admin;

import static io.sluice.admin.Reading.NEVER;

import io.sluice.admin.Scenario.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What Sluice promises of a failure, as far as it can know of it: the shorter of what evidence of
 * each kind takes. What clients of healthy backends waited in the same run is the machine's, and
 * comes on top.
 */
final class Bars {
  /** A tick of the appliance's control, and what a machine shared with others may take. */
  private static final Duration NOISE = Duration.ofMillis(200);

  /** A machine that stalls for longer than that has no excuse left. */
  private static final Duration STALL = Duration.ofMillis(500);

  /** One that was refused, and is asked again within two intervals of 50 ms. */
  private static final Duration REFUSED = Duration.ofMillis(100);

  private final Tempo tempo;
  private final Duration interval;
  private final Duration stalled;
  private final List<String> missed = new ArrayList<>();

  private Bars(Tempo tempo, Duration interval, Duration stalled) {
    this.tempo = tempo;
    this.interval = interval;
    this.stalled = stalled;
  }

  /** Returns the bars that were missed, in words. */
  static List<String> missed(Fault fault, Outcome outcome, Tempo tempo, Duration interval) {
    long stalledNs = Math.min(outcome.reading().stalledNs(), STALL.toNanos());
    Bars bars = new Bars(tempo, interval, Duration.ofNanos(stalledNs));
    bars.check(fault, outcome);
    return bars.missed;
  }

  private void check(Fault fault, Outcome outcome) {
    Cell cell = outcome.cell();
    Reading reading = outcome.reading();
    atMost("false ejections", outcome.falseEjections(), 0);
    atMost("flows of healthy backends that moved", reading.movedInVain(), 0);
    soon("recovery", reading.recoveryNs(), tempo.after());
    switch (fault) {
      case KILLED -> refused(reading);
      case SLOW -> slow(cell, reading);
      case FLAPPING -> {
        if (!cell.oneWay) {
          lost(reading.lostOfFlow(), tempo.flaps());
        }
      }
      case HOST_GONE, BLACK_HOLE, ICMP_FILTERED, ICMP_LIMITED -> {
        if (cell.isProbed()) {
          silent(reading, tempo.probed());
        } else if (!cell.oneWay) {
          silent(reading, tempo.stall().multipliedBy(2));
        } // else nobody can tell
      }
    }
  }

  private void refused(Reading reading) {
    soon("old flows are answered again", reading.oldFlowsAgainMaxNs(), REFUSED);
    lost(reading.lostOfFlow(), 1);
    soon("new flows avoid it", reading.newFlowsAvoidNs(), REFUSED);
  }

  /** Late is not dead, unless somebody says how late is too late. */
  private void slow(Cell cell, Reading reading) {
    if (!cell.oneWay) {
      soon("old flows are answered", reading.oldFlowsAgainMaxNs(), tempo.late().plus(NOISE));
      long underWay = cell.isProbed() ? tempo.late().dividedBy(interval) + 1 : 0;
      lost(reading.lostOfFlow(), underWay);
    }
  }

  private void silent(Reading reading, Duration limit) {
    Duration within = limit.plus(interval).plus(NOISE);
    soon("new flows avoid it", reading.newFlowsAvoidNs(), within);
    soon("old flows are answered again", reading.oldFlowsAgainMaxNs(), within);
    lost(reading.lostOfFlow(), within.dividedBy(interval) + 1);
  }

  /** A burst after a stall is lost as a whole. */
  private void lost(long ofFlow, long limit) {
    atMost("lost of a flow", ofFlow, limit + stalled.dividedBy(interval));
  }

  private void soon(String what, long nanos, Duration limit) {
    if (nanos > limit.plus(stalled).toNanos()) {
      String took = nanos == NEVER ? "never" : nanos / 1_000_000 + " ms";
      missed.add("%s: %s, not within %d ms".formatted(what, took, limit.toMillis()));
    }
  }

  private void atMost(String what, long count, long limit) {
    if (count > limit) {
      missed.add("%s: %d, not at most %d".formatted(what, count, limit));
    }
  }
}
