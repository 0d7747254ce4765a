package io.sluice.front;

import io.sluice.filter.Chain;
import io.sluice.flow.Course;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowKey;
import io.sluice.flow.Lane;
import io.sluice.metrics.Drop;
import io.sluice.net.Batch;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One of a front's reuseport sockets, and the worker it is at home on: the way of a datagram from
 * the client to its flow (docs/life-of-a-datagram.md).
 *
 * <p>What its worker receives it books here, whichever of the address's sockets it reads: a
 * listener <em>moves</em> when another worker, by its own listener of the same address, begins to
 * read this one's socket (docs/adr/0008). Flows stay where they are, and their replies leave by the
 * socket of their own worker.
 */
final class Listener {
  /** Batches that may lie in a full receive buffer, and some more. */
  private static final int LAST_LOOKS = 1_024;

  private final Listeners siblings;
  private final Lane lane;
  private final Placement placement;
  private final LongSupplier clock;

  /** The key of the datagram in hand; filled again for each. */
  private final FlowKey probe;

  /** Written by the one before, on its loop, when it has let go; null before the first. */
  private volatile @Nullable Reader reader;

  private int kernelDropsSeen;
  private long kernelDrops;

  /**
   * @param siblings those of the same address
   * @param kernelDrops what those before it, whose books it goes on with, have counted
   */
  Listener(
      Listeners siblings, Lane lane, Placement placement, LongSupplier clock, long kernelDrops) {
    this.siblings = siblings;
    this.lane = lane;
    this.placement = placement;
    this.clock = clock;
    this.kernelDrops = kernelDrops;
    probe = new FlowKey(siblings.index(), siblings.bound().isWildcard());
  }

  /**
   * A worker's turn at this socket, by its own listener of the address: no other reads it until
   * this one has let go. Each move makes a new one.
   */
  private final class Reader implements UdpSocket.Owner {
    private final Listener own;

    Reader(Listener own) {
      this.own = own;
    }

    Worker worker() {
      return own.lane.worker();
    }

    void letGo(Reader next) {
      lane.socket().detach();
      reader = next;
    }

