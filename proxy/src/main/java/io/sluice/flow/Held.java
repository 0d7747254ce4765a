package io.sluice.flow;

import io.sluice.metrics.Tally;
import io.sluice.net.Batch;
import java.util.ArrayList;
import java.util.List;

/**
 * All that the client of an unassured flow has sent so far, in order, to be sent again should its
 * backend refuse: all or nothing, for a part would arrive without what came before it.
 */
final class Held {
  /** A client that has had no answer hardly says more; QUIC's first flight is one to three. */
  private static final int MOST_DATAGRAMS = 4;

  private static final int MOST_BYTES = 4 << 10;

  /** What all flows of a lane may hold together. */
  private static final long LANE_BYTES = 4 << 20;

  /** Of a slot. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Copy(byte[] payload, int segmentBytes) {}

  private final Tally books;
  private final List<Copy> copies = new ArrayList<>(1);
  private int datagrams;
  private int bytes;
  private boolean refused;
  private boolean evident;

  /**
   * @param books where {@link Lane#HELD_BYTES} are counted
   */
  Held(Tally books) {
    this.books = books;
  }

  /** Adds a run; false if that is more than may be held: then it is good for nothing. */
  boolean add(Batch batch, int from, int n) {
    long more = batch.bytes(from, n);
    datagrams += batch.datagrams(from, n);
    if (datagrams > MOST_DATAGRAMS
        || bytes + more > MOST_BYTES
        || books.get(Lane.HELD_BYTES) + more > LANE_BYTES) {
      return false;
    }
    bytes += (int) more;
    books.add(Lane.HELD_BYTES, more);
    for (int slot = from; slot < from + n; slot++) {
      copies.add(new Copy(batch.copy(slot), batch.segmentBytes(slot)));
    }
    return true;
  }

  /** Puts all of it into an empty batch. */
  void load(Batch batch) {
    for (Copy copy : copies) {
      batch.add(copy.payload, copy.segmentBytes);
    }
  }

  /** The backend has refused some of it. */
  void refuse(boolean isEvident) {
    refused = true;
    evident |= isEvident;
  }

  boolean isRefused() {
    return refused;
  }

  /** Whether a refusal was evidence against the backend. */
  boolean isEvident() {
    return evident;
  }

  /** Gives its room back; it is good for nothing from now on. */
  void release() {
    books.add(Lane.HELD_BYTES, -bytes);
    bytes = 0;
    copies.clear();
  }
}
