package io.sluice.pool;

import io.sluice.metrics.Journal;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.Rounds;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** Control's side of one backend: feeds evidence and time to its health, and says what changed. */
final class Watch {
  private static final Logger log = LoggerFactory.getLogger(Watch.class);

  /** Of all keys, while a backend is on trial for not answering: what it loses, if it does. */
  private static final int SHARE_UNHEARD = Backend.ALL_KEYS / 8;

  /** Where slow start begins. */
  private static final int SHARE_AT_FIRST = Backend.ALL_KEYS / 16;

  /** For a flow that was being opened when its backend was removed. */
  private static final long LEAVING_NS = Duration.ofSeconds(1).toNanos();

  private final Pool pool;
  private final Health health;
  private final Evidence evidence;
  private final Backend backend;
  private final PeakLatency latency;
  private Pool.Spec spec;
  private Backend.Terms terms;
  private volatile @Nullable Rounds rounds;
  private State noted = State.UP;
  private Instant since;
  private long ejections;
  private Dossier dossier = Dossier.EMPTY;

  /** When it came or came back, from when on its share grows; {@link Health#NEVER}: it is whole. */
  private long backNs = Health.NEVER;

  /** When it was removed from the pool, or {@link Health#NEVER}. */
  private long leftNs = Health.NEVER;

  /** Why it is about to be removed, if it is. */
  private Optional<String> leaving;

  /** Until when the flows of a draining one may stay; {@link Health#NEVER}: to their ends. */
  private long drainUntilNs = Health.NEVER;

  /** It begins as one that is up, unless it is drained, and not dealt. */
  Watch(Pool pool, Pool.Spec spec, Pool.Spec.Server server, int workers) {
    this.pool = pool;
    this.spec = spec;
    terms = terms(spec, server.weight());
    leaving = server.leaving();
    health =
        new Health(
            spec.rules(),
            spec.probing(),
            spec.silence(),
            pool.jitter(),
            () -> pool.hasRoomToEject(this));
    evidence = new Evidence(pool.control(), this::look);
    latency = new PeakLatency(pool.nowNs());
    since = pool.wallClock().instant();
    if (server.drained()) {
      health.wish(Health.Wish.OPERATOR);
      noted = state();
      dossier = dossier.wished(Optional.of(new Dossier.Draining(since, Optional.empty(), false)));
    }
    backend = new Backend(server, workers, evidence, standing(false, pool.nowNs()));
  }

  private static Backend.Terms terms(Pool.Spec spec, int weight) {
    return new Backend.Terms(weight, spec.rules().icmp(), spec.silence().stallTimeout().toNanos());
  }

  Backend backend() {
    return backend;
  }

  State state() {
    State state = health.state();
    return leaving.isPresent() && !isOut(state) ? State.DRAINING : state;
  }

  private String reason() {
    return state() == State.DRAINING && leaving.isPresent()
        ? "draining: " + leaving.get()
        : health.reason();
  }

  /** Whether it is to be given new flows, should it stay. */
  boolean isEligible() {
    return !isAway(health.state());
  }

  /** Whether somebody wishes it to have no new flows, in whatever state. */
  boolean isUnwanted() {
    return health.wish() != Health.Wish.NOBODY;
  }

  /** It joins a pool that others are dealt of already. */
  void join() {
    backNs = pool.nowNs();
    told("ADDED", "at " + backend.address() + (isUnwanted() ? ", drained as it was before" : ""));
  }

  /** Other rules hold from now on; what is known stays. */
  void heed(Pool.Spec next, Pool.Spec.Server server) {
    if (server.weight() != terms.weight()) {
      told("WEIGHT", "from " + terms.weight() + " to " + server.weight());
    }
    spec = next;
    leaving = server.leaving();
    terms = terms(next, server.weight());
    health.heed(next.rules(), next.probing(), next.silence());
    if (!next.silence().counts()) {
      dossier = dossier.answering(OptionalDouble.empty());
    }
    if (state() != noted) {
      note(pool.nowNs());
    }
  }

