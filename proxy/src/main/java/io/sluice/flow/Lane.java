package io.sluice.flow;

import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Latency;
import io.sluice.metrics.Tally;
import io.sluice.net.Batch;
import io.sluice.net.Dialer;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import io.sluice.pool.Pool;
import org.jspecify.annotations.Nullable;

/**
 * What the flows of one listener share: the loop they live on, the socket their replies leave by,
 * the table they stand in, the course they follow, and the books.
 */
public final class Lane {
  /** Counter of {@link #flows}: those that have a socket now. */
  public static final int LIVE = 0;

  /** Counter of {@link #flows}: payload bytes that unassured flows hold, lest they be lost. */
  public static final int HELD_BYTES = 1;

  /** How many {@link #flows} counts. */
  public static final int COUNTERS = 2;

  private final Worker worker;
  private final UdpSocket socket;
  private final FlowTable table;
  private final Books books;
  private final Account requests;
  private final Account replies;
  private final @Nullable Reception reception;
  private final Rescuer rescuer;
  private final Tap tap;

  /** Its loop's, once that knows of it. */
  private Course course;

  /**
   * @param reception opens peer sockets for assured flows, where the course wants them
   * @param rescuer for flows whose pool lets requests be sent again
   * @param tap shows people what passes by
   */
  public Lane(
      Worker worker,
      UdpSocket socket,
      FlowTable table,
      Books books,
      @Nullable Reception reception,
      Rescuer rescuer,
      Tap tap,
      Course course) {
    this.worker = worker;
    this.socket = socket;
    this.table = table;
    this.books = books;
    this.requests = books.requests();
    this.replies = books.replies();
    this.reception = reception;
    this.rescuer = rescuer;
    this.tap = tap;
    this.course = course;
  }

  /** From now on it is this; on its loop. */
  public void follow(Course next) {
    assert worker.isHere() : "another course for worker " + worker.index() + " by another thread";
    course = next;
  }

  public Worker worker() {
    return worker;
  }

  public UdpSocket socket() {
    return socket;
  }

  public FlowTable table() {
    return table;
  }

  public Books books() {
    return books;
  }

  public Account requests() {
    return requests;
  }

  public Account replies() {
    return replies;
  }

  public Account repeats() {
    return books.repeats();
  }

  public Latency latency() {
    return books.latency();
  }

  public Tally flows() {
    return books.flows();
  }

  public Tap tap() {
    return tap;
  }

  /** On its loop. */
  public Course course() {
    return course;
  }

  Pool pool() {
    return course.pool();
  }

  Dialer dialer() {
    return course.dialer();
  }

  /** Null where all flows share the listener. */
  @Nullable Reception reception() {
    return course.peerSockets() ? reception : null;
  }

  /** Null where no request may be sent again. */
  @Nullable Rescuer rescuer() {
    return course.pool().repeatable() ? rescuer : null;
  }

  /** Whether what lies in a slot is short enough to be sent on, all of it. */
  boolean fits(Batch batch, int slot) {
    return batch.datagramBytes(slot) <= course.maxDatagramBytes() && !batch.truncated(slot);
  }

  /** Drops a client's datagrams that could be sent nowhere. */
  public void drop(Drop reason, Batch batch, int slot, FlowKey key) {
    drop(reason, true, batch, slot, 0, batch.datagrams(slot), key);
  }

  /**
   * Books so many datagrams of a slot, from one of them on, as dropped.
   *
   * @param request whether the client of {@code key} sent them, or is not to get them
   */
  void drop(
      Drop reason, boolean request, Batch batch, int slot, int from, int datagrams, FlowKey key) {
    (request ? requests : replies).dropped(reason, datagrams);
    if (tap.isOn()) {
      tap.dropped(reason, request, batch, slot, from, datagrams, key);
    }
  }

  /** Whether what lies in a slot is too long to be sent on; books what is dropped of it. */
  public boolean isOversize(Batch batch, int slot, boolean request, FlowKey key) {
    if (fits(batch, slot)) {
      return false;
    }
    int datagrams = batch.datagrams(slot);
    boolean lastFits = // of a train the last alone may be short enough
        datagrams > 1
            && batch.lastBytes(slot) <= course.maxDatagramBytes()
            && !batch.truncated(slot);
    int dropped = lastFits ? datagrams - 1 : datagrams;
    drop(Drop.OVERSIZE, request, batch, slot, 0, dropped, key);
    if (lastFits) {
      batch.keepLast(slot);
    }
    return !lastFits;
  }
}
