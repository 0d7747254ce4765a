package io.sluice.flow;

import io.netty.buffer.ByteBuf;
import io.sluice.filter.Sieve;
import io.sluice.metrics.Drop;
import io.sluice.net.Batch;

/**
 * Takes out of a batch what a flow's filters refuse, datagram by datagram; what is left of a train
 * still leaves as one.
 */
final class Sifting {
  private Sifting() {}

  /**
   * Leaves of a run what may go to the backend, in its first slots, so that it is a run still;
   * returns how many.
   */
  static int requests(Sieve sieve, Batch batch, int from, int n, Lane lane, FlowKey key, long now) {
    int left = from;
    for (int slot = from; slot < from + n; slot++) {
      if (sift(sieve, true, batch, slot, lane, key, now)) {
        if (slot != left) {
          batch.move(slot, left);
        }
        left++;
      }
    }
    return left - from;
  }

  /** Leaves of a slot what may go to the client; false if that is nothing. */
  static boolean reply(Sieve sieve, Batch batch, int slot, Lane lane, FlowKey key, long now) {
    return sift(sieve, false, batch, slot, lane, key, now);
  }

  private static boolean sift(
      Sieve sieve, boolean request, Batch batch, int slot, Lane lane, FlowKey key, long now) {
    int datagrams = batch.datagrams(slot);
    int left = 0;
    int end = 0;
    for (int i = 0; i < datagrams; i++) {
      ByteBuf payload = batch.datagram(slot, i);
      Drop refusal = request ? sieve.request(payload, now) : sieve.reply(payload, now);
      if (refusal == null) {
        left++;
        end = batch.keep(slot, i, end);
      } else {
        lane.drop(refusal, request, batch, slot, i, 1, key);
      }
    }
    if (left < datagrams) {
      batch.end(slot, end);
    }
    return left > 0;
  }
}
