package io.sluice.trace;

import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import org.jspecify.annotations.Nullable;

/**
 * A datagram as it was seen at one side of the appliance.
 *
 * @param atNanos by the clock of the loops
 * @param side {@code front/NAME} or {@code pool/NAME}
 * @param inbound whether it came in there
 * @param bytes payload bytes it had
 * @param payload the first of them
 * @param datagrams 1; more where this one stands for a train of such
 * @param drop why it went no further; null: it did
 * @param flow whose it was; 0 if nobody's
 * @param backend that flow's; null if it is nobody's
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record Sighting(
    long atNanos,
    String side,
    boolean inbound,
    Address from,
    Address to,
    int bytes,
    byte[] payload,
    int datagrams,
    @Nullable Drop drop,
    long flow,
    @Nullable String backend) {

  /** What it is to be known by, for a person. */
  String note() {
    StringBuilder note = new StringBuilder();
    if (flow != 0) {
      note.append("flow ").append(flow).append(", backend ").append(backend);
    }
    if (datagrams > 1) {
      note.append(note.isEmpty() ? "" : ", ").append("the first of a train of ").append(datagrams);
    }
    return note.toString();
  }
}
