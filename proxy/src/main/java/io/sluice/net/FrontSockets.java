package io.sluice.net;

import java.lang.foreign.Arena;

/** Opens the sockets that share a front's address. */
public final class FrontSockets {
  private FrontSockets() {}

  /**
   * Makes sure that nobody else has an address, and returns it with the port the kernel chose if it
   * had none. To {@link #listen} beside another process that shares its port would succeed, and
   * each would get some of the clients; port 0 could give a port that another listener of ours has.
   */
  public static Address claim(Address address) throws OsException {
    UdpSocket socket = UdpSocket.openFor(address);
    try {
      socket.bind(address);
      return socket.localAddress();
    } finally {
      socket.close();
    }
  }

  /**
   * Opens one of several sockets that share an address: the kernel deals clients to them by a hash
   * of the 4-tuple.
   *
   * @param bufferBytes wanted size of each kernel buffer; the system's limit may grant less
   */
  public static UdpSocket listen(Address address, int bufferBytes) throws OsException {
    UdpSocket socket = UdpSocket.openFor(address);
    try {
      share(socket, bufferBytes);
      if (address.isWildcard()) { // several local addresses: learn which one a client used
        if (address.isIpv6()) {
          SocketOptions.set(
              socket.number(), Linux.SOL_IPV6, Linux.IPV6_RECVPKTINFO, 1, "IPV6_RECVPKTINFO");
        } else {
          SocketOptions.set(socket.number(), Linux.SOL_IP, Linux.IP_PKTINFO, 1, "IP_PKTINFO");
        }
      }
      socket.bind(address);
      return socket;
    } catch (OsException e) {
      socket.close();
      throw e;
    }
  }

  /**
   * From now on clients are dealt to the first {@code n} sockets that {@link #listen} on the
   * address of {@code one} of them, whichever else come to share it (docs/adr/0009).
   */
  public static void dealToFirst(int n, UdpSocket one) throws OsException {
    try (Arena arena = Arena.ofConfined()) {
      int result =
          Linux.setsockopt(
              one.number(),
              Linux.SOL_SOCKET,
              Linux.SO_ATTACH_REUSEPORT_CBPF,
              Dealer.program(arena, one.isIpv6(), n));
      if (result < 0) {
        throw new OsException("cannot set SO_ATTACH_REUSEPORT_CBPF", -result);
      }
    }
  }

  /** Whether clients could be dealt so, found out on a socket of its own; fails if not. */
  public static void tryToDeal(int n, Address address) throws OsException {
    UdpSocket socket = UdpSocket.openFor(address);
    try {
      SocketOptions.set(socket.number(), Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1, "SO_REUSEPORT");
      dealToFirst(n, socket);
    } finally {
      socket.close();
    }
  }

  /**
   * Opens a socket beside those that {@link #listen} on {@code local}, or on the wildcard, for one
   * client alone: the kernel prefers it for what that client sends. Until it knows the client it
   * may catch what others send, so whoever gets it must look at once for whom it has something.
   *
   * <p>All that can run out is asked for first: once bound it does not fail for want of anything.
   */
  public static UdpSocket accept(
      Address local, Address client, int bufferBytes, Worker worker, UdpSocket.Owner owner)
      throws OsException {
    UdpSocket socket = UdpSocket.openFor(local);
    try {
      share(socket, bufferBytes);
      socket.register(worker, owner);
      socket.bind(local);
      socket.connect(client);
      return socket;
    } catch (OsException e) {
      socket.close();
      throw e;
    }
  }

  /** Lets others of ours have its address too, and makes it fit for bulk. */
  private static void share(UdpSocket socket, int bufferBytes) throws OsException {
    int fd = socket.number();
    SocketOptions.set(fd, Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1, "SO_REUSEPORT");
    if (SocketOptions.receiveBuffer(fd, bufferBytes) < 0
        || SocketOptions.sendBuffer(fd, bufferBytes) < 0) {
      throw new OsException("cannot set buffers of " + bufferBytes + " bytes", Errno.ENOBUFS);
    }
    if (Segmentation.found().joins()) {
      socket.coalesce();
    }
    if (Segmentation.found().parts()) {
      socket.part();
    }
  }
}
