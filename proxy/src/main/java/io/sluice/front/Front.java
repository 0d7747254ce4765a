package io.sluice.front;

import io.sluice.flow.Course;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.net.Address;
import io.sluice.net.OsException;
import io.sluice.net.Worker;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.trace.Capture;
import io.sluice.trace.Traces;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A named service that clients send to: for each of its addresses a reuseport socket for every
 * worker, read by those that are active, and one table of flows for all of them.
 *
 * <p>All of it but the name may change while datagrams move: {@link #prepare} opens what that
 * takes, {@link Change#apply} is the change.
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
   * @param listen port 0 lets the kernel choose one for all workers
   */
  public record Spec(String name, List<Address> listen, Limits limits, Course course) {}

  private final String name;
  private final Workers workers;
  private final Traces traces;
  private final LongSupplier clock;
  private final FlowTable table;
  private final Desk desk;

  private volatile Spec spec;

  private final Addresses addresses;
  private @Nullable Future<?> tidying;

  /**
   * One that listens nowhere until it is told to; nothing is open yet.
   *
   * @param traces where what passes by leaves its traces
   */
  public Front(Spec spec, Workers workers, Traces traces, LongSupplier clock) {
    name = spec.name();
    this.workers = workers;
    this.traces = traces;
    this.clock = clock;
    this.spec = new Spec(name, List.of(), spec.limits(), spec.course());
    table = new FlowTable(spec.limits(), clock);
    addresses = new Addresses(name, workers);
    desk = new Desk(this, spec.course().dialer().fds(), clock);
  }

  /**
   * Binds all sockets, then begins to receive.
   *
   * @throws OsException when an address cannot be bound; nothing is left open then
   */
  public static Front open(Spec spec, Workers workers, Traces traces, LongSupplier clock)
      throws OsException {
    Front front = new Front(spec, workers, traces, clock);
    front.prepare(spec, List.of()).apply();
    front.spread(workers.active());
    return front;
  }

  /**
   * Opens what it takes to become what {@code next} says, and changes nothing yet.
   *
   * @param ours addresses that we have already: others' claims on them fail because of us alone
   * @throws OsException when an address cannot be bound; nothing is left open then
   */
  public Change prepare(Spec next, Collection<Address> ours) throws OsException {
    List<Address> wanted = new ArrayList<>(next.listen());
    Change change = new Change(next);
    for (Listeners each : addresses.open()) {
      (wanted.remove(each.wanted()) ? change.kept : change.gone).add(each);
    }
    try {
      for (Address address : wanted) {
        change.open(address, ours);
      }
      if (next.course().peerSockets()) {
        for (Listeners each : change.read()) {
          each.tryToDeal(); // what is dealt otherwise stays so, should the change come to nothing
        }
      }
      return change;
    } catch (OsException e) {
      change.close();
      throw e;
    }
  }

  /** A front ready to be another: to be {@link #apply applied}, or closed. */
  public final class Change implements AutoCloseable {
    private final Spec next;
    private final List<Listeners> places = new ArrayList<>(addresses.all());
    private final List<Listeners> kept = new ArrayList<>();
    private final List<Listeners> gone = new ArrayList<>();
    private final List<Listeners> opened = new ArrayList<>();

    private Change(Spec next) {
      this.next = next;
    }

    private void open(Address address, Collection<Address> ours) throws OsException {
      boolean isOurs = Stream.concat(ours.stream(), opened()).anyMatch(address::overlaps);
      int index = 0;
      while (index < places.size() && !places.get(index).isClosed()) {
        index++;
      }
      Listeners last = index < places.size() ? places.get(index) : null;
      Listeners one =
          Listeners.open(Front.this, index, address, isOurs, last, next.course(), workers);
      opened.add(one);
      if (last == null) {
        places.add(one);
      } else {
        places.set(index, one);
      }
    }

    /** Those that are read once it is applied. */
    private List<Listeners> read() {
      return Stream.concat(kept.stream(), opened.stream()).toList();
    }

    /** Addresses that are bound, and read by nobody yet. */
    public Stream<Address> opened() {
      return opened.stream().map(Listeners::bound);
    }

    /**
     * Makes it so: each loop goes over by itself. Returns when all have, and what went is closed;
     * {@link Front#spread} is still to have the new addresses read.
     */
    public void apply() {
      table.limit(next.limits());
      if (next.course().peerSockets()) {
        read().forEach(Listeners::dealToThese);
      }
      workers.onEach(
          worker -> {
            kept.forEach(each -> each.of(worker).follow(next.course()));
            gone.forEach(each -> each.of(worker).follow(next.course()));
            gone.forEach(each -> each.of(worker).retire());
          });
      if (!gone.isEmpty()) {
        endFlows();
      }
      addresses.become(places, opened, gone);
      spec = next;
      if (tidying == null) {
        tidying = workers.get(0).every(TIDY_MILLIS, table::tidy);
      }
    }

    /** Whoever was opening a flow there has entered it by now, and none is opened any more. */
    private void endFlows() {
      Set<Integer> indices = Set.copyOf(gone.stream().map(Listeners::index).toList());
      table.tidy(); // what has timed out is not in view
      table.close(flow -> indices.contains(flow.key().listener()));
      awaitEnd(() -> gone.stream().allMatch(each -> each.live() == 0));
    }

    /** Instead of applying it. */
    @Override
    public void close() {
      opened.forEach(Listeners::abandon);
    }
  }

  /**
   * Has the first {@code active} workers, and no others, read the listeners; returns when all have
   * moved that had to. Flows stay on their workers.
   */
  public void spread(int active) {
    addresses.spread(active);
  }

  /** How many flows live on a worker. */
  public long flowsOn(Worker worker) {
    return addresses.flowsOn(worker);
  }

  /** How many listeners a worker reads. */
  public long listenersOn(Worker worker) {
    return addresses.listenersOn(worker);
  }

  /** Of one of its addresses. */
  Listeners listeners(int index) {
    return addresses.all().get(index);
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
    awaitEnd(() -> table.count() == 0);
    if (tidying != null) {
      tidying.cancel(false);
    }
    addresses.close();
  }

  /** A flow's last replies leave by the listener, so the flows must be gone first. */
  private void awaitEnd(BooleanSupplier ended) {
    long deadline = System.nanoTime() + CLOSE_NANOS;
    while (!ended.getAsBoolean() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(1_000_000);
    }
    if (!ended.getAsBoolean()) {
      log.error("front {}: of {} flows some did not end: this is a bug", name, table.count());
    }
  }

  public String name() {
    return name;
  }

  /** The addresses really bound, with the ports the kernel chose. */
  public List<Address> bound() {
    return addresses.open().stream().map(Listeners::bound).toList();
  }

  /** The address really bound that the key of a flow tells of. */
  public Address bound(int listener) {
    return listeners(listener).bound();
  }

  /** The addresses it was told to listen on. */
  public List<Address> listen() {
    return spec.listen();
  }

  public Pool pool() {
    return spec.course().pool();
  }

  public FlowTable flows() {
    return table;
  }

  Desk desk() {
    return desk;
  }

  LongSupplier clock() {
    return clock;
  }

  Traces traces() {
    return traces;
  }

  /** The books and clocks of every listener there has been. */
  public List<Lane> lanes() {
    return addresses.listeners().map(Listener::lane).toList();
  }

  /** How many datagrams each filter has refused, either way, by its name. */
  public Map<String, Long> filterDrops() {
    return addresses.filterDrops();
  }

  /** Has a capture see what passes by from now on. */
  public void show(Capture capture) {
    addresses.show(capture);
  }

  /** Shows a capture no more. */
  public void hide(Capture capture) {
    addresses.hide(capture);
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
    Map<Integer, Address> bound = new TreeMap<>();
    addresses.open().forEach(each -> bound.put(each.index(), each.bound()));
    var scene = new Explainer.Scene(spec, bound, table, true, clock.getAsLong());
    return new Explainer(scene, client, payload).explain(local);
  }

  /** The same of a front that has just been opened, without opening it; nothing is dialled. */
  public static Explanation explain(
      Spec spec,
      LongSupplier clock,
      InetSocketAddress client,
      Optional<InetSocketAddress> local,
      byte[] payload) {
    Map<Integer, Address> bound = new TreeMap<>();
    spec.listen().forEach(each -> bound.put(bound.size(), each));
    var table = new FlowTable(spec.limits(), clock);
    var scene = new Explainer.Scene(spec, bound, table, false, clock.getAsLong());
    return new Explainer(scene, client, payload).explain(local);
  }

  /** The course it is on. */
  public Course course() {
    return spec.course();
  }

  /** Sockets of single flows' own. */
  public int peerSockets() {
    return desk.open();
  }

  /**
   * Datagrams the kernel dropped since start because a buffer was full: a listener's or, once a
   * flow has ended, that of its link or its peer socket.
   */
  public long kernelDrops() {
    return addresses.listeners().mapToLong(Front::kernelDrops).sum();
  }

  private static long kernelDrops(Listener listener) {
    Lane lane = listener.lane();
    return listener.kernelDrops() + lane.replies().overflowed() + lane.requests().overflowed();
  }
}
