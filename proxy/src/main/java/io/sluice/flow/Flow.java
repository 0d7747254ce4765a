package io.sluice.flow;

import io.sluice.filter.Sieve;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Tally;
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
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One client and its one backend, joined by a connected socket of their own.
 *
 * <p>Lives on its lane's loop: but for {@link #close} and the plain numbers shown to operators,
 * nothing here is touched elsewhere.
 *
 * <p>Longer than other files: its life from opening to end is one order of events over the same few
 * fields, which no other class may see.
 */
public final class Flow implements UdpSocket.Owner, Outbox.Witness {
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
  private final Lane lane;
  private final Backend backend;

  /** What its backend was dealt from. */
  private final Pool pool;

  /** What it follows; another than its lane's until its next datagram. */
  private Course course;

  private final Tally traffic;
  private final UdpSocket link;

  /** The key that decided its backend. */
  private final long affinity;

  private final long openedAt;
  private final boolean twoWay;
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

  /** Set by whoever closed it, before its loop is told. */
  private @Nullable CloseReason closeReason;

  private long seenAt;
  private long touchedAt;

  /**
   * When the oldest request that has had no reply since was sent; 0: none is waiting, or none is to
   * be answered.
   */
  private long askedAt;

  /** From its first request to its first reply; negative: there was none. */
  private long firstReplyNs = -1;

  private long requests;
  private long requestBytes;
  private long replies;
  private long replyBytes;

  Flow(
      FlowKey key,
      Lane lane,
      Backend backend,
      UdpSocket link,
      long affinity,
      boolean assured,
      long now) {
    this.key = key;
    this.lane = lane;
    this.backend = backend;
    pool = lane.pool();
    course = lane.course();
    this.traffic = backend.traffic(lane.worker().index());
    this.link = link;
    this.affinity = affinity;
    twoWay = !lane.table().limits().oneWay();
    standing = assured ? Standing.ASSURED : Standing.UNASSURED;
    held = assured || lane.rescuer() == null ? null : new Held(lane.flows());
    openedAt = now;
    seenAt = now;
    touchedAt = now;
  }

  /**
   * Opens a flow on the calling loop and enters it in the lane's table; returns the flow that
   * stands there: this one, or that of another loop that was first.
   *
   * @param affinity the key that decided the backend
   * @param sieve its own from now on if this flow is entered; null: everything may pass
   * @throws OsException when the kernel has no socket, port or route for it
   */
  public static Flow open(
      FlowKey key, Lane lane, Backend backend, long affinity, @Nullable Sieve sieve, long now)
      throws OsException {
    Flow flow = dial(key, lane, backend, affinity, lane.table().limits().oneWay(), now);
    flow.sieve = sieve;
    boolean entered = false;
    try {
      Flow first = lane.table().enter(flow);
      entered = first == null;
      return first == null ? flow : first;
    } finally {
      flow.begin(entered);
    }
  }

  private static Flow dial(
      FlowKey key, Lane lane, Backend backend, long affinity, boolean assured, long now)
      throws OsException {
    UdpSocket link = lane.dialer().dial(Address.of(backend.address()));
    boolean told = false;
    try {
      Flow flow = new Flow(key, lane, backend, link, affinity, assured, now);
      link.register(lane.worker(), flow);
      told = true;
      return flow;
    } finally {
      if (!told) {
        link.close();
      }
    }
  }

  private void begin(boolean entered) {
    if (entered) {
      backend.flowOpened();
      lane.flows().add(Lane.LIVE, 1);
    } else {
      link.close();
    }
  }

