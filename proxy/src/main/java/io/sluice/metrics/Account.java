package io.sluice.metrics;

/**
 * The books of one direction of one front on one event loop: every datagram received ends as
 * forwarded, as dropped for one reason, or is handed over to another loop, whose books take it from
 * there.
 *
 * <p>Written by its loop, read by any thread; conserved when summed over all loops: {@code received
 * = forwarded + dropped + (handed - taken)}.
 */
public final class Account {
  private static final int RECEIVED = 0;
  private static final int BYTES = 1;
  private static final int FORWARDED = 2;
  private static final int HANDED = 3;
  private static final int TAKEN = 4;
  private static final int OVERFLOWED = 5;
  private static final int DROPPED = 6;

  private final Tally tally = new Tally(DROPPED + Drop.values().length);

  /** {@code n} datagrams of together {@code bytes} payload bytes came in. */
  public void received(int n, long bytes) {
    tally.add(RECEIVED, n);
    tally.add(BYTES, bytes);
  }

  /** {@code n} datagrams were given to the kernel. */
  public void forwarded(int n) {
    tally.add(FORWARDED, n);
  }

  /** {@code n} datagrams were not sent on. */
  public void dropped(Drop reason, int n) {
    tally.add(DROPPED + reason.ordinal(), n);
  }

  /** {@code n} datagrams went into another loop's hand-over queue. */
  public void handed(int n) {
    tally.add(HANDED, n);
  }

  /** {@code n} datagrams came out of this loop's hand-over queue. */
  public void taken(int n) {
    tally.add(TAKEN, n);
  }

  /** The kernel dropped {@code n} datagrams that never came in, as a buffer was full. */
  public void overflowed(long n) {
    tally.add(OVERFLOWED, n);
  }

  /** Datagrams the kernel dropped before they came in; in no other count. */
  public long overflowed() {
    return tally.get(OVERFLOWED);
  }

  public long received() {
    return tally.get(RECEIVED);
  }

  public long bytes() {
    return tally.get(BYTES);
  }

  public long forwarded() {
    return tally.get(FORWARDED);
  }

  public long dropped(Drop reason) {
    return tally.get(DROPPED + reason.ordinal());
  }

  /** Datagrams that went into other loops' hand-over queues. */
  public long handOvers() {
    return tally.get(HANDED);
  }

  /**
   * Handed to other loops less taken from them; only the sum over all loops means anything: what is
   * under way between them.
   */
  public long underWay() {
    return tally.get(HANDED) - tally.get(TAKEN);
  }
}
