package io.sluice.front;

import io.sluice.affinity.KeyExtractor;
import io.sluice.filter.Chain;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.flow.Tap;
import io.sluice.metrics.Account;
import io.sluice.metrics.Latency;
import io.sluice.metrics.Tally;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.net.FrontSockets;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.trace.Capture;
import io.sluice.trace.Traces;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A named service that clients send to: for each of its addresses a reuseport socket for every
 * worker, read by those that are active, and one table of flows for all of them.
 */
public final class Front {
  private static final Logger log = LoggerFactory.getLogger(Front.class);

  /**
   * Bursts wait in the kernel while a loop is busy; 4 MiB hold some 1,800 datagrams of the usual
   * sizes, tens of milliseconds.
   */
  static final int BUFFER_BYTES = 4 << 20;

  /**
   * For each datagram of a newcomer the kernel walks past all sockets on the local port: measured
   * on Linux 6.18, 5 us more at 1,000 of them, 16 us at 3,000 and 90 us at 10,000. Flows beyond go
   * on by the listener (docs/adr/0009).
   */
  public static final int PEER_SOCKETS_MAX = 1_000;

  private static final long TIDY_MILLIS = 250;

  /** Ending 100,000 flows, a few a millisecond, takes some two seconds. */
  private static final long CLOSE_NANOS = TimeUnit.SECONDS.toNanos(30);

  /**
   * What a front is.
   *
   * @param listen at least one; port 0 lets the kernel choose one for all workers
   * @param maxDatagramBytes longer datagrams are dropped, either way
   * @param peerSockets whether an assured flow gets a front socket of its own
   * @param filters asked in this order; names unique
   */
  public record Spec(
      String name,
      List<Address> listen,
      int maxDatagramBytes,
      Limits limits,
      boolean peerSockets,
      List<Chain.Step> filters) {
    /** Without filters. */
    public Spec(
        String name,
        List<Address> listen,
        int maxDatagramBytes,
        Limits limits,
        boolean peerSockets) {
      this(name, listen, maxDatagramBytes, limits, peerSockets, List.of());
    }
  }

  private final Spec spec;
  private final Pool pool;
  private final Dialer dialer;
  private final FlowTable table;
  private final Workers workers;
  private final KeyExtractor affinity;
  private final Traces traces;
  private final LongSupplier clock;
  private final @Nullable Desk desk;
  private final Future<?> tidying;
  private final List<Address> bound = new ArrayList<>();

  /** By worker they are at home on, then by listen address. */
  private final List<List<Listener>> listeners = new ArrayList<>();

  private boolean closed;

  private Front(
      Spec spec,
      Workers workers,
      Pool pool,
      Dialer dialer,
      KeyExtractor affinity,
      Traces traces,
      LongSupplier clock) {
    this.spec = spec;
    this.affinity = affinity;
    this.clock = clock;
    this.workers = workers;
    this.pool = pool;
    this.dialer = dialer;
    table = new FlowTable(spec.limits(), clock);
    this.traces = traces;
    desk = spec.peerSockets() ? new Desk(this, dialer.fds(), clock) : null;
    tidying = workers.get(0).every(TIDY_MILLIS, table::tidy);
  }

  /**
   * Binds all sockets, then begins to receive.
   *
   * @param dialer opens the flows' links to the pool's backends
   * @param traces where what passes by leaves its traces
   * @throws OsException when an address cannot be bound; nothing is left open then
   */
  public static Front open(
      Spec spec,
      Workers workers,
      Pool pool,
      Dialer dialer,
      KeyExtractor affinity,
      Traces traces,
      LongSupplier clock)
      throws OsException {
    Front front = new Front(spec, workers, pool, dialer, affinity, traces, clock);
    List<List<UdpSocket>> sockets = new ArrayList<>();
    try {
      for (Address address : spec.listen()) {
        sockets.add(front.bind(address));
      }
    } catch (OsException e) {
      front.tidying.cancel(false);
      sockets.forEach(ofAddress -> ofAddress.forEach(UdpSocket::close));
      throw e;
    }
    for (Worker worker : workers) {
      List<Listener> here = new ArrayList<>();
      for (int i = 0; i < sockets.size(); i++) {
        here.add(front.listener(worker, i, sockets.get(i).get(worker.index())));
      }
      front.listeners.add(List.copyOf(here));
    }
    try {
      front.move(from -> Spread.over(from, workers.active()));
    } catch (OsException | RuntimeException e) {
      front.close();
      throw e;
    }
    return front;
  }

