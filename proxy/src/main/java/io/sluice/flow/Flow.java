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
  private static final VarHandle CLOSING;

  static {
    try {
      CLOSING = MethodHandles.lookup().findVarHandle(Flow.class, "closing", CloseReason.class);
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
  private volatile @Nullable CloseReason closing;
  private volatile boolean assured;
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
    Flow first = lane.table().enter(flow);
    if (first != null) {
      link.close();
      return first;
    }
    backend.flowOpened();
    link.register(lane.worker(), flow);
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
    Batch batch = lane.worker().batch();
    int n = link.receive(batch);
    if (n > 0) {
      reply(batch, n, lane.table().clock().getAsLong());
    }
  }

  /** Sends the backend's datagrams to the client. */
  private void reply(Batch batch, int n, long now) {
    lane.replies().received(n, batch.bytes());
    replies += n;
    replyBytes += batch.bytes();
    traffic.add(Backend.REPLIES, n);
    traffic.add(Backend.REPLY_BYTES, batch.bytes());
    answered(now);
    key.answer(batch);
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
      lane.socket().send(batch, start, end - start, lane.replies());
    }
  }

  private void answered(long now) {
    backend.answered();
    if (askedAt != 0) {
      lane.latency().record(now - askedAt);
      askedAt = 0;
    }
    if (!assured && closing == null) {
      lane.table().assure(this);
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

  @Override
  public void failed(int errno) {
    if (backend.refused(id)) {
      close(CloseReason.REFUSED);
    }
  }

  /**
   * The one door out, from any thread; only the first reason counts. The client's next datagram
   * opens a new flow.
   */
  public void close(CloseReason reason) {
    if (CLOSING.compareAndSet(this, (CloseReason) null, reason)) {
      lane.table().remove(this);
      lane.worker().chore(this::end);
    }
  }

  private void end() {
    readable(); // a last look: replies may have come in since
    link.close();
    backend.flowClosed();
    lane.table().ended(this, Objects.requireNonNull(closing));
  }

  public long id() {
    return id;
  }

  public FlowKey key() {
    return key;
  }

  /** Whose loop it lives on. */
  public Worker worker() {
    return lane.worker();
  }

  public Backend backend() {
    return backend;
  }

  /** Whether its backend has answered, or need not. */
  public boolean isAssured() {
    return assured;
  }

  void setAssured() {
    assured = true;
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
