package io.sluice.pool;

import static java.util.Comparator.comparing;

import io.sluice.balance.Balancer;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Backends with a balancer; deals each new flow one of those that are eligible. */
public final class Pool implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Pool.class);

  /** A backend that holds half of the keys is picked so often in a row once in 256 times. */
  private static final int TRIES = 8;

  private final Spec spec;
  private final ScheduledExecutorService control;
  private final LongSupplier nanoClock;
  private final InstantSource wallClock;
  private final List<Watch> watches;
  private final List<Backend> backends;
  private volatile Snapshot snapshot = Snapshot.EMPTY;
  private volatile boolean closed;

  /** Control's alone, so that it is said once. */
  private boolean noneEligible;

  /**
   * What a pool is made of.
   *
   * @param servers names unique; sorted by name here
   * @param allWhenNoneEligible with no eligible backend: try them all, else deal none
   * @param maxEjected percent of the backends, rounded up, that passive evidence may take out
   * @param repeatable whether a request may reach two backends
   * @param slowStart how long a backend that has come back gets a growing share
   */
  public record Spec(
      String name,
      Balancer.Factory policy,
      List<Server> servers,
      Rules rules,
      Silence silence,
      int maxEjected,
      boolean allWhenNoneEligible,
      boolean repeatable,
      Duration slowStart) {
    public Spec {
      servers = servers.stream().sorted(comparing(Server::name)).toList();
    }

    /** As usual but for what is named; all may be ejected. */
    public Spec(
        String name,
        Balancer.Factory policy,
        List<Server> servers,
        Rules rules,
        boolean allWhenNoneEligible) {
      this(
          name,
          policy,
          servers,
          rules,
          Silence.USUAL,
          100,
          allWhenNoneEligible,
          true,
          Duration.ZERO);
    }

    /**
     * A backend to be.
     *
     * @param weight at least 1
     */
    public record Server(String name, InetSocketAddress address, int weight) {}
  }

  /**
   * Opens a pool with every backend up.
   *
   * <p>The first snapshot is made here, by the caller, because nobody sees the pool yet; so what a
   * policy objects to is thrown to whoever wanted it.
   *
   * @param workers event loops, numbered from 0
   * @param control the appliance's single control thread: decides, builds, swaps
   * @param nanoClock never goes back; any origin
   */
  public static Pool open(
      Spec spec, int workers, ScheduledExecutorService control, LongSupplier nanoClock) {
    return open(spec, workers, control, nanoClock, InstantSource.system());
  }

  /** {@code wallClock} only tells people since when. */
  static Pool open(
      Spec spec,
      int workers,
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      InstantSource wallClock) {
    Pool pool = new Pool(spec, workers, control, nanoClock, wallClock);
    pool.swap(pool.build(pool.backends));
    return pool;
  }

  private Pool(
      Spec spec,
      int workers,
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      InstantSource wallClock) {
    this.spec = spec;
    this.control = control;
    this.nanoClock = nanoClock;
    this.wallClock = wallClock;
    watches = spec.servers().stream().map(s -> new Watch(this, s, spec.rules(), workers)).toList();
    backends = watches.stream().map(Watch::backend).toList();
  }

  public String name() {
    return spec.name();
  }

  /** All of them, by name. */
  public List<Backend> backends() {
    return backends;
  }

  /** Returns the backend a new flow with this key gets, or null if there is none to give. */
  public @Nullable Backend pick(long key) {
    Snapshot now = snapshot;
    return now.members.length == 0 ? null : now.members[now.balancer.pick(key)];
  }

  /**
   * Returns another one than {@code not} for a flow with this key, the same each time where the
   * policy is consistent, or null if no other is dealt.
   */
  public @Nullable Backend pickOther(long key, Backend not) {
    Snapshot now = snapshot;
    long other = key;
    for (int tries = 0; tries < TRIES; tries++) {
      other = other * 0x9E37_79B9_7F4A_7C15L + 0x632B_E59B_D9B4_E019L;
      Backend picked = now.members.length == 0 ? null : now.members[now.balancer.pick(other)];
      if (picked != not) {
        return picked;
      }
    }
    return now.firstBut(not);
  }

  /** Whether a request may reach two backends. */
  public boolean repeatable() {
    return spec.repeatable();
  }

  /**
   * Stops deciding: timers are cancelled, late evidence is only counted. Any thread; idempotent.
   */
  @Override
  public void close() {
    closed = true;
    watches.forEach(Watch::cancel);
  }

  /** Control: deals from the backends that are eligible now, or as before if the policy fails. */
  void refresh() {
    List<Backend> members = members();
    Snapshot next = snapshot;
    if (!next.deals(members)) {
      try {
        next = build(members);
      } catch (RuntimeException | LinkageError | StackOverflowError | AssertionError e) {
        log.error("pool {}: its policy failed, it goes on dealing as before", name(), e);
      }
    }
    swap(next);
  }

  ScheduledExecutorService control() {
    return control;
  }

  InstantSource wallClock() {
    return wallClock;
  }

  long nowNs() {
    return nanoClock.getAsLong();
  }

  boolean closed() {
    return closed;
  }

  private List<Backend> members() {
    List<Backend> eligible =
        watches.stream().filter(w -> w.state() != State.EJECTED).map(Watch::backend).toList();
    boolean none = eligible.isEmpty();
    if (none && !noneEligible) {
      log.warn(
          "pool {} has no eligible backend: {}",
          name(),
          spec.allWhenNoneEligible() ? "trying all" : "dropping what would open a flow");
    }
    noneEligible = none;
    return none && spec.allWhenNoneEligible() ? backends : eligible;
  }

  private Snapshot build(List<Backend> members) {
    return members.isEmpty() ? Snapshot.EMPTY : new Snapshot(spec.policy().over(members), members);
  }

  /** In the order the package explains: who joins is marked, who leaves is unmarked last. */
  private void swap(Snapshot next) {
    Set<Backend> members = new HashSet<>(List.of(next.members));
    watches.stream().filter(w -> members.contains(w.backend())).forEach(w -> w.publish(true));
    snapshot = next;
    watches.stream().filter(w -> !members.contains(w.backend())).forEach(w -> w.publish(false));
  }

  /** A balancer and what its picks mean: built whole, never changed. */
  private static final class Snapshot {
    static final Snapshot EMPTY = new Snapshot(key -> 0, List.of());

    final Balancer balancer;
    final Backend[] members;

    Snapshot(Balancer balancer, List<Backend> members) {
      this.balancer = balancer;
      this.members = members.toArray(Backend[]::new);
    }

    @Nullable Backend firstBut(Backend not) {
      for (Backend member : members) {
        if (member != not) {
          return member;
        }
      }
      return null;
    }

    boolean deals(List<Backend> others) {
      return List.of(members).equals(others);
    }
  }
}