  /**
   * Has the first {@code active} workers, and no others, read the listeners; returns when all have
   * moved that had to. Flows stay on their workers.
   */
  public synchronized void spread(int active) {
    try {
      if (!closed) {
        move(from -> Spread.over(from, active));
      }
    } catch (OsException e) {
      log.error(
          "front {}: {}; a listener is read by nobody until this is tried again",
          spec.name(),
          e.getMessage());
    }
  }

  /** Of each address the listeners read by {@code from} shall be read by what {@code deal} says. */
  private synchronized void move(UnaryOperator<int[]> deal) throws OsException {
    List<CompletableFuture<Void>> moves = new ArrayList<>();
    for (int index = 0; index < bound.size(); index++) {
      List<Listener> group = group(index);
      int[] from = group.stream().mapToInt(Listener::reader).toArray();
      int[] to = deal.apply(from);
      for (int i = 0; i < to.length; i++) {
        if (to[i] != from[i]) {
          moves.add(group.get(i).moveTo(group.get(to[i])));
        }
      }
    }
    await(moves);
  }

  /** The listeners of one address, in the order of the workers they are at home on. */
  List<Listener> group(int index) {
    return listeners.stream().map(ofWorker -> ofWorker.get(index)).toList();
  }

  private static void await(List<CompletableFuture<Void>> moves) throws OsException {
    try {
      CompletableFuture.allOf(moves.toArray(CompletableFuture[]::new)).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof UncheckedIOException io
          && io.getCause() instanceof OsException os) {
        throw os;
      }
      throw e;
    }
  }

  /** How many flows live on a worker. */
  public long flowsOn(Worker worker) {
    return listeners.get(worker.index()).stream()
        .mapToLong(listener -> listener.lane().flows().get(Lane.LIVE))
        .sum();
  }

  /** How many listeners a worker reads. */
  public synchronized long listenersOn(Worker worker) {
    return listeners.stream()
        .flatMap(List::stream)
        .filter(listener -> listener.reader() == worker.index())
        .count();
  }

  /** One socket a worker on one address, in the order of the workers. */
  private List<UdpSocket> bind(Address wanted) throws OsException {
    Address address = FrontSockets.claim(wanted);
    List<UdpSocket> sockets = new ArrayList<>();
    try {
      for (int i = 0; i < workers.count(); i++) {
        sockets.add(FrontSockets.listen(address, BUFFER_BYTES));
      }
      if (spec.peerSockets() && !address.isWildcard()) { // they will join the listeners' group
        FrontSockets.dealToFirst(sockets.size(), sockets.getFirst());
      }
    } catch (OsException e) {
      sockets.forEach(UdpSocket::close);
      throw e;
    }
    int granted = sockets.getFirst().receiveBufferBytes();
    if (granted < BUFFER_BYTES) {
      log.warn(
          "front {}: the kernel grants {} a receive buffer of {} KiB, not {}: bursts beyond it are"
              + " lost (sluice_kernel_drops_total); raise net.core.rmem_max, or grant"
              + " CAP_NET_ADMIN",
          spec.name(),
          address,
          granted >> 10,
          BUFFER_BYTES >> 10);
    }
    bound.add(address);
    return sockets;
  }

  private Listener listener(Worker worker, int index, UdpSocket socket) {
    Lane lane =
        new Lane(
            worker,
            socket,
            table,
            dialer,
            spec.maxDatagramBytes(),
            new Account(),
            new Account(),
            new Account(),
            new Latency(),
            new Tally(Lane.COUNTERS),
            desk,
            pool.repeatable() && !spec.limits().oneWay()
                ? (flow, now) -> listener(worker, index).rescue(flow, now)
                : null,
            pool.name(),
            new Tap(spec.name(), bound.get(index), worker.index(), traces, clock));
    Chain chain = spec.filters().isEmpty() ? null : new Chain(spec.name(), spec.filters());
    Address listen = bound.get(index);
    Placement placement = new Placement(spec.name(), lane, pool, affinity, listen, chain);
    return new Listener(this, index, listen, lane, placement, clock);
  }

  /** Has a capture see what passes by from now on. */
  public void show(Capture capture) {
    for (Lane lane : lanes()) {
      Worker worker = lane.worker();
      worker.execute(() -> lane.tap().open(capture.feed(worker.index())));
    }
  }

  /** Shows a capture no more. */
  public void hide(Capture capture) {
    for (Lane lane : lanes()) {
      Worker worker = lane.worker();
      worker.execute(() -> lane.tap().close(capture.feed(worker.index())));
    }
  }

  /** The listener of another worker on the same address. */
  Listener listener(Worker worker, int index) {
    return listeners.get(worker.index()).get(index);
  }

  /** One of the addresses really bound. */
  Address bound(int listener) {
    return bound.get(listener);
  }

  /** From now on no flow is opened, and flows that go quiet end. */
  public void drain() {
    table.drain();
  }

  /** Ends all flows, then closes the sockets; returns when all is done. */
  public void close() {
    table.drain();
    workers.onEach(worker -> {}); // whoever was opening a flow has entered it now
    table.closeAll();
    tidying.cancel(false);
    awaitNoFlows();
    closeListeners();
  }

  /** Nobody but its worker may read a listener that is closed: so all go home before. */
  private synchronized void closeListeners() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      move(from -> IntStream.range(0, from.length).toArray());
    } catch (OsException e) {
      log.debug("front {}: a listener that nobody reads can be closed, too", spec.name(), e);
    }
    workers.onEach(worker -> listeners.get(worker.index()).forEach(Listener::close));
  }

  /** A flow's last replies leave by the listener, so the flows must be gone first. */
  private void awaitNoFlows() {
    long deadline = System.nanoTime() + CLOSE_NANOS;
    while (table.count() > 0 && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(1_000_000);
    }
    if (table.count() > 0) {
      log.error("front {}: {} flows did not end: this is a bug", spec.name(), table.count());
    }
  }

  public String name() {
    return spec.name();
  }

  /** The addresses really bound, with the ports the kernel chose. */
  public List<Address> bound() {
    return List.copyOf(bound);
  }

  public Pool pool() {
    return pool;
  }

  public FlowTable flows() {
    return table;
  }

  /** The books and clocks of every listener. */
  public List<Lane> lanes() {
    return listeners.stream().flatMap(List::stream).map(Listener::lane).toList();
  }

  /** How many datagrams each filter has refused, either way, by its name. */
  public Map<String, Long> filterDrops() {
    Map<String, Long> drops = new LinkedHashMap<>();
    for (Listener listener : listeners.stream().flatMap(List::stream).toList()) {
      Chain chain = listener.chain();
      for (int i = 0; chain != null && i < chain.steps().size(); i++) {
        drops.merge(chain.steps().get(i).name(), chain.drops(i), Long::sum);
      }
    }
    return drops;
  }

  /**
   * What would become of a datagram, had it come now; changes nothing. Any thread.
   *
   * @param local where it is sent to; empty: wherever this client has a flow, or else where the
   *     front first listens for its family
   * @throws IllegalArgumentException with words for a person when the front does not listen there
   */
  public Explanation explain(
      InetSocketAddress client, Optional<InetSocketAddress> local, byte[] payload) {
    var scene =
        new Explainer.Scene(spec, bound(), table, pool, affinity, dialer, clock.getAsLong());
    return new Explainer(scene, client, payload).explain(local);
  }

  /** The same of a front that has just been opened, without opening it. */
  public static Explanation explain(
      Spec spec,
      Pool pool,
      KeyExtractor affinity,
      LongSupplier clock,
      InetSocketAddress client,
      Optional<InetSocketAddress> local,
      byte[] payload) {
    var table = new FlowTable(spec.limits(), clock);
    var scene =
        new Explainer.Scene(spec, spec.listen(), table, pool, affinity, null, clock.getAsLong());
    return new Explainer(scene, client, payload).explain(local);
  }

  /** Sockets of single flows' own. */
  public int peerSockets() {
    return desk == null ? 0 : desk.open();
  }

  /**
   * Datagrams the kernel dropped since start because a buffer was full: a listener's or, once a
   * flow has ended, that of its link or its peer socket.
   */
  public long kernelDrops() {
    return listeners.stream().flatMap(List::stream).mapToLong(Front::kernelDrops).sum();
  }

  private static long kernelDrops(Listener listener) {
    Lane lane = listener.lane();
    return listener.kernelDrops() + lane.replies().overflowed() + lane.requests().overflowed();
  }
}
