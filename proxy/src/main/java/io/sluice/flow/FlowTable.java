package io.sluice.flow;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import com.github.benmanes.caffeine.cache.Policy;
import com.github.benmanes.caffeine.cache.RemovalCause;
import io.sluice.metrics.Drop;
import java.util.Collection;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The flows of one front, whichever loop they live on.
 *
 * <p>One Caffeine cache holds two kinds. An <em>unassured</em> flow weighs 1: newcomers compete
 * among themselves for {@code unassuredMax}, so that a flood of spoofed sources can only push out
 * other newcomers. An <em>assured</em> one weighs nothing, which Caffeine never evicts; a counter
 * bounds those instead. Time to live hangs on the kind too, by Caffeine's timer wheel.
 */
public final class FlowTable {
  /** Ids grow over all fronts; 0 is nobody's. */
  private static final AtomicLong IDS = new AtomicLong();

  /** A flow this long without a datagram is taken to be done when Sluice is stopping. */
  private static final long QUIET_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Limits limits;
  private final LongSupplier clock;
  private final Budget budget;
  private final Cache<FlowKey, Flow> flows;
  private final Policy<FlowKey, Flow> policy;
  private final AtomicInteger assured = new AtomicInteger();
  private final LongAdder opened = new LongAdder();
  private final AtomicLongArray closed = new AtomicLongArray(CloseReason.values().length);
  private final long touchNanos;
  private volatile boolean draining;

  /**
   * @param clock nanoseconds, as of {@link System#nanoTime}
   */
  public FlowTable(Limits limits, LongSupplier clock) {
    this.limits = limits;
    this.clock = clock;
    budget = new Budget(limits.newPerSecond(), clock.getAsLong());
    touchNanos = Math.min(limits.idleTimeout().toNanos() / 8, TimeUnit.SECONDS.toNanos(1));
    flows =
        Caffeine.newBuilder()
            .maximumWeight(limits.unassuredMax())
            .weigher((FlowKey key, Flow flow) -> flow.isAssured() ? 0 : 1)
            .expireAfter(new TimeToLive())
            .ticker(clock::getAsLong)
            .executor(
                Runnable::run) // a removal only puts a task on the flow's loop: not worth another
            // thread
            .removalListener(FlowTable::onRemoval)
            .build();
    policy = flows.policy();
  }

  /**
   * The flow of a key, or null. Neither counts as use nor allocates; flows report their own use
   * ({@link #touch}).
   */
  public @Nullable Flow find(FlowKey key) {
    return policy.getIfPresentQuietly(key);
  }

  /** Why no flow may be opened now, or null if one may. */
  public @Nullable Drop refusal(long now) {
    if (draining) {
      return Drop.DRAINING;
    }
    if (assured.get() >= limits.max()) {
      return Drop.FLOW_LIMIT;
    }
    return budget.take(now) ? null : Drop.FLOW_RATE;
  }

  /**
   * Enters a new flow; returns the one that stands there already if another loop was first, else
   * null.
   */
  @Nullable Flow enter(Flow flow) {
    if (limits.oneWay()) {
      flow.setAssured();
      assured.incrementAndGet();
    }
    Flow first = flows.asMap().putIfAbsent(flow.key(), flow);
    if (first == null) {
      opened.increment();
    } else if (limits.oneWay()) {
      assured.decrementAndGet();
    }
    return first;
  }

  /**
   * Makes a flow assured, if there is room: it weighs nothing from now on, and lives by the idle
   * time-out.
   */
  void assure(Flow flow) {
    if (assured.incrementAndGet() > limits.max()) {
      assured.decrementAndGet();
      return;
    }
    flow.setAssured();
    flows
        .asMap()
        .replace(
            flow.key(), flow, flow); // weighs and times it anew, unless it has just been evicted
  }

  /** Takes a flow out, if it is still there. */
  void remove(Flow flow) {
    flows.asMap().remove(flow.key(), flow);
  }

  /** Counts a flow that has ended for good. */
  void ended(Flow flow, CloseReason reason) {
    if (flow.isAssured()) {
      assured.decrementAndGet();
    }
    closed.incrementAndGet(reason.ordinal());
  }

  /**
   * Whether a flow last {@link #touch}ed at {@code touchedAt} is due again: the timer wheel need
   * not know every datagram, only that there still are some.
   */
  boolean isTouchDue(long touchedAt, long now) {
    return now - touchedAt >= touchNanos;
  }

  /** Puts off a flow's idle time-out. */
  void touch(Flow flow) {
    var _ = flows.getIfPresent(flow.key()); // a read is what Caffeine counts as use
  }

  /**
   * Ends what has timed out, and when draining what has gone quiet; to be called a few times a
   * second.
   */
  public void tidy() {
    flows.cleanUp();
    if (draining) {
      long now = clock.getAsLong();
      for (Flow flow : all()) {
        if (now - flow.seenAt() >= QUIET_NANOS) {
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
    all().forEach(flow -> flow.close(CloseReason.STOPPED));
  }

  /** A live view of the flows in the table. */
  public Collection<Flow> all() {
    return Collections.unmodifiableCollection(flows.asMap().values());
  }

  /** Flows that have not ended, including those on their way out. */
  public long count() {
    long count = opened();
    for (CloseReason reason : CloseReason.values()) {
      count -= closed(reason);
    }
    return count;
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

  static long nextId() {
    return IDS.incrementAndGet();
  }

  private static void onRemoval(@Nullable FlowKey key, @Nullable Flow flow, RemovalCause cause) {
    if (flow == null || !cause.wasEvicted()) {
      return; // removed by Flow.close itself
    }
    CloseReason evicted = cause == RemovalCause.SIZE ? CloseReason.EVICTED : CloseReason.UNASSURED;
    flow.close(flow.isAssured() ? CloseReason.IDLE : evicted);
  }

  private final class TimeToLive implements Expiry<FlowKey, Flow> {
    /**
     * An assured flow reports its use only every {@code touchNanos}: allow for that, so that none
     * ends too early.
     */
    private final long idleNanos = limits.idleTimeout().toNanos() + touchNanos;

    private final long unassuredNanos = limits.unassuredTimeout().toNanos();

    @Override
    public long expireAfterCreate(FlowKey key, Flow flow, long now) {
      return flow.isAssured() ? idleNanos : unassuredNanos;
    }

    @Override
    public long expireAfterUpdate(FlowKey key, Flow flow, long now, long currentNanos) {
      return expireAfterCreate(key, flow, now);
    }

    /** The client's own datagrams do not keep alive what no backend answers. */
    @Override
    public long expireAfterRead(FlowKey key, Flow flow, long now, long currentNanos) {
      return flow.isAssured() ? idleNanos : currentNanos;
    }
  }
}
