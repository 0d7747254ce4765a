package io.sluice.flow;

import io.sluice.net.Batch;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import org.jspecify.annotations.Nullable;

/** What a front does for the peer sockets of its flows; all of it on the loop of the flow. */
public interface Reception {
  /**
   * Opens a socket that is bound to the address a client used and connected to it, and registers
   * it; null when there is none to be had now.
   */
  @Nullable UdpSocket accept(FlowKey key, Worker worker, UdpSocket.Owner owner);

  /**
   * Relays datagrams as if they had come in by a listener on this loop.
   *
   * @param to whose listen address, and local address, they were sent to
   */
  void relay(Batch batch, int from, int n, FlowKey to, Worker worker);

  /**
   * Does something once every listener of a listen address has been read past what it holds now,
   * and what was handed over is with this loop.
   */
  void afterBacklog(int listener, Worker worker, Runnable then);

  /** Closes a socket it has given. */
  void close(UdpSocket socket);
}
