package io.sluice.flow;

/** Why a flow ended. */
public enum CloseReason {
  /** No datagram either way for {@code idle-timeout}. */
  IDLE,
  /** The backend did not answer within {@code unassured-timeout}. */
  UNASSURED,
  /** Not yet answered, and others needed the room: {@code unassured-max}. */
  EVICTED,
  /** Its backend is down, and there was no other to go to. */
  BACKEND_DOWN,
  /**
   * Its backend refused a datagram (ICMP); the client's next one opens a flow anew, and so further
   * evidence.
   */
  REFUSED,
  /**
   * Its backend refused before it had answered anything; another flow took its place, with another
   * backend, and sent again what the client had sent.
   */
  RESCUED,
  /**
   * Its backend is down, silent or to be left, or its own backend has come back: another flow took
   * its place.
   */
  REHOMED,
  /** Its client refused a datagram (ICMP); heard only where {@code peer-sockets = connected}. */
  CLIENT_GONE,
  /** A filter that came with another configuration refuses its client. */
  FILTERED,
  /** An operator ended it. */
  ENDED,
  /** Sluice stops, or its front or listen address is no longer configured. */
  STOPPED
}
