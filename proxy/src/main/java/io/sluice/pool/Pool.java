package io.sluice.pool;

import static java.util.Comparator.comparing;

import io.sluice.balance.Balancer;
import io.sluice.metrics.Journal;
import io.sluice.probe.Probe;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.Prober;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Backends with a balancer; deals each new flow one of those that are eligible. */
public final class Pool implements Deal, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Pool.class);

  /** How often control looks at the time, and at the counters. */
  private static final long TICK_NS = Duration.ofMillis(100).toNanos();

  private final int workers;
  private final ScheduledExecutorService control;
  private final LongSupplier nanoClock;
  private final InstantSource wallClock;
  private final LongUnaryOperator jitter;
  private final Journal journal;
  private final Census census;
  private final Pulse pulse;
  private final Dealing dealing = new Dealing();
  private volatile Roster roster;
  private volatile List<Watch> leaving = List.of();

  private @Nullable Checks checks; // control's alone

  /**
   * What a pool is made of.
   *
   * @param servers names unique; sorted by name here
   * @param allWhenNoneEligible with no eligible backend: try them all, else deal none
   * @param maxEjected percent of the backends, rounded up, that may be out, for whatever reason,
   *     once passive evidence takes one out; below 100 one always stays
   * @param repeatable whether a request may reach two backends
   * @param slowStart how long a backend that has come, or come back, gets a growing share
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
     * @param drained whether, as a newcomer, it begins as an operator has drained it
     * @param leaving why it is to be given no new flows, though those it has may stay; of one that
     *     has to go, but not yet
     */
    public record Server(
        String name,
        InetSocketAddress address,
        int weight,
        boolean drained,
        Optional<String> leaving) {
      public Server(String name, InetSocketAddress address, int weight, boolean drained) {
        this(name, address, weight, drained, Optional.empty());
      }

      public Server(String name, InetSocketAddress address, int weight) {
        this(name, address, weight, false);
      }
    }
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
    pool.dealing.swap(pool.roster, pool.dealing.by(pool.roster));
    pool.pulse.arm();
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
    this.workers = workers;
    this.journal = journal;
    this.control = control;
    this.nanoClock = nanoClock;
    this.wallClock = wallClock;
    this.jitter = jitter;
    roster = Roster.of(spec, server -> new Watch(this, spec, server, workers));
    census = new Census(roster, TICK_NS);
    pulse = new Pulse(control, TICK_NS, this::tick);
  }

  /** A tenth more or less. */
  private static long jittered(long ns) {
    return ns + (long) (ns * ThreadLocalRandom.current().nextDouble(-0.1, 0.1));
  }

  public String name() {
    return roster.spec().name();
  }

  /** All of them, by name. */
  public List<Backend> backends() {
    return roster.backends();
  }

  /** Those that have been removed, and still have flows, in the order in which they were. */
  public List<Backend> leaving() {
    return leaving.stream().map(Watch::backend).filter(backend -> backend.load() > 0).toList();
  }

  @Override
  public @Nullable Backend pick(long key) {
    return dealing.pick(key);
  }

  @Override
  public @Nullable Backend pickOther(long key, Backend not) {
    return dealing.pickOther(key, not);
  }

  /** What it would deal next, as of now. */
  public Preview preview() {
    return dealing.preview();
  }

  /**
   * Becomes what {@code next} says. A backend that keeps its name and address keeps its flows, and
   * all that is known of it; but where {@code silence} or the window change, exchanges are compared
   * anew. One that is gone, or has another address, is dealt no longer, and its flows leave at
   * their next datagrams, within the budget. Any thread; the future is done when it is so, and
   * fails with what the policy threw, in which case nothing has changed.
   *
   * @throws IllegalArgumentException when that has another name
   */
  public Future<?> reconfigure(Spec next) {
    requireSameName(next);
    return control.submit(() -> prepare(next).run());
  }

  private void requireSameName(Spec next) {
    if (!next.name().equals(name())) {
      throw new IllegalArgumentException(
          "pool '%s' cannot become '%s'".formatted(name(), next.name()));
    }
  }

  /**
   * Control: gets ready to {@link #reconfigure}, changing nothing yet, and throws what the policy
   * throws. Running what it returns is the change, in the same turn of control, and fails in
   * nothing: so that of several pools all change or none does.
   */
  public Runnable prepare(Spec next) {
    requireSameName(next);
    Roster now = roster;
    if (closed() || next.equals(now.spec())) {
      return () -> {};
    }
    Roster then = now.after(next, server -> new Watch(this, next, server, workers));
    Snapshot dealt = dealing.by(then);
    return () -> become(then, dealt);
  }

  private void become(Roster then, Snapshot dealt) {
    List<Watch> gone = roster.without(then);
    List<Watch> come = then.without(roster);
    then.apply();
    come.forEach(Watch::join);
    census.cover(then);
    roster = then;
    dealing.swap(then, dealt);
    gone.forEach(Watch::leave);
    leaving = Stream.concat(leaving.stream(), gone.stream()).toList();
    Checks by = checks;
    if (by != null) {
      come.forEach(watch -> watch.probe(by));
    }
  }

  /** Whether a request may reach two backends. */
  public boolean repeatable() {
    return roster.spec().repeatable();
  }

  /**
   * Has a backend given no new flows until it is {@link #enable enabled}; those it has go on, at
   * most until the deadline. Any thread; the future is done when it is so.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  public Future<?> drain(String backend, Optional<Duration> deadline) {
    roster.watch(backend);
    return control.submit(() -> roster.watch(backend).drain(deadline));
  }

  /**
   * Has a drained backend given flows again, as its health allows. Any thread; the future is done
   * when it is so.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  public Future<?> enable(String backend) {
    roster.watch(backend);
    return control.submit(() -> roster.watch(backend).enable());
  }

  /**
   * Has every backend checked from now on, by this probe alone. Any thread; the future is done when
   * it is so.
   *
   * @param port to ask at; 0: each backend's own
   */
  public Future<?> probe(Prober prober, Probe probe, Prober.Pace pace, int port) {
    return control.submit(
        () -> {
          Checks by = new Checks(prober, probe, pace, port);
          checks = by;
          roster.watches().forEach(watch -> watch.probe(by));
        });
  }

  /** Has backends checked no longer; who was down by its probe is up. Otherwise the same. */
  public Future<?> probeNoLonger() {
    return control.submit(
        () -> {
          checks = null;
          roster.watches().forEach(Watch::stopProbing);
          refresh();
        });
  }

  /** Control: a probe of a backend has ended. */
  void probed(String backend, ProbeResult result) {
    roster.watch(backend).probed(result);
  }

  /**
   * Stops deciding: timers are cancelled, late evidence is only counted. Any thread; idempotent.
   */
  @Override
  public void close() {
    pulse.close();
    roster.watches().forEach(Watch::close);
  }

  /** Control; whatever one runs into, there is a next. */
  private void tick() {
    long nowNs = nowNs();
    try {
      census.tick(nowNs);
      roster.watches().forEach(watch -> watch.tick(nowNs));
      leaving = leaving.stream().filter(watch -> !watch.isForgotten(nowNs)).toList();
    } catch (RuntimeException | AssertionError bug) {
      log.error("pool {}: a tick failed", name(), bug);
    }
  }

  /** Control: what was said of a backend before is not held against it any longer. */
  void forget(Watch watch) {
    census.forget(watch);
  }

  /** Control: whether passive evidence may take this one out. */
  boolean hasRoomToEject(Watch one) {
    return roster.hasRoomToEject(one);
  }

  Journal journal() {
    return journal;
  }

  LongUnaryOperator jitter() {
    return jitter;
  }

  /** Control: deals from the backends that are eligible now, or as before if the policy fails. */
  void refresh() {
    dealing.refresh(roster);
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
    return pulse.isClosed();
  }
}
