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
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One of a front's reuseport sockets, on one worker: the way of a datagram from the client to its
 * flow (docs/life-of-a-datagram.md).
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

  void register() {
    try {
      lane.socket().register(lane.worker(), this);
    } catch (OsException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void readable() {
    receive();
  }

  /** Takes one batch of requests; returns how many. */
  private int receive() {
    Batch batch = lane.worker().batch();
    int n = lane.socket().receive(batch);
    if (n > 0) {
      lane.requests().received(n, batch.bytes());
      relay(batch, n);
    }
    return n;
  }

  /** Consecutive datagrams of one flow form a run, which leaves as one. */
  private void relay(Batch batch, int n) {
    long now = clock.getAsLong();
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
    for (int slot = from; slot < from + n; slot++) {
      Flow flow = admit(batch, slot, probe.read(batch, slot).to(to), now);
      if (flow != null) {
        flow.request(batch, slot, 1, now);
      }
    }
  }

  /**
   * Does something once all that lies in the receive buffer now has been read: a batch a turn of
   * the loop, lest others wait.
   */
  void afterBacklog(Runnable then) {
    afterBacklog(LAST_LOOKS, then);
  }

  private void afterBacklog(int looks, Runnable then) {
    if (receive() < Batch.SLOTS || looks == 0) {
      then.run();
    } else {
      lane.worker().execute(() -> afterBacklog(looks - 1, then));
    }
  }

  /**
   * The flow on this loop that a datagram belongs to; null once it is booked as dropped or handed
   * over.
   */
  private @Nullable Flow admit(Batch batch, int slot, FlowKey key, long now) {
    if (batch.length(slot) > lane.maxDatagramBytes() || batch.truncated(slot)) {
      return drop(Drop.OVERSIZE);
    }
    if (!key.isAnswerable()) {
      return drop(Drop.BAD_SOURCE);
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
      return drop(refusal);
    }
    try {
      Backend backend =
          pool.pick(affinity.keyOf(key.client().toInetSocketAddress(), batch.payload(slot)));
      return backend == null ? drop(Drop.NO_BACKEND) : dial(backend, key, now);
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
      return drop(Drop.FAULT);
    }
  }

  private @Nullable Flow dial(Backend backend, FlowKey key, long now) {
    try {
      return Flow.open(key.copy(), lane, backend, now);
    } catch (OsException e) {
      Drop reason = Errno.ofDial(e.errno());
      if (reason != Drop.UNREACHABLE) {
        lane.table().ranShort(reason, now);
      } else if (Errno.isUnreachable(e.errno())) {
        backend.refused(FlowTable.nextId()); // no route there is evidence like an ICMP error
      }
      return drop(reason);
    }
  }

  /**
   * Copies a datagram of another loop's flow over to that loop; what one loop hands to another
   * keeps its order.
   */
  private @Nullable Flow handOver(Flow flow, Batch batch, int slot, FlowKey key) {
    Listener other = front.listener(flow.worker(), index);
    FlowKey keyCopy = key.copy();
    byte[] payload = new byte[batch.length(slot)];
    batch.payload(slot).readBytes(payload);
    if (flow.worker().handOver(() -> other.take(keyCopy, payload))) {
      lane.requests().handed();
      return null;
    }
    return drop(Drop.HANDOVER);
  }

  /**
   * A datagram that another worker's listener handed over: looked up again, for its flow may have
   * ended since.
   */
  private void take(FlowKey key, byte[] payload) {
    lane.requests().taken();
    Batch batch = lane.worker().batch();
    batch.load(payload);
    long now = clock.getAsLong();
    Flow flow = admit(batch, 0, key, now);
    if (flow != null) {
      flow.request(batch, 0, 1, now);
    }
  }

  private @Nullable Flow drop(Drop reason) {
    lane.requests().dropped(reason, 1);
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

  /** Reads what the kernel still holds, then closes. */
  void close() {
    for (int looks = 0; looks < LAST_LOOKS && receive() > 0; looks++) {
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
