package io.sluice.flow;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Policy;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.sluice.metrics.Drop;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The flows of one front, whichever loop they live on.
 *
 * <p>A Caffeine cache finds them and, by its timer wheel, times them out. How many there may be is
 * counted here, by kind. <em>Unassured</em> flows stand in line: a newcomer too many pushes out the
 * oldest of them, so that a flood of spoofed sources can only push out other newcomers.
 * <em>Assured</em> ones are bounded by a counter and pushed out by nobody
 * (docs/adr/0002-one-cache-of-flows.md).
 */
public final class FlowTable {
  /** Ids grow over all fronts; 0 is nobody's. */
  private static final AtomicLong IDS = new AtomicLong();

  /** A flow this long without a datagram is taken to be done when Sluice is stopping. */
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** How far behind the time may be that Caffeine is told. */
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private volatile Limits limits;
  private final LongSupplier clock;

  /**
   * The time, as Caffeine is told at every look-up: set once a batch and, so that the loops do not
   * keep taking its cache line from each other, once a millisecond at most.
   */
  private final AtomicLong now;

  private volatile Budget budget;
  private volatile Budget rehomes;
  private final Cache<FlowKey, Flow> flows;
  private final Policy<FlowKey, Flow> policy;
  private final AtomicInteger assured = new AtomicInteger();
  private final AtomicInteger unassured = new AtomicInteger();

  /**
   * Unassured flows, oldest first, and behind an unassured head some that no longer are. Bounded: a
   * head lives for {@code unassuredTimeout}, in which {@code newPerSecond} lets in so many, each of
   * which is rescued once, and {@code rehomePerSecond}.
   */
  private final Queue<Flow> line = new ConcurrentLinkedQueue<>();

  private final LongAdder opened = new LongAdder();
  private final AtomicLongArray closed = new AtomicLongArray(CloseReason.values().length);

  /**
   * Looked at for every datagram, and so not volatile: a loop sees another one with the next task
   * it is given.
   */
  private long touchNanos;

  /** Likewise. */
  private boolean twoWay;

  private volatile boolean draining;
  private volatile boolean closing;

  /**
   * @param clock nanoseconds, as of {@link System#nanoTime}
   */
  public FlowTable(Limits limits, LongSupplier clock) {
    this.limits = limits;
    this.clock = clock;
    now = new AtomicLong(clock.getAsLong());
    budget = new Budget(limits.newPerSecond(), now.get());
    rehomes = new Budget(limits.rehomePerSecond(), now.get());
    touchNanos = touchNanos(limits);
    twoWay = !limits.oneWay();
    flows =
        Caffeine.newBuilder()
            .expireAfter(new TimeToLive())
            .ticker(now::getOpaque)
            // An end only puts a chore on the flow's loop: not worth another thread.
            .executor(Runnable::run)
            .removalListener(FlowTable::onRemoval)
            .build();
    policy = flows.policy();
  }

  private static long touchNanos(Limits limits) {
    return Math.min(limits.idleTimeout().toNanos() / 8, TimeUnit.SECONDS.toNanos(1));
  }

  /** Other limits from now on; flows beyond them may stay. One thread at a time. */
  public void limit(Limits next) {
    Limits last = limits;
    touchNanos = touchNanos(next);
    twoWay = !next.oneWay();
    limits = next;
    if (next.newPerSecond() != last.newPerSecond()) {
      budget = new Budget(next.newPerSecond(), clock.getAsLong());
    }
    if (next.rehomePerSecond() != last.rehomePerSecond()) {
      rehomes = new Budget(next.rehomePerSecond(), clock.getAsLong());
    }
    boolean sameLife =
        next.idleTimeout().equals(last.idleTimeout())
            && next.unassuredTimeout().equals(last.unassuredTimeout());
    if (!sameLife) {
      policy.expireVariably().ifPresent(expiry -> all().forEach(flow -> shift(flow, expiry)));
    }
  }

