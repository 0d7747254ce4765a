package io.sluice.flow;

import io.sluice.filter.Sieve;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.OsException;
import io.sluice.net.Outbox;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One client and its one backend, joined by a connected socket of their own.
 *
 * <p>Lives on its lane's loop: but for {@link #close} and the plain numbers shown to operators,
 * nothing here is touched elsewhere. How it begins is {@link Opening}'s, what it counts {@link
 * Traffic}'s.
 *
 * <p>Longer than other files: the ways of requests and replies and its end are one order of events
 * over the same few fields, which no other class may see.
 */
public final class Flow extends Traffic implements UdpSocket.Owner, Outbox.Witness {
  /** Late replies to what was sent again after a refusal have so long. */
  private static final long LINGER_MILLIS = 100;

  /**
   * So long has a reply that a flow was still waiting for when it left its backend, which may be
   * well and only be drained. It costs a descriptor each, of as many as re-home in that time.
   */
  private static final long LAST_REPLY_MILLIS = 1_000;

  /** Reads of replies, of one datagram perhaps, that a flow may still bring when it ends. */
  private static final int LAST_LOOKS = 8 * Batch.SLOTS;

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

  /** What its backend was dealt from. */
  private final Pool pool;

  /** What it follows; another than its lane's until its next datagram. */
  private Course course;

  private final UdpSocket link;

  /** The key that decided its backend. */
  private final long affinity;

  private volatile Standing standing;

  /** Its own backend, while it is with another and is to go back. */
  private @Nullable Backend home;

  /** What the client has sent, as long as it may have to be sent again. */
  private @Nullable Held held;

  /**
   * Where its client's datagrams come in and replies leave; null: by the listener, like others'.
   */
  private @Nullable PeerSocket peer;

  /** What may pass; null: everything. */
  private @Nullable Sieve sieve;

  private long touchedAt;

  Flow(
      FlowKey key,
      Lane lane,
      Backend backend,
      UdpSocket link,
      long affinity,
      boolean assured,
      long now) {
    super(lane, backend, now);
    this.key = key;
    pool = lane.pool();
    course = lane.course();
    this.link = link;
    this.affinity = affinity;
    standing = assured ? Standing.ASSURED : Standing.UNASSURED;
    held = assured || lane.rescuer() == null ? null : new Held(lane.flows());
    touchedAt = now;
  }

  /** Lives, or has never lived. */
  void begin(boolean entered) {
    if (entered) {
      backend.flowOpened();
      lane.flows().add(Lane.LIVE, 1);
    } else {
      link.close();
    }
  }

  /** What it sends will not be sent again. */
  void holdNothing() {
    held = null;
  }

  /** Where it is to go back to, perhaps. */
  void rememberHomeOf(Flow last) {
    Backend own = last.home == null ? last.backend : last.home;
    home = own == backend ? null : own;
  }

  /** Has what was another's, whose place it has taken. */
  void inherit(Flow last) {
    sieve = last.sieve == null ? null : last.sieve.share();
    course = last.course;
    if (last.peer != null) {
      peer = last.peer;
      peer.passTo(this);
      last.peer = null;
    } else if (isAssured()) {
      wantPeer();
    }
  }

  /** Sends a run of the client's datagrams to the backend, or what its filters leave of it. */
  public void request(Batch batch, int from, int n, long now) {
    if (sieve == null) {
      forward(batch, from, n, now);
    } else {
      int left = Sifting.requests(sieve, batch, from, n, lane, key, now);
      if (left > 0) {
        forward(batch, from, left, now);
      }
    }
  }

  private void forward(Batch batch, int from, int n, long now) {
    asked(batch, from, n, now);
    touch(now);
    if (held == null) {
      send(batch, from, n, now);
    } else {
      holdAndSend(held, batch, from, n, now);
    }
  }

  private void send(Batch batch, int from, int n, long now) {
    link.send(batch, from, n, lane.requests());
    if (lane.tap().isOn()) {
      lane.tap().sent(this, batch, from, n, now);
    }
  }