  /**
   * It is dealt no longer, its flows are to leave, and what is still said of it decides nothing.
   */
  void leave() {
    leftNs = pool.nowNs();
    since = pool.wallClock().instant();
    close();
    backend.stand(
        new Backend.Standing(
            false,
            0,
            Backend.ALL_KEYS,
            State.DRAINING,
            health.score(leftNs),
            "removed: the configuration no longer has it",
            since,
            ejections,
            dossier,
            new Backend.Terms(terms.weight(), false, terms.stallNs())));
    told("REMOVED", "flows that are to leave: " + backend.load());
  }

  /** Whether it has left, and nobody is on the way to it any longer. */
  boolean isForgotten(long nowNs) {
    return backend.load() == 0 && nowNs - leftNs >= LEAVING_NS;
  }

  /** Has it checked from now on, by these checks alone. */
  void probe(Checks by) {
    close();
    Rounds next = by.of(backend.address(), this::probed);
    rounds = next;
    if (pool.closed()) { // either this sees that, or Pool.close() these rounds
      next.close();
    }
  }

  /** It is checked no longer, and what checks have said is void; the pool is to look again. */
  void stopProbing() {
    close();
    long nowNs = pool.nowNs();
    health.unprobed(nowNs);
    dossier = dossier.wished(wish()).unprobed();
    if (state() != noted) {
      note(nowNs);
    }
  }

  /** Ends its checks; any thread. */
  void close() {
    Rounds last = rounds;
    if (last != null) {
      last.close();
    }
  }

  /** Makes the last decision visible to the loops, if there is anything new. */
  void publish(boolean dealt) {
    Backend.Standing next = standing(dealt, pool.nowNs());
    if (!next.equals(backend.standing())) {
      backend.stand(next);
    }
  }

  private Backend.Standing standing(boolean dealt, long nowNs) {
    return new Backend.Standing(
        dealt,
        patienceNs(dealt, nowNs),
        share(nowNs),
        state(),
        health.score(nowNs),
        reason(),
        since,
        ejections,
        dossier,
        terms);
  }

  /**
   * One that is dealt for want of any other keeps its flows, whatever it is charged with, and one
   * that drains until the deadline, or until it is out.
   */
  private long patienceNs(boolean dealt, long nowNs) {
    boolean over = drainUntilNs != Health.NEVER && nowNs - drainUntilNs >= 0;
    boolean draining = state() == State.DRAINING;
    boolean mayStay = dealt || (draining && !over);
    return !mayStay ? 0 : health.silent() && !draining ? terms.stallNs() : Long.MAX_VALUE;
  }

  private int share(long nowNs) {
    long slowNs = spec.slowStart().toNanos();
    long backForNs = backNs == Health.NEVER ? slowNs : Math.min(slowNs, nowNs - backNs);
    int share = Backend.ALL_KEYS;
    if (backForNs < slowNs) {
      double grown = (double) backForNs / slowNs;
      share = SHARE_AT_FIRST + (int) (grown * (Backend.ALL_KEYS - SHARE_AT_FIRST));
    }
    return health.unheardOnTrial() ? Math.min(share, SHARE_UNHEARD) : share;
  }

  /**
   * Takes in whatever was reported, then the time: a report belongs to the state it was made in.
   *
   * <p>The answer goes first: a backend on trial that both answered and refused since the last look
   * lives, and {@code fall} judges it from then on.
   */
  private void look() {
    if (isOver()) {
      return;
    }
    long nowNs = pool.nowNs();
    if (evidence.takeAnswer() && health.answered(nowNs)) {
      note(nowNs);
    }
    evidence.takeRefusals(flow -> health.refused(nowNs, flow, backend.load()));
    health.elapsed(nowNs);
    decided(nowNs);
  }

  private boolean isOver() {
    return pool.closed() || leftNs != Health.NEVER;
  }

  /** What its exchanges say; the time has its say right after. */
  void hear(Hearing hearing, long nowNs) {
    health.heard(nowNs, hearing);
    dossier = dossier.answering(hearing.ratio());
  }

  /** Time has passed. */
  void tick(long nowNs) {
    if (backNs != Health.NEVER && nowNs - backNs >= spec.slowStart().toNanos()) {
      backNs = Health.NEVER;
    }
    health.elapsed(nowNs);
    decided(nowNs);
    backend.latencyNanos(
        latency.add(
            nowNs,
            backend.total(Backend.ASKED),
            backend.total(Backend.TIMED),
            backend.total(Backend.LATENCY)));
  }