    void begin() {
      try {
        lane.socket().attach(worker(), this);
      } catch (OsException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void readable() {
      read();
    }

    int read() {
      return own.receive(lane.socket());
    }

    /** Connected sockets only. */
    @Override
    public void failed(int errno) {}
  }

  /** The index of the worker that reads this socket, or {@link Spread#NOBODY}; while none moves. */
  int reader() {
    Reader now = reader;
    return now != null && lane.socket().isAttached() ? now.worker().index() : Spread.NOBODY;
  }

  /**
   * Has the worker of {@code next} read this socket: the worker that read it until now lets go of
   * it, and only then is the next one told. So whatever the old one has handed over stands in the
   * queues before all that the next one hands over, or receives for flows of its own.
   */
  CompletableFuture<Void> moveTo(Listener next) {
    Reader last = reader;
    Reader then = new Reader(next);
    CompletableFuture<Void> free;
    if (last == null) {
      reader = then;
      free = CompletableFuture.completedFuture(null);
    } else {
      free = CompletableFuture.runAsync(() -> last.letGo(then), last.worker()::execute);
    }
    return free.thenRunAsync(then::begin, then.worker()::execute);
  }

  /** Takes one batch of requests; returns how many. */
  private int receive(UdpSocket socket) {
    Batch batch = lane.worker().batch();
    batch.clear();
    int n = socket.receive(batch);
    if (n > 0) {
      lane.requests().received(batch.datagrams(0, n), batch.bytes(0, n));
      relay(batch, n);
    }
    return n;
  }

  /** Consecutive datagrams of one flow form a run, which leaves as one. */
  private void relay(Batch batch, int n) {
    long now = clock.getAsLong();
    lane.table().tick(now);
    Flow flow = null;
    int start = 0;
    for (int slot = 0; slot < n; slot++) {
      Flow next = admit(batch, slot, probe.read(batch, slot), now);
      if (next != flow) {
        if (flow != null) {
          flow.request(batch, start, slot - start, now);
        }
        flow = next;
        start = slot;
      }
    }
    if (flow != null) {
      flow.request(batch, start, n - start, now);
    }
  }

  /** Relays what a peer socket on this loop received, datagram by datagram. */
  void relay(Batch batch, int from, int n, FlowKey to) {
    long now = clock.getAsLong();
    lane.table().tick(now);
    for (int slot = from; slot < from + n; slot++) {
      Flow flow = admit(batch, slot, probe.read(batch, slot).to(to), now);
      if (flow != null) {
        flow.request(batch, slot, 1, now);
      }
    }
  }

  /**
   * Does something on the loop that reads this socket, once all that lies in its receive buffer now
   * has been read; never, if it is closed meanwhile. Any loop may ask.
   *
   * <p>Whoever has its turn reads, even before epoll tells it: its predecessor has handed over all
   * it had before it let go, and the task that reads is queued after that. A task that comes in
   * another turn than the one it was meant for, were it a later one of the same worker's, might
   * pass what waits behind it in that worker's queue: so it goes after the reader once more.
   */
  void afterBacklog(Runnable then) {
    afterBacklog(LAST_LOOKS, then);
  }

  /** A batch a turn of the loop, lest others wait. */
  private void afterBacklog(int looks, Runnable then) {
    Reader meant = reader;
    if (meant == null) {
      then.run(); // nobody has ever read it, so nobody's flow has come by it
    } else {
      meant.worker().execute(() -> readPast(meant, looks, then));
    }
  }

  private void readPast(Reader meant, int looks, Runnable then) {
    if (!lane.socket().isOpen()) {
      return;
    }
    if (reader != meant) {
      afterBacklog(looks, then);
    } else if (meant.read() < Batch.SLOTS || looks <= 0) {
      then.run();
    } else {
      // In the next turn of the loop: as one more task it would come before all sockets.
      meant.worker().after(0, () -> readPast(meant, looks - 1, then));
    }
  }

  /**
   * The flow on this loop that a datagram belongs to; null once it is booked as dropped or handed
   * over.
   */
  private @Nullable Flow admit(Batch batch, int slot, FlowKey key, long now) {
    if (lane.isOversize(batch, slot, true, key)) {
      return null;
    }
    if (!key.isAnswerable()) {
      return drop(Drop.BAD_SOURCE, batch, slot, key);
    }
    Flow flow = lane.table().find(key);
    if (flow == null) {
      flow = placement.open(batch, slot, key, now);
    } else if (flow.worker() == lane.worker() && flow.isLeaving(now)) {
      flow = placement.rehome(flow, batch, slot, now);
    }
    return flow == null || flow.worker() == lane.worker() ? flow : handOver(flow, batch, slot, key);
  }

  /** Lets another flow take the place of one whose backend has refused; null if none can. */
  @Nullable Flow rescue(Flow flow, long now) {
    return placement.rescue(flow, now);
  }

  /**
   * Copies a datagram of another loop's flow over to that loop; what one loop hands to another
   * keeps its order.
   */
  private @Nullable Flow handOver(Flow flow, Batch batch, int slot, FlowKey key) {
    Listener other = siblings.of(flow.worker());
    FlowKey keyCopy = key.copy();
    byte[] payload = batch.copy(slot);
    int segmentBytes = batch.segmentBytes(slot);
    int datagrams = batch.datagrams(slot);
    if (flow.worker().handOver(datagrams, () -> other.take(keyCopy, payload, segmentBytes))) {
      lane.requests().handed(datagrams);
      return null;
    }
    return drop(Drop.HANDOVER, batch, slot, key);
  }

  /**
   * A datagram that another worker's listener handed over: looked up again, for its flow may have
   * ended since.
   */
  private void take(FlowKey key, byte[] payload, int segmentBytes) {
    Batch batch = lane.worker().batch();
    batch.load(payload, segmentBytes);
    lane.requests().taken(batch.datagrams(0));
    long now = clock.getAsLong();
    lane.table().tick(now);
    Flow flow = admit(batch, 0, key, now);
    if (flow != null) {
      flow.request(batch, 0, 1, now);
    }
  }

  private @Nullable Flow drop(Drop reason, Batch batch, int slot, FlowKey key) {
    lane.drop(reason, batch, slot, key);
    return null;
  }

  /** From now on its datagrams and flows follow this course; on the loop it is at home on. */
  void follow(Course course) {
    lane.follow(course);
    placement.follow(course);
  }

  /** From now on it opens no flow; likewise. */
  void retire() {
    placement.retire();
  }

  /** Reads what the kernel still holds, then closes; at home. */
  void close() {
    for (int looks = 0; looks < LAST_LOOKS && receive(lane.socket()) > 0; looks++) {
      // flows are no longer opened, so these are booked as DRAINING
    }
    kernelDrops();
    lane.socket().close();
  }

  Lane lane() {
    return lane;
  }

  /** The front's filters, as this lane asks them; null if it has none. */
  @Nullable Chain chain() {
    return placement.chain();
  }

  /** Datagrams the kernel dropped since start; it counts modulo 2^32, this does not. */
  synchronized long kernelDrops() {
    if (lane.socket().isOpen()) {
      int seen = lane.socket().kernelDrops();
      kernelDrops += Integer.toUnsignedLong(seen - kernelDropsSeen);
      kernelDropsSeen = seen;
    }
    return kernelDrops;
  }
}