  private void holdAndSend(Held copies, Batch batch, int from, int n, long now) {
    if (!copies.add(batch, from, n)) {
      letGo(copies);
    }
    send(batch, from, n, now);
    if (held != null && held.isRefused()) {
      rescue(held, now);
    }
  }

  /**
   * The backend has refused what it has answered nothing of: another may do better, and once is
   * enough.
   */
  private void rescue(Held copies, long now) {
    Rescuer rescuer = lane.rescuer();
    Flow next = isUnassured() && rescuer != null ? rescuer.rescue(this, now) : null;
    if (next != null) {
      next.repeat(copies, now);
    }
    letGo(copies);
  }

  /** Sends what another flow has sent in vain, before anything else. */
  private void repeat(Held copies, long now) {
    Outbox outbox = lane.worker().outbox();
    outbox.flush();
    Batch batch = outbox.batch();
    copies.load(batch);
    int n = batch.filled();
    lane.repeats().received(batch.datagrams(0, n), batch.bytes(0, n));
    asked(batch, 0, n, now);
    touch(now);
    if (lane.tap().isOn()) {
      outbox.send(
          link, 0, n, lane.repeats(), (sent, slot) -> lane.tap().repeated(this, sent, slot));
    } else {
      outbox.send(link, 0, n, lane.repeats());
    }
    outbox.flush();
  }

  /** Nothing of it will be sent again. */
  private void letGo(Held copies) {
    held = null;
    copies.release();
    if (copies.isEvident()) {
      close(CloseReason.REFUSED);
    }
  }

  @Override
  public void readable() {
    relay();
  }

  /** Takes what replies there are, as far as there is room; returns how many slots they fill. */
  private int relay() {
    Outbox outbox = lane.worker().outbox();
    int from = outbox.receive(link);
    int n = outbox.batch().filled() - from;
    if (n > 0) {
      int strays = strays(outbox.batch(), from, n);
      if (lane.tap().isOn()) {
        lane.tap().arrived(this, outbox.batch(), from, n, strays);
      }
      if (strays < n) {
        reply(outbox, from + strays, n - strays, lane.table().clock().getAsLong());
      }
    }
    if (held != null && held.isRefused()) {
      rescue(held, lane.table().clock().getAsLong());
    }
    return n;
  }

  /** Books what is not the backend's; it fills the first slots. */
  private int strays(Batch batch, int from, int n) {
    int strays = link.strays(batch, from, n);
    if (strays > 0) {
      int datagrams = batch.datagrams(from, strays);
      lane.replies().received(datagrams, batch.bytes(from, strays));
      lane.replies().dropped(Drop.BAD_SOURCE, datagrams);
    }
    return strays;
  }

  /** The backend's datagrams are to go to the client. */
  private void reply(Outbox outbox, int from, int n, long now) {
    Batch batch = outbox.batch();
    answered(batch, from, n, now);
    if (held != null) {
      letGo(held);
    }
    touch(now);
    if (standing == Standing.UNASSURED && lane.table().assure(this)) {
      wantPeer();
    }
    UdpSocket via = lane.socket();
    if (peer == null) {
      key.answer(batch, from, n);
    } else {
      via = peer.socket();
    }
    int start = from;
    for (int slot = from; slot < from + n; slot++) {
      if (lane.isOversize(batch, slot, false, key) || isSifted(batch, slot, now)) {
        answer(outbox, via, start, slot);
        start = slot + 1;
      }
    }
    answer(outbox, via, start, from + n);
  }

  private void answer(Outbox outbox, UdpSocket via, int from, int end) {
    if (lane.tap().isOn()) {
      outbox.send(via, from, end, lane.replies(), this);
    } else {
      outbox.send(via, from, end, lane.replies());
    }
  }

  @Override
  public void left(Batch batch, int slot) {
    lane.tap().left(this, batch, slot);
  }

