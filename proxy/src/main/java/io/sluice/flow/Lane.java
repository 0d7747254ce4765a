package io.sluice.flow;

import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Latency;
import io.sluice.metrics.Tally;
import io.sluice.net.Batch;
import io.sluice.net.Dialer;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import org.jspecify.annotations.Nullable;

/**
 * What the flows of one listener share: the loop they live on, the socket their replies leave by,
 * the table they stand in, who opens their links, and the books.
 *
 * @param maxDatagramBytes longer datagrams are dropped, either way
 * @param repeats what was sent to another backend again: no datagram received is in these books
 * @param latency time from a request to the next reply
 * @param flows {@link #LIVE} and {@link #HELD_BYTES}
 * @param reception opens peer sockets for assured flows; null where all share the listener
 * @param rescuer null where no request may be sent again
 * @param pool whose backends the flows have
 * @param tap shows people what passes by
 */
public record Lane(
    Worker worker,
    UdpSocket socket,
    FlowTable table,
    Dialer dialer,
    int maxDatagramBytes,
    Account requests,
    Account replies,
    Account repeats,
    Latency latency,
    Tally flows,
    @Nullable Reception reception,
    @Nullable Rescuer rescuer,
    String pool,
    Tap tap) {

  /** Counter of {@link #flows}: those that have a socket now. */
  public static final int LIVE = 0;

  /** Counter of {@link #flows}: payload bytes that unassured flows hold, lest they be lost. */
  public static final int HELD_BYTES = 1;

  /** How many {@link #flows} counts. */
  public static final int COUNTERS = 2;

  /** Whether what lies in a slot is short enough to be sent on, all of it. */
  boolean fits(Batch batch, int slot) {
    return batch.datagramBytes(slot) <= maxDatagramBytes && !batch.truncated(slot);
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
        datagrams > 1 && batch.lastBytes(slot) <= maxDatagramBytes && !batch.truncated(slot);
    int dropped = lastFits ? datagrams - 1 : datagrams;
    drop(Drop.OVERSIZE, request, batch, slot, 0, dropped, key);
    if (lastFits) {
      batch.keepLast(slot);
    }
    return !lastFits;
  }
}
