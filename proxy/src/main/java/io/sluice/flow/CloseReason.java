package io.sluice.flow;

/** Why a flow ended. */
public enum CloseReason {
  /** No datagram either way for {@code idle-timeout}. */
  IDLE,
  /** The backend did not answer within {@code unassured-timeout}. */
  UNASSURED,
  /** Not yet answered, and others needed the room: {@code unassured-max}. */
  EVICTED,
  /**
   * Its backend is no longer eligible; the client's next datagram opens a flow with another one.
   */
  BACKEND_DOWN,
  /**
   * Its backend refused a datagram (ICMP); the client's next one opens a flow anew, and so further
   * evidence.
   */
  REFUSED,
  /** Its client refused a datagram (ICMP); heard only where {@code peer-sockets = connected}. */
  CLIENT_GONE,
  /** Sluice stops. */
  STOPPED
}
