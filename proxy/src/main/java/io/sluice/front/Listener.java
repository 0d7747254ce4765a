package io.sluice.front;

import io.sluice.affinity.KeyExtractor;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowKey;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Lane;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.Errno;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.io.UncheckedIOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One of a front's reuseport sockets, and the worker it is at home on: the way of a datagram from
 * the client to its flow (docs/life-of-a-datagram.md).
 *
 * <p>What its worker receives it books here, whichever of the address's sockets it reads: a
 * listener <em>moves</em> when another worker, by its own listener of the same address, begins to
 * read this one's socket (docs/adr/0008). Flows stay where they are, and their replies leave by the
 * socket of their own worker.
 */
final class Listener implements UdpSocket.Owner {
  private static final Logger log = LoggerFactory.getLogger(Listener.class);

  /** What every datagram may meet is logged once a second. */
  private static final long COMPLAINT_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** Batches that may lie in a full receive buffer, and some more. */
  private static final int LAST_LOOKS = 1_024;

  private final Front front;
  private final int index;
  private final Lane lane;
  private final Pool pool;
  private final KeyExtractor affinity;
  private final LongSupplier clock;

  /** The key of the datagram in hand; filled again for each. */
  private final FlowKey probe;

  /** Whose worker reads this socket; written by that worker before it begins. */
  private Listener reader = this;

  private long complainedAt;
  private int kernelDropsSeen;
  private long kernelDrops;

  Listener(
      Front front,
      int index,
      Address address,
      Lane lane,
      Pool pool,
      KeyExtractor affinity,
      LongSupplier clock) {
    this.front = front;
    this.index = index;
    this.lane = lane;
    this.pool = pool;
    this.affinity = affinity;
    this.clock = clock;
    complainedAt = clock.getAsLong() - COMPLAINT_NANOS;
    probe = new FlowKey(index, address.isWildcard());
  }

  /** The index of the worker that reads this socket, or {@link Spread#NOBODY}; while none moves. */
  int reader() {
    return lane.socket().isAttached() ? reader.lane.worker().index() : Spread.NOBODY;
  }

  /**
   * Has the worker of {@code next} read this socket: the worker that read it until now lets go of
   * it, and only then is the next one told. So whatever the old one has handed over stands in the
   * queues before all that the next one hands over, or receives for flows of its own.
   */
  CompletableFuture<Void> moveTo(Listener next) {
    CompletableFuture<Void> free =
        lane.socket().isAttached()
            ? CompletableFuture.runAsync(lane.socket()::detach, reader.lane.worker()::execute)
            : CompletableFuture.completedFuture(null);
    return free.thenRunAsync(() -> joinWorkerOf(next), next.lane.worker()::execute);
  }

  private void joinWorkerOf(Listener next) {
    reader = next;
    try {
      lane.socket().attach(next.lane.worker(), this);
    } catch (OsException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void readable() {
    reader.receive(lane.socket());
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

  /**
   * The flow on this loop that a datagram belongs to; null once it is booked as dropped or handed
   * over.
   */
  private @Nullable Flow admit(Batch batch, int slot, FlowKey key, long now) {
    if (lane.isOversize(batch, slot, lane.requests())) {
      return null;
    }
    if (!key.isAnswerable()) {
      return drop(Drop.BAD_SOURCE, batch, slot);
    }
    Flow flow = lane.table().find(key);
    if (flow != null && !flow.backend().eligible()) {
      flow.close(CloseReason.BACKEND_DOWN);
      flow = null;
    }
    if (flow == null) {
      flow = open(batch, slot, key, now);
    }
    return flow == null || flow.worker() == lane.worker() ? flow : handOver(flow, batch, slot, key);
  }

  private @Nullable Flow open(Batch batch, int slot, FlowKey key, long now) {
    Drop refusal = lane.table().refusal(now);
    if (refusal != null) {
      return drop(refusal, batch, slot);
    }
    try {
      Backend backend =
          pool.pick(affinity.keyOf(key.client().toInetSocketAddress(), batch.payload(slot)));
      return backend == null
          ? drop(Drop.NO_BACKEND, batch, slot)
          : dial(backend, batch, slot, key, now);
    } catch (RuntimeException | LinkageError | StackOverflowError | AssertionError bug) {
      // A plug-in's key or choice must not cost other clients' datagrams.
      if (mayComplain(now)) {
        log.error(
            "front {}: a datagram of {} is lost to a bug, others may be: see sluice_drops_total,"
                + " reason FAULT",
            front.name(),
            key,
            bug);
      }
      return drop(Drop.FAULT, batch, slot);
    }
  }

  private @Nullable Flow dial(Backend backend, Batch batch, int slot, FlowKey key, long now) {
    try {
      return Flow.open(key.copy(), lane, backend, now);
    } catch (OsException e) {
      Drop reason = Errno.ofDial(e.errno());
      if (Errno.isUnreachable(e.errno())) {
        backend.refused(FlowTable.nextId()); // no route there is evidence like an ICMP error
      }
      return drop(reason, batch, slot);
    }
  }

  /**
   * Copies a datagram of another loop's flow over to that loop; what one loop hands to another
   * keeps its order.
   */
  private @Nullable Flow handOver(Flow flow, Batch batch, int slot, FlowKey key) {
    Listener other = front.listener(flow.worker(), index);
    FlowKey keyCopy = key.copy();
    byte[] payload = batch.copy(slot);
    int segmentBytes = batch.segmentBytes(slot);
    int datagrams = batch.datagrams(slot);
    if (flow.worker().handOver(datagrams, () -> other.take(keyCopy, payload, segmentBytes))) {
      lane.requests().handed(datagrams);
      return null;
    }
    return drop(Drop.HANDOVER, batch, slot);
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

  private @Nullable Flow drop(Drop reason, Batch batch, int slot) {
    lane.requests().dropped(reason, batch.datagrams(slot));
    return null;
  }

  private boolean mayComplain(long now) {
    if (now - complainedAt < COMPLAINT_NANOS) {
      return false;
    }
    complainedAt = now;
    return true;
  }

  /** Connected sockets only. */
  @Override
  public void failed(int errno) {}

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
