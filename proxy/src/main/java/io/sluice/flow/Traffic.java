package io.sluice.flow;

import io.sluice.metrics.Tally;
import io.sluice.net.Batch;
import io.sluice.pool.Backend;

/**
 * What a flow and its backend have exchanged, and when: counted on the flow's loop, for it and for
 * its backend; plain numbers to whoever looks from elsewhere.
 *
 * <p>A base class, where a part would be another object for each of a hundred thousand flows: 16
 * bytes more, and a line more to fetch for each datagram.
 */
sealed class Traffic permits Flow {
  final Lane lane;
  final Backend backend;
  private final long openedAt;
  private long seenAt;

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

  Traffic(Lane lane, Backend backend, long now) {
    this.lane = lane;
    this.backend = backend;
    openedAt = now;
    seenAt = now;
  }

  /** The client's datagrams go to the backend. */
  final void asked(Batch batch, int from, int n, long now) {
    int datagrams = batch.datagrams(from, n);
    long bytes = batch.bytes(from, n);
    requests += datagrams;
    requestBytes += bytes;
    int worker = lane.worker().index();
    Tally traffic = backend.traffic(worker);
    traffic.add(Backend.REQUESTS, datagrams);
    traffic.add(Backend.REQUEST_BYTES, bytes);
    if (askedAt != 0) {
      traffic.add(Backend.REPEATED, 1);
    } else if (lane.table().isTwoWay()) {
      askedAt = now;
      backend.asked(worker, now);
    }
    seenAt = now;
  }

  /** The backend's have come. */
  final void answered(Batch batch, int from, int n, long now) {
    int datagrams = batch.datagrams(from, n);
    long bytes = batch.bytes(from, n);
    lane.replies().received(datagrams, bytes);
    replies += datagrams;
    replyBytes += bytes;
    int worker = lane.worker().index();
    Tally traffic = backend.traffic(worker);
    traffic.add(Backend.REPLIES, datagrams);
    traffic.add(Backend.REPLY_BYTES, bytes);
    if (firstReplyNs < 0) {
      firstReplyNs = now - openedAt;
    }
    if (askedAt == 0) {
      backend.answered();
    } else {
      lane.latency().record(now - askedAt);
      // whatever was seen since it was asked was a request, too
      backend.answered(worker, askedAt, now, seenAt != askedAt);
      askedAt = 0;
    }
    seenAt = now;
  }

  /** What has not been answered will not be. */
  final void abandoned() {
    if (askedAt != 0) {
      backend.abandoned(lane.worker().index(), askedAt);
    }
  }

  /** Whether the client waits for a reply. */
  final boolean isWaiting() {
    return askedAt != 0;
  }

  /** How long the client has waited for a reply; 0 if it waits for none. */
  public final long waitedNs(long now) {
    return askedAt == 0 ? 0 : now - askedAt;
  }

  /** Whether nothing has come by for so long, and the client waits for nothing. */
  final boolean isQuiet(long now, long forNanos) {
    return now - seenAt >= forNanos && askedAt == 0;
  }

  public final Backend backend() {
    return backend;
  }

  /** When it was opened, by the table's clock. */
  public final long openedAt() {
    return openedAt;
  }

  /** When the last datagram came by, by the table's clock. */
  public final long seenAt() {
    return seenAt;
  }

  /** From its first request to its first reply; negative if there was none. */
  final long firstReplyNs() {
    return firstReplyNs;
  }

  /** Datagrams the client sent. */
  public final long requests() {
    return requests;
  }

  public final long requestBytes() {
    return requestBytes;
  }

  /** Datagrams the backend sent. */
  public final long replies() {
    return replies;
  }

  public final long replyBytes() {
    return replyBytes;
  }
}
