package io.sluice.pool;

/**
 * Whether one backend should be given flows, judged by what its flows run into.
 *
 * <pre>
 *      fall refusals             time              an answer, or silence
 *  UP ---------------> EJECTED -------> TRIAL ---------------------------> UP
 *                         ^---------------'
 *                            a refusal
 * </pre>
 *
 * <p><b>Ejection</b> takes {@code fall} refusals within the window, from as many different flows or
 * from all there are: one broken flow among many proves nothing about the backend, a lone client's
 * only flow is all the evidence there will ever be. It lasts {@code ejectFor}, twice as long after
 * every relapse, at most {@code ejectMax}. Relapses are forgotten once the backend has been up for
 * {@code ejectMax} without a refusal.
 *
 * <p><b>Trial</b>: the first answer or refusal decides; silence for {@code ejectFor} acquits,
 * because one-way services never answer. Any flow's refusal counts, old or new: an old flow that
 * sends now tests the backend as well as a new one, so an order of flow ids would throw good
 * evidence away. Late errors, for datagrams sent before the trial, do not fail it, because there
 * are none: an ejected backend is sent nothing (its flows are retired at their next datagram),
 * {@code ejectFor} outlasts the way of an ICMP error (a round trip; 3 s where a neighbour does not
 * resolve), and what was reported before the trial is spent on the ejection, which ignores it. Only
 * where every backend is ejected and all are tried nevertheless may an error straddle the
 * beginning; it then tells of a refusal a round trip ago, and costs one more ejection.
 *
 * <p>Pure: time is an argument, in nanoseconds of any clock that never goes back. Each event method
 * returns whether the state changed.
 */
final class Health {
  /** Nothing will change by itself. */
  static final long NEVER = Long.MAX_VALUE;

  private final Rules rules;
  private final long ejectForNs;
  private final long ejectMaxNs;
  private final Refusals refusals;

  private State state = State.UP;
  private String reason = "up: nothing against it yet";
  private long sinceNs;
  private long lastsNs = NEVER;
  private long nextEjectionNs;
  private long calmSinceNs;

  Health(Rules rules) {
    this.rules = rules;
    ejectForNs = rules.ejectFor().toNanos();
    ejectMaxNs = rules.ejectMax().toNanos();
    nextEjectionNs = ejectForNs;
    refusals = new Refusals(rules.fall(), rules.window().toNanos());
  }

  State state() {
    return state;
  }

  /** Why it is in this state, in words for a person. */
  String reason() {
    return reason;
  }

  /** How long until {@link #elapsed} will change the state, or {@link #NEVER}. */
  long remainingNs(long nowNs) {
    return lastsNs == NEVER ? NEVER : Math.max(0, lastsNs - (nowNs - sinceNs));
  }

  /** An ICMP error arrived for {@code flow}, while the backend had {@code liveFlows} of them. */
  boolean refused(long nowNs, long flow, int liveFlows) {
    return switch (state) {
      case EJECTED -> false;
      case TRIAL -> eject(nowNs, "ICMP unreachable error on trial");
      case UP -> refusedWhileUp(nowNs, flow, liveFlows);
    };
  }

  /** The backend sent something. */
  boolean answered(long nowNs) {
    return state == State.TRIAL && enter(State.UP, nowNs, NEVER, "up: answered on trial");
  }

  /** Time has passed. */
  boolean elapsed(long nowNs) {
    if (remainingNs(nowNs) > 0) {
      return false;
    }
    return state == State.EJECTED
        ? enter(State.TRIAL, nowNs, ejectForNs, "on trial after " + words(lastsNs) + " ejected")
        : enter(State.UP, nowNs, NEVER, "up: not refused for " + words(lastsNs) + " on trial");
  }

  private boolean refusedWhileUp(long nowNs, long flow, int liveFlows) {
    if (nowNs - calmSinceNs >= ejectMaxNs) {
      nextEjectionNs = ejectForNs;
    }
    calmSinceNs = nowNs;
    refusals.add(nowNs, flow);
    int flows = refusals.flowsWithin(nowNs);
    if (refusals.within(nowNs) < rules.fall() || flows < Math.min(rules.fall(), liveFlows)) {
      return false;
    }
    return eject(
        nowNs,
        "%s from %s within %s"
            .formatted(
                count(rules.fall(), "ICMP unreachable error"),
                count(flows, "flow"),
                words(rules.window().toNanos())));
  }

  private boolean eject(long nowNs, String why) {
    long ejectionNs = nextEjectionNs;
    nextEjectionNs = ejectionNs > ejectMaxNs / 2 ? ejectMaxNs : 2 * ejectionNs;
    String what = "ejected for " + words(ejectionNs) + ": " + why;
    return enter(State.EJECTED, nowNs, ejectionNs, what);
  }

  private boolean enter(State next, long nowNs, long forNs, String why) {
    state = next;
    reason = why;
    sinceNs = nowNs;
    lastsNs = forNs;
    calmSinceNs = nowNs;
    refusals.clear();
    return true;
  }

  private static String words(long ns) {
    return ns % 1_000_000_000 == 0 ? ns / 1_000_000_000 + " s" : ns / 1_000_000 + " ms";
  }

  private static String count(int n, String noun) {
    return n + " " + noun + (n == 1 ? "" : "s");
  }
}