  /** What is as it was the last time is in the dossier and in the metrics alone. */
  private static boolean isNews(ProbeResult last, ProbeResult next) {
    return last.verdict() != next.verdict() || !last.reason().equals(next.reason());
  }

  /** A probe has ended. */
  void probed(ProbeResult result) {
    if (isOver()) {
      return;
    }
    if (dossier.probe().map(last -> isNews(last, result)).orElse(true)) {
      String what = result.verdict().name();
      pool.journal().enter(Journal.Kind.PROBE, subject(), what, result.reason());
    }
    long nowNs = pool.nowNs();
    if (result.passed()) {
      health.passed(nowNs, result.lameDuck());
    } else {
      health.failed(nowNs, result.reason());
    }
    dossier = dossier.wished(wish()).probed(result);
    wished(nowNs);
  }

  /** An operator wishes it to have no new flows, and none at all once so much time is over. */
  void drain(Optional<Duration> deadline) {
    drainUntilNs = deadline.map(in -> pool.nowNs() + in.toNanos()).orElse(Health.NEVER);
    Instant now = pool.wallClock().instant();
    health.wish(Health.Wish.OPERATOR);
    dossier =
        dossier.wished(Optional.of(new Dossier.Draining(now, deadline.map(now::plus), false)));
    wishedBy(
        "DRAIN", deadline.map(in -> "within " + in.toMillis() + " ms").orElse("without deadline"));
    wished(pool.nowNs());
  }

  /** Nobody wishes anything any longer. */
  void enable() {
    drainUntilNs = Health.NEVER;
    health.wish(Health.Wish.NOBODY);
    dossier = dossier.wished(Optional.empty());
    wishedBy("ENABLE", "as far as its health allows");
    wished(pool.nowNs());
  }

  private void wishedBy(String what, String how) {
    pool.journal().enter(Journal.Kind.BACKEND, subject(), what, "an operator wished so, " + how);
    log.info("backend {} {} by an operator, {}", subject(), what, how);
  }

  private void told(String what, String how) {
    pool.journal().enter(Journal.Kind.BACKEND, subject(), what, how);
    log.info("backend {} {}: {}", subject(), what, how);
  }

  /** What it wishes by itself; an operator's wish stands as it is. */
  private Optional<Dossier.Draining> wish() {
    return switch (health.wish()) {
      case NOBODY -> Optional.empty();
      case OPERATOR -> dossier.draining();
      case ITSELF ->
          dossier
              .draining()
              .or(
                  () ->
                      Optional.of(
                          new Dossier.Draining(
                              pool.wallClock().instant(), Optional.empty(), true)));
    };
  }

  private void decided(long nowNs) {
    if (state() == noted) {
      publish(backend.eligible());
    } else {
      note(nowNs);
      pool.refresh();
    }
  }

  /** A wish may matter where the state stays: for who is tried for want of any eligible one. */
  private void wished(long nowNs) {
    if (state() != noted) {
      note(nowNs);
    }
    pool.refresh();
  }

  /** The one place that hears of every transition. */
  private void note(long nowNs) {
    State before = noted;
    noted = state();
    since = pool.wallClock().instant();
    ejections += noted == State.EJECTED ? 1 : 0;
    if (isOut(before) && !isOut(noted)) {
      pool.forget(this);
    }
    boolean trusted = before == State.TRIAL && health.isUnheard();
    if (!isAway(noted) && (isAway(before) || trusted)) {
      backNs = nowNs;
    }
    dossier = dossier.moved(new Dossier.Transition(since, before, noted, reason()));
    pool.journal().enter(Journal.Kind.BACKEND, subject(), noted.name(), reason());
    log.atLevel(isOut(noted) ? Level.WARN : Level.INFO).log("backend {} {}", subject(), reason());
  }

  private String subject() {
    return pool.name() + "/" + backend.name();
  }

  private static boolean isOut(State state) {
    return state == State.EJECTED || state == State.DOWN;
  }

  private static boolean isAway(State state) {
    return isOut(state) || state == State.DRAINING;
  }
}
