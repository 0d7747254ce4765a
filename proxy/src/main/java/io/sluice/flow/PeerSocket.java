package io.sluice.flow;

import io.sluice.net.Batch;
import io.sluice.net.UdpSocket;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A flow's own front socket: bound to the address its client sent to, connected to that client
 * (docs/adr/0009).
 *
 * <p><em>Order.</em> A client's datagrams go to the listener until this socket is connected, and
 * come here from then on. The kernel brings those of one client one after the other, so when the
 * first is here, all earlier ones lie in the queues of listeners or have been handed over to this
 * loop. Hence nothing here is relayed until every listener has been read, by whoever reads it then,
 * past what it held after that first one came: only then are all earlier ones gone. A client that
 * sends nothing more costs no such wait.
 *
 * <p><em>Strangers.</em> Between bind and connect the socket may catch what other clients sent to
 * the same address; a datagram that the kernel was just then finding a socket for may even come a
 * moment later. So the sender of each is looked at, and strangers' go the way of every datagram of
 * a listener.
 *
 * <p><em>The end.</em> The socket is first turned away from its client, whose next datagrams find
 * the listener again, and then read to the end.
 */
final class PeerSocket implements UdpSocket.Owner {
  /** Batches that may lie in a full receive buffer, and some more. */
  private static final int LAST_LOOKS = 1_024;

  private enum Stage {
    /** Nothing has come yet. */
    FRESH,
    /** Something has, and waits for what is older. */
    WAITING,
    OPEN
  }

  private final Lane lane;
  private final Reception reception;

  /**
   * What the client sent and came before this socket was sorted out: each loads the batch again.
   */
  private final List<Runnable> early = new ArrayList<>(0);

  private Flow flow;
  private Stage stage = Stage.FRESH;

  @SuppressWarnings("NullAway.Init") // by open()
  private UdpSocket socket;

  private PeerSocket(Flow flow, Lane lane, Reception reception) {
    this.flow = flow;
    this.lane = lane;
    this.reception = reception;
  }

  /** Opens one, or returns null when there is none to be had now. */
  static @Nullable PeerSocket open(Flow flow, Lane lane, Reception reception) {
    PeerSocket peer = new PeerSocket(flow, lane, reception);
    UdpSocket socket = reception.accept(flow.key(), lane.worker(), peer);
    if (socket == null) {
      return null;
    }
    peer.socket = socket;
    peer.sortOut();
    return peer;
  }

  /** Strangers' datagrams go on at once; the client's have older ones to wait for. */
  private void sortOut() {
    Batch batch = lane.worker().batch();
    int n;
    for (int looks = 0; looks < LAST_LOOKS && (n = take(batch)) > 0; looks++) {
      for (int slot = 0; slot < n; slot++) {
        if (flow.key().isFrom(batch, slot)) {
          byte[] payload = batch.copy(slot);
          int segmentBytes = batch.segmentBytes(slot);
          early.add(() -> flow.key().load(batch, payload, segmentBytes));
        } else {
          reception.relay(batch, slot, 1, flow.key(), lane.worker());
        }
      }
    }
    if (!early.isEmpty()) {
      waitForOlder();
    }
  }

  private void waitForOlder() {
    stage = Stage.WAITING;
    socket.pause();
    reception.afterBacklog(flow.key().listener(), lane.worker(), this::goOn);
  }

  private void goOn() {
    if (socket.isOpen()) {
      relayEarly();
      stage = Stage.OPEN;
      socket.resume();
    }
  }

  private void relayEarly() {
    Batch batch = lane.worker().batch();
    for (Runnable load : early) {
      load.run();
      relay(batch, 1);
    }
    early.clear();
  }

  @Override
  public void readable() {
    switch (stage) {
      case FRESH -> waitForOlder();
      case WAITING -> {} // an ICMP error wakes us even so; it keeps
      case OPEN -> receive();
    }
  }

  /** Relays one batch of requests; returns how many slots they filled. */
  private int receive() {
    Batch batch = lane.worker().batch();
    int n = take(batch);
    if (n > 0) {
      relay(batch, n);
    }
    return n;
  }

  private int take(Batch batch) {
    batch.clear();
    int n = socket.receive(batch);
    if (n > 0) {
      lane.requests().received(batch.datagrams(0, n), batch.bytes(0, n));
    }
    return n;
  }

  /** The plain case goes straight to the flow, without guard or look-up. */
  private void relay(Batch batch, int n) {
    long now = lane.table().clock().getAsLong();
    if (flow.isAssured() && !flow.isLeaving(now) && isPlain(batch, n)) {
      lane.table().tick(now);
      flow.request(batch, 0, n, now);
    } else {
      reception.relay(batch, 0, n, flow.key(), lane.worker());
    }
  }

  /** Whether all of a batch is the client's, and fit to be relayed. */
  private boolean isPlain(Batch batch, int n) {
    for (int slot = 0; slot < n; slot++) {
      if (!lane.fits(batch, slot) || !flow.key().isFrom(batch, slot)) {
        return false;
      }
    }
    return true;
  }

  @Override
  public void failed(int errno) {
    flow.close(CloseReason.CLIENT_GONE);
  }

  UdpSocket socket() {
    return socket;
  }

  /** From now on it is that of the flow that takes the place of its flow, on the same loop. */
  void passTo(Flow successor) {
    flow = successor;
  }

  /** Relays all that has come in, as the beginning of another flow if need be, and closes. */
  void close() {
    socket.turnAway();
    relayEarly();
    for (int looks = 0; looks < LAST_LOOKS && receive() > 0; looks++) {
      // the flow has ended: what was still here goes the way of a listener's datagrams
    }
    lane.requests().overflowed(Integer.toUnsignedLong(socket.kernelDrops()));
    reception.close(socket);
  }
}
