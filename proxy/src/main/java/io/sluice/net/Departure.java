package io.sluice.net;

import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;

/** How slots of a batch leave by a socket: in order, each booked as forwarded or dropped. */
final class Departure {
  private Departure() {}

  /**
   * Sends slots {@code from} to {@code end - 1}. What the kernel does not take at once is dropped:
   * UDP is never queued.
   *
   * <p>A connected socket reports an error of an earlier datagram instead of sending this one: so
   * each is tried once again. Should an error arrive while several are sent, the kernel says only
   * how many went before it, and not which error; the rest is sent then.
   *
   * @param largest trains of larger datagrams are sent one by one
   */
  static void send(UdpSocket via, Batch batch, int from, int end, int largest, Account account) {
    int slot = from;
    int retried = -1;
    while (slot < end) {
      if (batch.segmentBytes(slot) > largest) {
        sendApart(via, batch, slot++, account);
        continue;
      }
      int next = batch.send(via.number(), slot, end, largest);
      if (next > slot) {
        account.forwarded(batch.datagrams(slot, next - slot));
        slot = next;
      } else if (via.isConnected() && retried != slot && Errno.mayBePending(-next)) {
        via.tell(-next);
        retried = slot;
      } else if (isTrainRefused(batch, slot, -next)) {
        int last = batch.failedEnd();
        via.expectRefusal(batch.datagramBytes(slot), -next);
        send(via, batch, slot, last, 0, account);
        slot = last;
      } else {
        Drop reason = Errno.ofSend(-next);
        // A full buffer will not take the others either.
        int last = reason == Drop.BACKPRESSURE ? end : batch.failedEnd();
        batch.drop(slot, last, reason, account);
        slot = last;
      }
    }
  }

  /** Whether what failed was a train that its route or device cannot part. */
  private static boolean isTrainRefused(Batch batch, int slot, int errno) {
    boolean train = batch.failedEnd() > slot + 1 || batch.segmentBytes(slot) > 0;
    return train && Errno.isOfSegmentation(errno);
  }

  /** Sends the datagrams of a train one by one. */
  private static void sendApart(UdpSocket via, Batch batch, int slot, Account account) {
    int datagrams = batch.datagrams(slot);
    for (int first = 0; first < datagrams; ) {
      Batch parts = batch.parts(slot, first);
      send(via, parts, 0, parts.filled(), 0, account);
      first += parts.filled();
      for (int part = 0; part < parts.filled(); part++) {
        Drop reason = parts.dropped(part);
        if (reason != null) {
          batch.lost(slot, reason);
        }
      }
    }
  }
}