  /** Ends when it would have ended, had it lived by these limits all the time. */
  private void shift(Flow flow, Policy.VarExpiration<FlowKey, Flow> expiry) {
    long since = flow.isAssured() ? flow.seenAt() : flow.openedAt();
    long left = timeToLive(flow) - (clock.getAsLong() - since);
    expiry.setExpiresAfter(flow.key(), Duration.ofNanos(Math.max(1, left)));
  }

  /** Tells the time; before looking up the flows of a batch. */
  public void tick(long time) {
    if (time - now.getOpaque() >= TICK_NANOS) {
      now.setOpaque(time);
    }
  }

  /**
   * The flow of a key, or null. Neither counts as use nor allocates; flows report their own use
   * ({@link #touch}).
   */
  public @Nullable Flow find(FlowKey key) {
    return policy.getIfPresentQuietly(key);
  }

  /** Why no flow may be opened now, whosever it is, or null if one may. */
  public @Nullable Drop refusal() {
    if (draining) {
      return Drop.DRAINING;
    }
    return assured.get() >= limits.max() ? Drop.FLOW_LIMIT : null;
  }

  /** Whether this second's budget has room for another flow, which takes its part of it. */
  public boolean mayOpen(long now) {
    return budget.take(now);
  }

  /** What {@link #mayOpen} would answer. */
  public boolean couldOpen(long now) {
    return budget.has(now);
  }

  /**
   * Enters a new flow; returns the one that stands there already if another loop was first, else
   * null.
   */
  @Nullable Flow enter(Flow flow) {
    AtomicInteger kind = flow.isAssured() ? assured : unassured;
    kind.incrementAndGet();
    Flow first = flows.asMap().putIfAbsent(flow.key(), flow);
    if (first != null) {
      kind.decrementAndGet();
      return first;
    }
    opened.increment();
    if (flow.isUnassured()) {
      line.add(flow);
      keepLine();
    }
    return null;
  }

  /** Whether a flow may be given another backend now, which takes its part of the budget. */
  public boolean mayRehome(long now) {
    return rehomes.take(now);
  }

  /** What {@link #mayRehome} would answer. */
  public boolean couldRehome(long now) {
    return rehomes.has(now);
  }

  /**
   * Enters a flow in the place of another, which ends for this reason; false if that is not there
   * any more. Neither {@code newPerSecond} nor {@code max} stands against it: there are no more
   * flows than before.
   */
  boolean succeed(Flow flow, Flow next, CloseReason reason) {
    AtomicInteger kind = next.isAssured() ? assured : unassured;
    kind.incrementAndGet();
    if (!flows.asMap().replace(flow.key(), flow, next)) {
      kind.decrementAndGet();
      return false;
    }
    opened.increment();
    flow.close(reason);
    if (next.isUnassured()) {
      line.add(next);
      keepLine();
    }
    if (closing) { // closeAll() may have passed by
      next.close(CloseReason.STOPPED);
    }
    return true;
  }

  private void keepLine() {
    Flow oldest;
    while (unassured.get() > limits.unassuredMax() && (oldest = line.poll()) != null) {
      oldest.evict();
    }
    while ((oldest = line.peek()) != null && !oldest.isUnassured()) {
      line.remove(oldest); // that very one: another loop may have been faster
    }
  }

  /**
   * Makes a flow assured: it lives by the idle time-out from now on. False if there is no room, or
   * it has ended.
   */
  boolean assure(Flow flow) {
    if (assured.incrementAndGet() > limits.max() || !flow.becomeAssured()) {
      assured.decrementAndGet();
      return false;
    }
    unassured.decrementAndGet();
    touch(flow, flow.seenAt());
    return true;
  }

  /** Takes out a flow that is being closed. */
  void left(Flow flow, boolean wasAssured) {
    flows.asMap().remove(flow.key(), flow);
    (wasAssured ? assured : unassured).decrementAndGet();
  }

