package io.sluice.pool;

import static java.util.Comparator.comparing;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.sluice.balance.Balancer;
import io.sluice.metrics.Journal;
import io.sluice.probe.Probe;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.Prober;
import io.sluice.probe.Rounds;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Backends with a balancer; deals each new flow one of those that are eligible. */
public final class Pool implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Pool.class);

  /** How often control looks at the time, and at the counters. */
  private static final long TICK_NS = Duration.ofMillis(100).toNanos();

  private final Spec spec;
  private final ScheduledExecutorService control;
  private final LongSupplier nanoClock;
  private final InstantSource wallClock;
  private final LongUnaryOperator jitter;
  private final Journal journal;
  private final List<Watch> watches;
  private final List<Backend> backends;
  private final List<Rounds> rounds = new CopyOnWriteArrayList<>();
  private final Census census;
  private volatile @Nullable Future<?> timer;
  private volatile Snapshot snapshot = Snapshot.EMPTY;
  private volatile boolean closed;

  /** Control's alone, so that it is said once. */
  private boolean noneEligible;

  /**
   * What a pool is made of.
   *
   * @param servers names unique; sorted by name here
   * @param allWhenNoneEligible with no eligible backend: try them all, else deal none
   * @param maxEjected percent of the backends, rounded up, that may be out, for whatever reason,
   *     once passive evidence takes one out; below 100 one always stays
   * @param repeatable whether a request may reach two backends
   * @param slowStart how long a backend that has come back gets a growing share
   * @param probing how probes count, if there are any
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
      Duration slowStart,
      Probing probing) {
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
          Duration.ZERO,
          Probing.USUAL);
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
    return open(spec, workers, control, nanoClock, new Journal(InstantSource.system()));
  }

  /** Opens a pool that enters in {@code journal} what becomes of its backends. */
  public static Pool open(
      Spec spec,
      int workers,
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      Journal journal) {
    InstantSource wallClock = InstantSource.system();
    return open(spec, workers, control, nanoClock, wallClock, Pool::jittered, journal);
  }

  /**
   * {@code wallClock} only tells people since when; {@code jitter} says how long something is to
   * last instead.
   */
  static Pool open(
      Spec spec,
      int workers,
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      InstantSource wallClock,
      LongUnaryOperator jitter,
      Journal journal) {
    Pool pool = new Pool(spec, workers, control, nanoClock, wallClock, jitter, journal);
    pool.swap(pool.build(pool.backends));
    pool.arm();
    return pool;
  }

  private Pool(
      Spec spec,
      int workers,
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      InstantSource wallClock,
      LongUnaryOperator jitter,
      Journal journal) {
    this.spec = spec;
    this.journal = journal;
    this.control = control;
    this.nanoClock = nanoClock;
    this.wallClock = wallClock;
    this.jitter = jitter;
    int size = spec.servers().size();
    watches = IntStream.range(0, size).mapToObj(i -> new Watch(this, spec, i, workers)).toList();
    backends = watches.stream().map(Watch::backend).toList();
    census = new Census(spec, watches, TICK_NS);
  }

  /** A tenth more or less. */
  private static long jittered(long ns) {
    return ns + (long) (ns * ThreadLocalRandom.current().nextDouble(-0.1, 0.1));
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
    if (now.members.length == 0) {
      return null;
    }
    Backend picked = now.members[now.balancer.pick(key)];
    return picked.keeps(key) ? picked : now.other(key, picked);
  }

  /**
   * Returns another one than {@code not} for a flow with this key, the same each time where the
   * policy is consistent, or null if no other is dealt.
   */
  public @Nullable Backend pickOther(long key, Backend not) {
    Snapshot now = snapshot;
    Backend other = now.members.length == 0 ? not : now.other(key, not);
    return other == not ? null : other;
  }

  /**
   * Becomes what {@code next} says, for the same name. A backend that keeps its name and address
   * keeps what is known of it, its flows, counters and place; one that is gone, or has another
   * address, is dealt no longer and its flows leave at their next datagrams, within the budget. Any
   * thread; the future is done when it is so, and fails with what the policy threw, in which case
   * nothing has changed.
   */
  public Future<?> reconfigure(Spec next) {
    return control.submit(
        () -> {
          throw new UnsupportedOperationException(next.name());
        });
  }

  /** Whether a request may reach two backends. */
  public boolean repeatable() {
    return spec.repeatable();
  }

  /**
   * Has a backend given no new flows until it is {@link #enable enabled}; those it has go on, at
   * most until the deadline. Any thread; the future is done when it is so.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  public Future<?> drain(String backend, Optional<Duration> deadline) {
    Watch watch = watch(backend);
    return control.submit(() -> watch.drain(deadline));
  }

  /**
   * Has a drained backend given flows again, as its health allows. Any thread; the future is done
   * when it is so.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  public Future<?> enable(String backend) {
    return control.submit(watch(backend)::enable);
  }

  /**
   * Has every backend checked for as long as the pool is open.
   *
   * @param port to ask at; 0: each backend's own
   */
  public void probe(Prober prober, Probe probe, Prober.Pace pace, int port) {
    for (Watch watch : watches) {
      InetSocketAddress at = watch.backend().address();
      InetSocketAddress target = port == 0 ? at : new InetSocketAddress(at.getAddress(), port);
      rounds.add(prober.start(probe, target, pace, watch::probed));
    }
  }

  /** Control: a probe of a backend has ended. */
  void probed(String backend, ProbeResult result) {
    watch(backend).probed(result);
  }

  private Watch watch(String backend) {
    return watches.stream()
        .filter(watch -> watch.backend().name().equals(backend))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "pool '%s' has no backend '%s'; there are: %s"
                        .formatted(
                            name(),
                            backend,
                            String.join(", ", backends.stream().map(Backend::name).toList()))));
  }

  /**
   * Stops deciding: timers are cancelled, late evidence is only counted. Any thread; idempotent.
   */
  @Override
  public void close() {
    closed = true;
    cancel();
    rounds.forEach(Rounds::close);
  }

  private void cancel() {
    Future<?> last = timer;
    if (last != null) {
      last.cancel(false);
    }
  }

  /** Either this sees that the pool is closed, or {@link #close} sees this timer. */
  private void arm() {
    timer = control.schedule(this::tick, TICK_NS, NANOSECONDS);
    if (closed) {
      cancel();
    }
  }

  /** Control, every tick; whatever one runs into, there is a next. */
  private void tick() {
    if (closed) {
      return;
    }
    arm();
    long nowNs = nowNs();
    try {
      census.tick(nowNs);
      watches.forEach(watch -> watch.tick(nowNs));
    } catch (RuntimeException | AssertionError bug) {
      log.error("pool {}: a tick failed", name(), bug);
    }
  }

  /** Control: what was said of a backend before is not held against it any longer. */
  void forget(int backend) {
    census.forget(backend);
  }

  /** Control: whether passive evidence may take this one out, however others came to be out. */
  boolean hasRoomToEject(Watch one) {
    int size = backends.size();
    long out = watches.stream().filter(watch -> watch != one && !watch.isEligible()).count();
    long most = Math.ceilDiv((long) spec.maxEjected() * size, 100);
    return out < (spec.maxEjected() == 100 ? most : Math.min(most, Math.max(1, size - 1)));
  }

  Journal journal() {
    return journal;
  }

  LongUnaryOperator jitter() {
    return jitter;
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
    List<Backend> eligible = backends(Watch::isEligible);
    boolean none = eligible.isEmpty();
    if (none && !noneEligible) {
      log.warn(
          "pool {} has no eligible backend: {}",
          name(),
          spec.allWhenNoneEligible() ? "trying all" : "dropping what would open a flow");
    }
    noneEligible = none;
    return none && spec.allWhenNoneEligible() ? tried() : eligible;
  }

  /** For want of any eligible one: those that nobody wished away, if there are any. */
  private List<Backend> tried() {
    List<Backend> wanted = backends(watch -> !watch.isUnwanted());
    return wanted.isEmpty() ? backends : wanted;
  }

  private List<Backend> backends(Predicate<Watch> which) {
    return watches.stream().filter(which).map(Watch::backend).toList();
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
}
