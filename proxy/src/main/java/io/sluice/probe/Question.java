package io.sluice.probe;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/** One check of a protocol that asks by a datagram: made for it, and gone with it. */
interface Question {
  byte[] datagram();

  /**
   * Whether this is the answer. One that is not, or ends before one can tell (reading beyond it
   * throws), is a stray, and the wait goes on.
   *
   * @param datagram from the address that was asked; big-endian
   * @throws IOException if it is the answer, but not that of a healthy server
   */
  boolean isAnsweredBy(ByteBuffer datagram) throws IOException;

  /** Whether a server that says nothing is well. */
  default boolean mayGoUnanswered() {
    return false;
  }

  /** A protocol: asks anew for every check. */
  @FunctionalInterface
  interface Protocol {
    Question ask(InetSocketAddress from, InetSocketAddress target);
  }
}