  /**
   * Opens a flow with another backend that takes this one's place, standing and peer socket; on its
   * loop. This one ends, for that reason. Returns null if it had ended already.
   *
   * @param decidedBy the key that decided on that backend
   * @throws OsException when the kernel has no socket, port or route for it; all stays as it was
   */
  public @Nullable Flow succeed(Backend other, long decidedBy, CloseReason reason, long now)
      throws OsException {
    Flow next = dial(key, lane, other, decidedBy, isAssured(), now);
    if (reason == CloseReason.RESCUED) {
      next.held = null; // once is enough
    } else if (lane.table().limits().rehomeReturn() && !isAstray()) {
      Backend own = home == null ? backend : home;
      next.home = own == other ? null : own;
    }
    boolean entered = false;
    try {
      entered = lane.table().succeed(this, next, reason);
    } finally {
      next.begin(entered);
    }
    if (!entered) {
      return null;
    }
    next.sieve = sieve == null ? null : sieve.share();
    next.course = course;
    if (peer != null) {
      peer.passTo(next);
      next.peer = peer;
      peer = null;
    } else if (next.isAssured()) {
      next.wantPeer();
    }
    return next;
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

  private void asked(Batch batch, int from, int n, long now) {
    int datagrams = batch.datagrams(from, n);
    long bytes = batch.bytes(from, n);
    requests += datagrams;
    requestBytes += bytes;
    traffic.add(Backend.REQUESTS, datagrams);
    traffic.add(Backend.REQUEST_BYTES, bytes);
    if (askedAt != 0) {
      traffic.add(Backend.REPEATED, 1);
    } else if (twoWay) {
      askedAt = now;
      backend.asked(lane.worker().index(), now);
    }
    seen(now);
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
    int datagrams = batch.datagrams(from, n);
    long bytes = batch.bytes(from, n);
    lane.replies().received(datagrams, bytes);
    replies += datagrams;
    replyBytes += bytes;
    traffic.add(Backend.REPLIES, datagrams);
    traffic.add(Backend.REPLY_BYTES, bytes);
    answered(now);
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

  private void answered(long now) {
    if (firstReplyNs < 0) {
      firstReplyNs = now - openedAt;
    }
    if (askedAt == 0) {
      backend.answered();
    } else {
      lane.latency().record(now - askedAt);
      // whatever was seen since it was asked was a request, too
      backend.answered(lane.worker().index(), askedAt, now, seenAt != askedAt);
      askedAt = 0;
    }
    if (held != null) {
      letGo(held);
    }
    seen(now);
    if (standing == Standing.UNASSURED && lane.table().assure(this)) {
      wantPeer();
    }
  }

  private void seen(long now) {
    seenAt = now;
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
    closeReason = reason;
    lane.table().left(this, wasAssured);
    switch (reason) {
      case REFUSED, RESCUED, REHOMED -> {
        lane.worker().chore(this::closePeer);
        boolean waits = reason == CloseReason.REHOMED && askedAt != 0;
        lane.worker().after(waits ? LAST_REPLY_MILLIS : LINGER_MILLIS, this::end);
      }
      default -> lane.worker().chore(this::end);
    }
  }

  private void end() {
    for (int looks = 0; looks < LAST_LOOKS && relay() > 0; looks++) {
      // replies may have come in since
    }
    if (held != null) {
      letGo(held);
    }
    if (askedAt != 0) {
      backend.abandoned(lane.worker().index(), askedAt);
    }
    lane.worker().outbox().flush();
    closePeer();
    lane.replies().overflowed(Integer.toUnsignedLong(link.kernelDrops()));
    link.close();
    if (sieve != null) {
      sieve.close();
    }
    backend.flowClosed();
    lane.flows().add(Lane.LIVE, -1);
    CloseReason reason = Objects.requireNonNull(closeReason);
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

  /** Whether nothing has come by for so long, and the client waits for nothing. */
  boolean isQuiet(long now, long forNanos) {
    return now - seenAt >= forNanos && askedAt == 0;
  }

  /** How long the client has waited for a reply; 0 if it waits for none. */
  public long waitedNs(long now) {
    return askedAt == 0 ? 0 : now - askedAt;
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
    return own != null && askedAt == 0 && own.eligible() && own.patienceNs() == Long.MAX_VALUE
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

  public Backend backend() {
    return backend;
  }

  /** Whose backend that is. */
  String poolName() {
    return pool.name();
  }

  /** Where its backend's replies come to. */
  Address linkAddress() throws OsException {
    return link.localAddress();
  }

  /** From its first request to its first reply; negative if there was none. */
  long firstReplyNs() {
    return firstReplyNs;
  }

  /** The key that decided its first backend. */
  public long affinity() {
    return affinity;
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
