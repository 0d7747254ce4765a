package io.sluice.net;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** The way out from one local address to one backend: no two links to it leave from one port. */
final class Outlet {
  /** Each try at a port that somebody else has takes some 3 us. */
  private static final int TRIES = 32;

  /** Of so many ports given back, one that somebody else had is tried again. */
  private static final int RETRY_EVERY = 16;

  private final Source source;
  private final Address peer;
  private final Fds fds;
  private final PortQueue free;

  /** Ports that somebody else had when they were tried. */
  private final Queue<Integer> foreign = new ConcurrentLinkedQueue<>();

  Outlet(Source source, Address peer, char[] ports, Fds fds) {
    this.source = source;
    this.peer = peer;
    this.fds = fds;
    free = new PortQueue(ports);
  }

  /** Ports left; that others have some of them turns out when they are tried. */
  int free() {
    return free.size();
  }

  /** Whether of so many ports none is in use. */
  boolean isIdle(int ports) {
    return free.size() + foreign.size() == ports;
  }

  Source source() {
    return source;
  }

  Address peer() {
    return peer;
  }

  /**
   * Opens a link, for which its caller has taken a file descriptor; null when there is no port for
   * it.
   *
   * @throws OsException when there is one, and the system refuses all the same
   */
  @Nullable UdpSocket dial() throws OsException {
    for (int tries = 0; tries < TRIES; tries++) {
      int port = free.take();
      if (port == PortQueue.NONE) {
        Integer retry = tries == 0 ? foreign.poll() : null;
        if (retry == null) {
          return null;
        }
        tries = TRIES;
        port = retry;
      }
      UdpSocket link = dial(port);
      if (link != null) {
        return link;
      }
    }
    return null;
  }

  private @Nullable UdpSocket dial(int port) throws OsException {
    UdpSocket link = open(port);
    link.queueErrors();
    int result = source.bind(link, port);
    if (result == 0) {
      result = link.tryConnect(peer);
      if (result == 0) {
        link.leftBy(this, port);
        return link;
      }
      source.leave(port);
    }
    link.close();
    if (result == -Errno.EADDRINUSE) {
      foreign.add(port);
    } else {
      free.give(port);
    }
    if (result < 0 && result != -Errno.EADDRINUSE) {
      throw new OsException(
          "cannot open a UDP socket from " + source.address() + " to " + peer, -result);
    }
    return null;
  }

  private UdpSocket open(int port) throws OsException {
    try {
      return UdpSocket.openFor(source.address());
    } catch (OsException e) {
      free.give(port);
      throw e;
    }
  }

  /** A link is about to be closed. */
  void closing(int port) {
    source.leave(port);
  }

  /** A link has been closed: only now may another have its port, and its descriptor. */
  void closed(int port) {
    fds.giveBack();
    if (free.give(port) % RETRY_EVERY == 0) {
      Integer retry = foreign.poll();
      if (retry != null) {
        free.give(retry);
      }
    }
  }
}
