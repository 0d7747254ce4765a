package io.sluice.pool;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/** Control's side of one backend: feeds evidence and time to its health, and says what changed. */
final class Watch {
  private static final Logger log = LoggerFactory.getLogger(Watch.class);

  private final Pool pool;
  private final Health health;
  private final Evidence evidence;
  private final Backend backend;
  private Backend.Standing standing;
  private volatile @Nullable Future<?> timer;

  Watch(Pool pool, Pool.Spec.Server server, Rules rules, int workers) {
    this.pool = pool;
    health = new Health(rules);
    evidence = new Evidence(pool.control(), this::look);
    standing =
        new Backend.Standing(false, health.state(), health.reason(), pool.wallClock().instant(), 0);
    backend = new Backend(server, workers, rules.icmp(), evidence, standing);
  }

  Backend backend() {
    return backend;
  }

  State state() {
    return health.state();
  }

  /** Makes the last decision visible to the loops. */
  void publish(boolean eligible) {
    standing = standing.withEligible(eligible);
    backend.stand(standing);
  }

  /** Any thread, after the pool is marked closed. */
  void cancel() {
    Future<?> last = timer;
    if (last != null) {
      last.cancel(false);
    }
  }

  /**
   * Takes in whatever was reported, then the time: a report belongs to the state it was made in.
   *
   * <p>The answer goes first: a backend on trial that both answered and refused since the last look
   * lives, and {@code fall} judges it from then on.
   */
  private void look() {
    if (pool.closed()) {
      return;
    }
    long nowNs = pool.nowNs();
    Backend.Standing before = standing;
    if (evidence.takeAnswer()) {
      note(health.answered(nowNs));
    }
    evidence.takeRefusals(flow -> note(health.refused(nowNs, flow, backend.load())));
    note(health.elapsed(nowNs));
    if (!standing.equals(before)) {
      pool.refresh();
    }
    arm(health.remainingNs(nowNs));
  }

  private void note(boolean changed) {
    if (!changed) {
      return;
    }
    boolean ejected = state() == State.EJECTED;
    standing =
        new Backend.Standing(
            standing.eligible(),
            state(),
            health.reason(),
            pool.wallClock().instant(),
            standing.ejections() + (ejected ? 1 : 0));
    log.atLevel(ejected ? Level.WARN : Level.INFO)
        .log("backend {}/{} {}", pool.name(), backend.name(), standing.reason());
  }

  /** Either this sees that the pool is closed, or {@link Pool#close} sees this timer. */
  private void arm(long remainingNs) {
    cancel();
    if (remainingNs != Health.NEVER) {
      timer = pool.control().schedule(this::look, remainingNs, NANOSECONDS);
      if (pool.closed()) {
        cancel();
      }
    }
  }
}
