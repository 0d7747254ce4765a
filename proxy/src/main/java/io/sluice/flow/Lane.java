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
 * @param latency time from a request to the next reply
 * @param flows one counter: those that have a socket now
 * @param reception opens peer sockets for assured flows; null where all share the listener
 */
public record Lane(
    Worker worker,
    UdpSocket socket,
    FlowTable table,
    Dialer dialer,
    int maxDatagramBytes,
    Account requests,
    Account replies,
    Latency latency,
    Tally flows,
    @Nullable Reception reception) {

  /** Whether what lies in a slot is short enough to be sent on, all of it. */
  boolean fits(Batch batch, int slot) {
    return batch.datagramBytes(slot) <= maxDatagramBytes && !batch.truncated(slot);
  }

  /** Whether what lies in a slot is too long to be sent on; books what is dropped of it. */
  public boolean isOversize(Batch batch, int slot, Account account) {
    if (fits(batch, slot)) {
      return false;
    }
    int before = batch.datagrams(slot);
    batch.keepLast(slot); // of a train the last alone may be short enough
    boolean fits = fits(batch, slot);
    account.dropped(Drop.OVERSIZE, fits ? before - 1 : before);
    return !fits;
  }
}
