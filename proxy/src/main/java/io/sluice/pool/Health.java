package io.sluice.pool;

import static java.util.stream.Collectors.joining;

import java.util.function.BooleanSupplier;
import java.util.function.LongUnaryOperator;
import java.util.stream.Stream;

/**
 * Whether one backend should be given flows, judged by all that is known of it.
 *
 * <pre>
 *       some evidence          proof             time             an answer, or nothing
 *  UP <--------------> SUSPECT ------> EJECTED -------> TRIAL --------------------------> UP
 *                                         ^---------------'
 *                                            any evidence
 *  any ---- fall failed probes ----> DOWN ---- rise passed probes ----> UP
 *  any but EJECTED, DOWN ---- by wish ----> DRAINING (shown instead of what is beneath)
 * </pre>
 *
 * <p><b>Score.</b> Each kind of evidence is a share of a full proof: refusals of {@code fall},
 * failed probes in a row of {@code fall}, silence and a low reply ratio ({@link ReplyRatio}). 100
 * less the sum of the shares in percent is the score; at 0 passive evidence ejects, even if no kind
 * were enough alone. Evidence ages with the window.
 *
 * <p><b>Ejection</b> by refusals takes {@code fall} of them within the window, from as many
 * different flows or from all there are: one broken flow among many proves nothing about the
 * backend, a lone client's only flow is all the evidence there will ever be. It lasts {@code
 * ejectFor}, twice as long after every relapse, at most {@code ejectMax}, give or take the jitter.
 * Relapses are forgotten once the backend has been without evidence for {@code ejectMax}. Where the
 * pool has no room for one more ejection it stays SUSPECT, and {@link #elapsed} tries again.
 *
 * <p><b>Trial</b>: the first answer or piece of evidence decides; nothing for {@code ejectFor}
 * acquits, because one-way services never answer. Any flow's refusal counts, old or new: an old
 * flow that sends now tests the backend as well as a new one, so an order of flow ids would throw
 * good evidence away. Late errors, for datagrams sent before the trial, do not fail it, because
 * there are none: an ejected backend is sent nothing (its flows leave at their next datagram),
 * {@code ejectFor} outlasts the way of an ICMP error (a round trip; 3 s where a neighbour does not
 * resolve), and what was reported before the trial is spent on the ejection, which ignores it. Only
 * where every backend is ejected and all are tried nevertheless may an error straddle the
 * beginning; it then tells of a refusal a round trip ago, and costs one more ejection. While its
 * probe fails there is no trial.
 *
 * <p>Pure: time is an argument, in nanoseconds of any clock that never goes back. Each event method
 * returns whether the state changed.
 */
final class Health {
  /** Nothing will change by itself. */
  static final long NEVER = Long.MAX_VALUE;

  /** Three thirds are a whole, whatever binary fractions make of them. */
  private static final double PROOF = 1 - 1e-9;

  /** Who wishes the backend to have no new flows. */
  enum Wish {
    NOBODY,
    ITSELF,
    OPERATOR
  }

  private final LongUnaryOperator jitter;
  private final BooleanSupplier room;
  private Rules rules;
  private Probing probing;
  private long stallNs;
  private String stall;
  private Refusals refusals;

  /** As if nobody wished anything. */
  private State state = State.UP;

  private Wish wish = Wish.NOBODY;
  private String reason = "up: nothing against it yet";
  private long sinceNs;
  private long lastsNs = NEVER;
  private String lasts = "";
  private int relapses;
  private long calmSinceNs;
  private boolean ejectedUnheard;
  private int liveFlows;
  private int failed;
  private int passed;
  private String failure = "";
  private Hearing hearing = Hearing.NOTHING;

  /**
   * @param jitter what a time is to be instead, lest appliances and backends march in step
   * @param room whether the pool has any for one more ejection
   */
  Health(
      Rules rules,
      Probing probing,
      Silence silence,
      LongUnaryOperator jitter,
      BooleanSupplier room) {
    this.rules = rules;
    this.probing = probing;
    this.jitter = jitter;
    this.room = room;
    stallNs = silence.stallTimeout().toNanos();
    stall = words(stallNs);
    refusals = new Refusals(rules.fall(), rules.window().toNanos());
  }

  /**
   * Is judged by other rules from now on. What is known stays; rules alone take nobody out, nor do
   * they end an ejection sooner or later than was said.
   */
  void heed(Rules nextRules, Probing nextProbing, Silence silence) {
    if (!nextRules.icmp()) {
      refusals.clear();
    }
    if (!silence.counts()) {
      hearing = Hearing.NOTHING;
    }
    refusals = refusals.by(nextRules.fall(), nextRules.window().toNanos());
    failed = Math.min(failed, nextProbing.fall() - 1);
    passed = Math.min(passed, nextProbing.rise() - 1);
    stallNs = silence.stallTimeout().toNanos();
    stall = words(stallNs);
    rules = nextRules;
    probing = nextProbing;
  }