  /** Counts a flow that has ended for good. */
  void ended(CloseReason reason) {
    closed.incrementAndGet(reason.ordinal());
  }

  /**
   * Whether a flow last {@link #touch}ed at {@code touchedAt} is due again: the timer wheel need
   * not know every datagram, only that there still are some.
   */
  boolean isTouchDue(long touchedAt, long now) {
    return now - touchedAt >= touchNanos;
  }

  /** Whether backends are expected to answer. */
  boolean isTwoWay() {
    return twoWay;
  }

  /** Puts off a flow's idle time-out. */
  void touch(Flow flow, long at) {
    tick(at);
    var _ = flows.getIfPresent(flow.key()); // a read is what Caffeine counts as use
  }

  /** Ends what has timed out, and when draining what has gone quiet; a few times a second. */
  public void tidy() {
    tick(clock.getAsLong());
    flows.cleanUp();
    keepLine(); // else, with no newcomer, it would hold flows that have long ended
    if (draining) {
      long now = clock.getAsLong();
      for (Flow flow : all()) {
        if (flow.isQuiet(now, QUIET_NANOS)) {
          flow.close(CloseReason.STOPPED);
        }
      }
    }
  }

  /** From now on no flow is opened, and flows that go quiet end. */
  public void drain() {
    draining = true;
  }

  /** Ends every flow. */
  public void closeAll() {
    closing = true;
    close(flow -> true);
    flows.invalidateAll(); // those that have timed out but wait for their tidying are not in view
  }

  /** Ends those flows, in the table by now. */
  public void close(Predicate<Flow> which) {
    all().stream().filter(which).forEach(flow -> flow.close(CloseReason.STOPPED));
  }

  /** A live view of the flows in the table. */
  public Collection<Flow> all() {
    return Collections.unmodifiableCollection(flows.asMap().values());
  }

  /** Flows that have not ended, including those on their way out. */
  public long count() {
    long ended = 0;
    for (CloseReason reason : CloseReason.values()) {
      ended += closed(reason);
    }
    return opened() - ended;
  }

  /** Assured flows. */
  public int assuredCount() {
    return assured.get();
  }

  /** Flows opened since start. */
  public long opened() {
    return opened.sum();
  }

  /** Flows ended since start. */
  public long closed(CloseReason reason) {
    return closed.get(reason.ordinal());
  }

  public Limits limits() {
    return limits;
  }

  LongSupplier clock() {
    return clock;
  }

  /** An id for a flow; ids grow. */
  public static long nextId() {
    return IDS.incrementAndGet();
  }

  private static void onRemoval(@Nullable FlowKey key, @Nullable Flow flow, RemovalCause cause) {
    if (flow != null && cause == RemovalCause.EXPIRED) {
      flow.close(flow.isAssured() ? CloseReason.IDLE : CloseReason.UNASSURED);
    }
  }

  /** An assured flow reports its use only every so often: allow for that, so none ends early. */
  private long timeToLive(Flow flow) {
    Limits now = limits;
    return flow.isAssured()
        ? now.idleTimeout().toNanos() + touchNanos(now)
        : now.unassuredTimeout().toNanos();
  }

  private final class TimeToLive implements Expiry<FlowKey, Flow> {
    @Override
    public long expireAfterCreate(FlowKey key, Flow flow, long now) {
      return timeToLive(flow);
    }

    /** A successor begins anew. */
    @Override
    public long expireAfterUpdate(FlowKey key, Flow flow, long now, long currentNanos) {
      return expireAfterCreate(key, flow, now);
    }

    /** The client's own datagrams do not keep alive what no backend answers. */
    @Override
    public long expireAfterRead(FlowKey key, Flow flow, long now, long currentNanos) {
      return flow.isAssured() ? timeToLive(flow) : currentNanos;
    }
  }
}
