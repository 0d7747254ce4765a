package io.sluice.probe;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;

/** One way to ask a server whether it is alive. Used by many threads at once. */
@FunctionalInterface
public interface Probe {
  /**
   * Asks once, on a virtual thread, and returns if the server is well. Blocks no longer than {@code
   * timeout}; one that does is interrupted a little later.
   *
   * @throws LameDuck if it is well, but wants no new flows
   * @throws IOException if it is not; the message is the reason that an operator reads: short, and
   *     without secrets
   */
  void check(InetSocketAddress target, Duration timeout) throws IOException;
}