  State state() {
    boolean out = state == State.EJECTED || state == State.DOWN;
    return wish == Wish.NOBODY || out ? state : State.DRAINING;
  }

  Wish wish() {
    return wish;
  }

  /** Why it is in this state, in words for a person. */
  String reason() {
    return switch (state() == State.DRAINING ? wish : Wish.NOBODY) {
      case OPERATOR -> "draining: an operator wished so";
      case ITSELF -> "draining: its probe's answer asked for it";
      case NOBODY -> reason;
    };
  }

  /** 100 is beyond doubt, 0 proven. */
  int score(long nowNs) {
    double proof =
        state == State.EJECTED || state == State.DOWN ? 1 : passive(nowNs) + probesFailed();
    return proof >= PROOF ? 0 : Math.max(1, 100 - (int) Math.ceil(100 * proof - 1e-9));
  }

  /** Whether a flow that has waited for stall-timeout should wait no longer. */
  boolean silent() {
    return hearing.silent() || unheardOnTrial();
  }

  /** Whether it is on trial for not answering: every flow it is given may be lost. */
  boolean unheardOnTrial() {
    return state == State.TRIAL && ejectedUnheard;
  }

  /** Whether its last ejection was for not answering. */
  boolean isUnheard() {
    return ejectedUnheard;
  }

  /** How long until {@link #elapsed} will end an ejection or a trial, or {@link #NEVER}. */
  long remainingNs(long nowNs) {
    boolean waits = lastsNs == NEVER || (state == State.EJECTED && failed > 0);
    return waits ? NEVER : Math.max(0, lastsNs - (nowNs - sinceNs));
  }

  /** An ICMP error arrived for {@code flow}, while the backend had {@code liveFlows} of them. */
  boolean refused(long nowNs, long flow, int liveFlows) {
    if (state == State.EJECTED || state == State.DOWN) {
      return false;
    }
    State before = state();
    this.liveFlows = liveFlows;
    forgive(nowNs);
    refusals.add(nowNs, flow);
    if (state == State.TRIAL) {
      eject(nowNs, "ICMP unreachable error on trial");
    } else {
      weigh(nowNs);
    }
    return state() != before;
  }

  /** The backend sent something. */
  boolean answered(long nowNs) {
    State before = state();
    if (state == State.TRIAL) {
      acquit(nowNs, "up: answered on trial");
    }
    return state() != before;
  }

  /** What a tick found out about its exchanges. */
  boolean heard(long nowNs, Hearing now) {
    if (state == State.EJECTED || state == State.DOWN) {
      return false;
    }
    State before = state();
    boolean onTrial = state == State.TRIAL;
    hearing = onTrial && !now.silent() ? Hearing.NOTHING : now;
    if (hearing.proof() > 0) {
      forgive(nowNs);
    }
    if (!onTrial) {
      weigh(nowNs);
    } else if (now.silent()) {
      eject(nowNs, now.words(stall) + ", on trial");
    }
    return state() != before;
  }

  /** A probe's answer, by which the backend may ask to be drained. */
  boolean passed(long nowNs, boolean wishesDrain) {
    State before = state();
    failed = 0;
    passed = Math.min(probing.rise(), passed + 1);
    if (wish != Wish.OPERATOR) {
      wish = wishesDrain ? Wish.ITSELF : Wish.NOBODY;
    }
    if (state == State.DOWN && passed == probing.rise()) {
      acquit(nowNs, "up: " + count(passed, "probe") + " passed in a row");
    }
    advance(nowNs);
    return state() != before;
  }

  /** A probe failed, and says why. */
  boolean failed(long nowNs, String why) {
    State before = state();
    passed = 0;
    failed = Math.min(probing.fall(), failed + 1);
    failure = why;
    if (state != State.EJECTED && state != State.DOWN) {
      forgive(nowNs);
    }
    if (state != State.DOWN && failed == probing.fall()) {
      clear(nowNs);
      enter(
          State.DOWN, nowNs, NEVER, "down: " + count(failed, "probe") + " failed in a row: " + why);
    }
    advance(nowNs);
    return state() != before;
  }

  /** Nobody asks it any longer; what its answers decided is void. */
  boolean unprobed(long nowNs) {
    State before = state();
    failed = 0;
    passed = 0;
    if (wish == Wish.ITSELF) {
      wish = Wish.NOBODY;
    }
    if (state == State.DOWN) {
      acquit(nowNs, "up: it is probed no longer");
    }
    advance(nowNs);
    return state() != before;
  }

