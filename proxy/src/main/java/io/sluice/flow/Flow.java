package io.sluice.flow;

import io.sluice.metrics.Drop;
import io.sluice.metrics.Tally;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import io.sluice.pool.Backend;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One client and its one backend, joined by a connected socket of their own.
 *
 * <p>Lives on its lane's loop: but for {@link #close} and the plain numbers shown to operators,
 * nothing here is touched elsewhere.
 */
public final class Flow implements UdpSocket.Owner {
  /** Late replies to what was sent again after a refusal have this long to come. */
  private static final long LINGER_MILLIS = 100;

  /** Batches of replies a flow may still bring when it ends. */
  private static final int LAST_LOOKS = 8;

  /** A flow goes down this list and never up. */
  private enum Standing {
    UNASSURED,
    ASSURED,
    CLOSED
  }

  private static final VarHandle STANDING;

  static {
    try {
      STANDING = MethodHandles.lookup().findVarHandle(Flow.class, "standing", Standing.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long id = FlowTable.nextId();
  private final FlowKey key;
  private final Lane lane;
  private final Backend backend;
  private final Tally traffic;
  private final UdpSocket link;
  private final long openedAt;
  private volatile Standing standing;

  /**
   * Where its client's datagrams come in and replies leave; null: by the listener, like others'.
   */
  private @Nullable PeerSocket peer;

  /** Set by whoever closed it, before its loop is told. */
  private @Nullable CloseReason closeReason;

  private long seenAt;
  private long touchedAt;

  /** When the oldest request that has had no reply since was sent; 0: none is waiting. */
  private long askedAt;

  private long requests;
  private long requestBytes;
  private long replies;
  private long replyBytes;

  private Flow(FlowKey key, Lane lane, Backend backend, UdpSocket link, long now) {
    this.key = key;
    this.lane = lane;
    this.backend = backend;
    this.traffic = backend.traffic(lane.worker().index());
    this.link = link;
    standing = lane.table().limits().oneWay() ? Standing.ASSURED : Standing.UNASSURED;
    openedAt = now;
    seenAt = now;
    touchedAt = now;
  }

  /**
   * Opens a flow on the calling loop and enters it in the lane's table; returns the flow that
   * stands there: this one, or that of another loop that was first.
   *
   * @throws OsException when the kernel has no socket, port or route for it
   */
  public static Flow open(FlowKey key, Lane lane, Backend backend, long now) throws OsException {
    UdpSocket link = UdpSocket.dial(Address.of(backend.address()));
    Flow flow = new Flow(key, lane, backend, link, now);
    link.register(lane.worker(), flow);
    Flow first = lane.table().enter(flow);
    if (first != null) {
      link.close();
      return first;
    }
    backend.flowOpened();
    return flow;
  }

  /** Sends a run of the client's datagrams to the backend. */
  public void request(Batch batch, int from, int n, long now) {
    long bytes = 0;
    for (int slot = from; slot < from + n; slot++) {
      bytes += batch.length(slot);
    }
    requests += n;
    requestBytes += bytes;
    traffic.add(Backend.REQUESTS, n);
    traffic.add(Backend.REQUEST_BYTES, bytes);
    if (askedAt == 0) {
      askedAt = now;
    }
    seen(now);
    batch.toPeer();
    link.send(batch, from, n, lane.requests());
  }

  @Override
  public void readable() {
    relay();
  }

  /** Takes one batch of replies; returns how many. */
  private int relay() {
    Batch batch = lane.worker().batch();
    int n = link.receive(batch);
    if (n > 0) {
      reply(batch, n, lane.table().clock().getAsLong());
    }
    return n;
  }

  /** Sends the backend's datagrams to the client. */
  private void reply(Batch batch, int n, long now) {
    lane.replies().received(n, batch.bytes());
    replies += n;
    replyBytes += batch.bytes();
    traffic.add(Backend.REPLIES, n);
    traffic.add(Backend.REPLY_BYTES, batch.bytes());
    answered(now);
    if (peer == null) {
      key.answer(batch);
    } else {
      batch.toPeer();
    }
    int start = 0;
    for (int slot = 0; slot < n; slot++) {
      if (batch.length(slot) > lane.maxDatagramBytes() || batch.truncated(slot)) {
        send(batch, start, slot);
        lane.replies().dropped(Drop.OVERSIZE, 1);
        start = slot + 1;
      }
    }
    send(batch, start, n);
  }

  private void send(Batch batch, int start, int end) {
    if (start < end) {
      UdpSocket socket = peer == null ? lane.socket() : peer.socket();
      socket.send(batch, start, end - start, lane.replies());
    }
  }

  private void answered(long now) {
    backend.answered();
    if (askedAt != 0) {
      lane.latency().record(now - askedAt);
      askedAt = 0;
    }
    if (standing == Standing.UNASSURED && lane.table().assure(this) && lane.reception() != null) {
      lane.worker().chore(this::openPeer); // the batch in hand first
    }
    seen(now);
  }

  private void seen(long now) {
    seenAt = now;
    if (lane.table().isTouchDue(touchedAt, now)) {
      touchedAt = now;
      lane.table().touch(this);
    }
  }

  private void openPeer() {
    Reception reception = lane.reception();
    if (isAssured() && reception != null) {
      peer = PeerSocket.open(this, lane, reception);
    }
  }

  private void closePeer() {
    if (peer != null) {
      peer.close();
      peer = null;
    }
  }

  @Override
  public void failed(int errno) {
    if (backend.refused(id)) {
      close(CloseReason.REFUSED);
    }
  }

  /**
   * The one door out, from any thread; only the first to come counts. The client's next datagram
   * opens a new flow.
   */
  public void close(CloseReason reason) {
    Standing was = (Standing) STANDING.getAndSet(this, Standing.CLOSED);
    if (was != Standing.CLOSED) {
      leave(was == Standing.ASSURED, reason);
    }
  }

  /** Closes it unless it has become assured. */
  void evict() {
    if (STANDING.compareAndSet(this, Standing.UNASSURED, Standing.CLOSED)) {
      leave(false, CloseReason.EVICTED);
    }
  }

  private void leave(boolean wasAssured, CloseReason reason) {
    closeReason = reason;
    lane.table().left(this, wasAssured);
    if (reason == CloseReason.REFUSED) {
      lane.worker().chore(this::closePeer);
      lane.worker().after(LINGER_MILLIS, this::end);
    } else {
      lane.worker().chore(this::end);
    }
  }

  private void end() {
    for (int looks = 0; looks < LAST_LOOKS && relay() > 0; looks++) {
      // replies may have come in since
    }
    closePeer();
    link.close();
    backend.flowClosed();
    lane.table().ended(Objects.requireNonNull(closeReason));
  }

  /** Becomes assured; false if it is closed. */
  boolean becomeAssured() {
    return STANDING.compareAndSet(this, Standing.UNASSURED, Standing.ASSURED);
  }

  /** Whether it stands in the line of those that no backend has answered. */
  boolean isUnassured() {
    return standing == Standing.UNASSURED;
  }

  /** Whether its backend has answered, or need not. */
  public boolean isAssured() {
    return standing == Standing.ASSURED;
  }

  /** Whether nothing has come by for so long, and the client waits for nothing. */
  boolean isQuiet(long now, long forNanos) {
    return now - seenAt >= forNanos && (askedAt == 0 || lane.table().limits().oneWay());
  }

  public long id() {
    return id;
  }

  public FlowKey key() {
    return key;
  }

  public Backend backend() {
    return backend;
  }

  /** Whose loop it lives on. */
  public Worker worker() {
    return lane.worker();
  }

  /** When it was opened, by the table's clock. */
  public long openedAt() {
    return openedAt;
  }

  /** When the last datagram came by, by the table's clock. */
  public long seenAt() {
    return seenAt;
  }

  /** Datagrams the client sent. */
  public long requests() {
    return requests;
  }

  public long requestBytes() {
    return requestBytes;
  }

  /** Datagrams the backend sent. */
  public long replies() {
    return replies;
  }

  public long replyBytes() {
    return replyBytes;
  }
}