  /** Whether the filters leave nothing of a reply. */
  private boolean isSifted(Batch batch, int slot, long now) {
    return sieve != null && !Sifting.reply(sieve, batch, slot, lane, key, now);
  }

  private void touch(long now) {
    if (lane.table().isTouchDue(touchedAt, now)) {
      touchedAt = now;
      lane.table().touch(this, now);
    }
  }

  private void wantPeer() {
    if (lane.reception() != null) {
      lane.worker().chore(this::openPeer); // the batch in hand first
    }
  }

  private void openPeer() {
    Reception reception = lane.reception();
    if (isAssured() && peer == null && reception != null) {
      peer = PeerSocket.open(this, lane, reception);
    }
  }

  private void closePeer() {
    if (peer != null) {
      lane.worker().outbox().flush(); // before the socket it leaves by is gone
      peer.close();
      peer = null;
    }
  }

  @Override
  public void failed(int errno) {
    boolean evident = backend.refused(id);
    if (held != null) {
      held.refuse(evident); // to be heeded when the call that told is over
    } else if (evident) {
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
    lane.table().left(this, wasAssured);
    switch (reason) {
      case REFUSED, RESCUED, REHOMED -> {
        lane.worker().chore(this::closePeer);
        boolean waits = reason == CloseReason.REHOMED && isWaiting();
        lane.worker().after(waits ? LAST_REPLY_MILLIS : LINGER_MILLIS, () -> end(reason));
      }
      default -> lane.worker().chore(() -> end(reason));
    }
  }

  private void end(CloseReason reason) {
    for (int looks = 0; looks < LAST_LOOKS && relay() > 0; looks++) {
      // replies may have come in since
    }
    if (held != null) {
      letGo(held);
    }
    abandoned();
    lane.worker().outbox().flush();
    closePeer();
    lane.replies().overflowed(Integer.toUnsignedLong(link.kernelDrops()));
    link.close();
    if (sieve != null) {
      sieve.close();
    }
    backend.flowClosed();
    lane.flows().add(Lane.LIVE, -1);
    lane.table().ended(reason);
    lane.tap().ended(this, reason);
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

  /** Whether another backend should have it from the next datagram on. */
  public boolean isLeaving(long now) {
    return isStranded(now) || home() != null || isBehind() || isAstray();
  }

  /** Whether its front has gone over to another course, which it does not follow yet. */
  @SuppressWarnings("ReferenceEquality") // for every datagram
  public boolean isBehind() {
    return course != lane.course();
  }

  /** Whether its filters are no longer those of its front. */
  public boolean isSiftedByOthers() {
    return !course.filters().equals(lane.course().filters());
  }

  /** From now on it follows its lane's course. */
  public void catchUp() {
    course = lane.course();
  }

  /** From now on this decides what of its datagrams may pass; null: all may. */
  public void sift(@Nullable Sieve by) {
    if (sieve != null) {
      sieve.close();
    }
    sieve = by;
  }

  /** Whether its front has gone over to another pool. */
  public boolean isAstray() {
    return pool != lane.pool();
  }

  /** Whether its backend is down or to be left, or has been silent for too long. */
  public boolean isStranded(long now) {
    return waitedNs(now) >= backend.patienceNs();
  }

  /** Its own backend, if it is with another and may go back now; else null. */
  public @Nullable Backend home() {
    Backend own = home;
    return own != null && !isWaiting() && own.eligible() && own.patienceNs() == Long.MAX_VALUE
        ? own
        : null;
  }

  public long id() {
    return id;
  }

  /** What of its datagrams may pass; null: everything. */
  public @Nullable Sieve sieve() {
    return sieve;
  }

  public FlowKey key() {
    return key;
  }

  /** Whose backend that is. */
  String poolName() {
    return pool.name();
  }

  /** Where its backend's replies come to. */
  Address linkAddress() throws OsException {
    return link.localAddress();
  }

  /** The key that decided its first backend. */
  public long affinity() {
    return affinity;
  }

  /** Whose loop it lives on. */
  public Worker worker() {
    return lane.worker();
  }
}