  /** An operator wishes it to have no new flows, or no longer does. */
  boolean wish(Wish now) {
    State before = state();
    wish = now;
    return state() != before;
  }

  /** Time has passed. */
  boolean elapsed(long nowNs) {
    State before = state();
    advance(nowNs);
    return state() != before;
  }

  private void advance(long nowNs) {
    boolean over = remainingNs(nowNs) == 0;
    if (over && state == State.EJECTED) {
      clear(nowNs);
      enter(State.TRIAL, nowNs, trialNs(), "on trial after " + lasts + " ejected");
    } else if (over) {
      acquit(nowNs, "up: nothing against it for " + words(lastsNs) + " on trial");
    }
    if (state == State.UP || state == State.SUSPECT) {
      weigh(nowNs);
    }
  }

  /** Where silence is the charge, a request must have time to stay unanswered. */
  private long trialNs() {
    return rules.ejectFor().toNanos() + (ejectedUnheard ? stallNs : 0);
  }

  private void weigh(long nowNs) {
    double passive = passive(nowNs);
    double proof = passive + probesFailed();
    if (passive > 0 && proof >= PROOF) {
      eject(nowNs, evidence(nowNs));
    } else if (proof > 0) {
      suspect(nowNs, "suspect: " + evidence(nowNs));
    } else if (state == State.SUSPECT) {
      enter(State.UP, nowNs, NEVER, "up: what spoke against it is over");
    }
  }

  private void eject(long nowNs, String why) {
    if (!room.getAsBoolean()) {
      suspect(nowNs, "suspect, kept as too many of the pool are out already: " + why);
      return;
    }
    long ejectionNs = nextEjectionNs();
    relapses = Math.min(relapses + 1, Long.SIZE - 2);
    ejectedUnheard = hearing.proof() > 0;
    lasts = words(ejectionNs);
    clear(nowNs);
    long ns = jitter.applyAsLong(ejectionNs);
    enter(State.EJECTED, nowNs, ns, "ejected for " + lasts + ": " + why);
  }

  private long nextEjectionNs() {
    long first = rules.ejectFor().toNanos();
    long most = rules.ejectMax().toNanos();
    return first > most >> relapses ? most : first << relapses;
  }

  private void suspect(long nowNs, String why) {
    if (state == State.SUSPECT) {
      reason = why;
    } else {
      enter(State.SUSPECT, nowNs, NEVER, why);
    }
  }

  private void acquit(long nowNs, String why) {
    clear(nowNs);
    enter(State.UP, nowNs, NEVER, why);
    weigh(nowNs);
  }

  private void enter(State next, long nowNs, long forNs, String why) {
    state = next;
    reason = why;
    sinceNs = nowNs;
    lastsNs = forNs;
  }

  /** A new state begins with nothing proven. */
  private void clear(long nowNs) {
    refusals.clear();
    hearing = Hearing.NOTHING;
    calmSinceNs = nowNs;
  }

  /** There is evidence; if it is the first for long, the relapses before it are forgotten. */
  private void forgive(long nowNs) {
    if (nowNs - calmSinceNs >= rules.ejectMax().toNanos()) {
      relapses = 0;
    }
    calmSinceNs = nowNs;
  }

  private double passive(long nowNs) {
    return refusalsOfProof(nowNs) + hearing.proof();
  }

  private double refusalsOfProof(long nowNs) {
    int witnesses = Math.max(1, Math.min(rules.fall(), liveFlows));
    return Math.min(
        (double) refusals.within(nowNs) / rules.fall(),
        (double) refusals.flowsWithin(nowNs) / witnesses);
  }

  private double probesFailed() {
    return (double) failed / probing.fall();
  }

  private String evidence(long nowNs) {
    int refused = refusals.within(nowNs);
    String icmp =
        "%s from %s within %s"
            .formatted(
                count(refused, "ICMP unreachable error"),
                count(refusals.flowsWithin(nowNs), "flow"),
                words(rules.window().toNanos()));
    String probes = count(failed, "probe") + " failed in a row: " + failure;
    return Stream.of(refused > 0 ? icmp : "", hearing.words(stall), failed > 0 ? probes : "")
        .filter(words -> !words.isEmpty())
        .collect(joining("; "));
  }

  private static String words(long ns) {
    return ns % 1_000_000_000 == 0 ? ns / 1_000_000_000 + " s" : ns / 1_000_000 + " ms";
  }

  private static String count(int n, String noun) {
    return n + " " + noun + (n == 1 ? "" : "s");
  }
}
