package io.sluice.flow;

import io.sluice.metrics.Account;
import io.sluice.metrics.Latency;
import io.sluice.metrics.Tally;

/**
 * What is counted of one listener's datagrams and flows, on its loop.
 *
 * @param repeats what was sent to another backend again: no datagram received is in these books
 * @param latency time from a request to the next reply
 * @param flows {@link Lane#LIVE} and {@link Lane#HELD_BYTES}
 */
public record Books(
    Account requests, Account replies, Account repeats, Latency latency, Tally flows) {
  public Books() {
    this(new Account(), new Account(), new Account(), new Latency(), new Tally(Lane.COUNTERS));
  }
}
