package io.sluice.metrics;

/**
 * Why a datagram was not sent on. Closed: every datagram that is not forwarded is counted under
 * exactly one of these.
 */
public enum Drop {
  /** Longer than the front's {@code max-datagram}, or than the way out allows. */
  OVERSIZE,
  /**
   * Of a request: source port 0, or a multicast, broadcast or unspecified source address, so it
   * cannot be answered. Of a reply: it came from somebody else than the backend.
   */
  BAD_SOURCE,
  /** The front has {@code flows.max} assured flows. */
  FLOW_LIMIT,
  /** More new flows than {@code flows.new-per-second}. */
  FLOW_RATE,
  /** No eligible backend, and {@code when-none-eligible = drop}. */
  NO_BACKEND,
  /** No local port is left for another link to this backend. */
  NO_PORT,
  /** No file descriptor, or no kernel memory, is left for another link. */
  NO_FD,
  /** A filter refused it. */
  FILTER,
  /** The kernel's send buffer or device queue is full; Sluice never queues. */
  BACKPRESSURE,
  /** The kernel has no way to the destination, forbids it, or the backend refused it twice. */
  UNREACHABLE,
  /** The other worker, whose flow it belongs to, has its hand-over queue full. */
  HANDOVER,
  /** It would have opened a flow while Sluice is stopping. */
  DRAINING,
  /** A bug of ours or of a plug-in; the log has its stack trace. */
  FAULT
}
