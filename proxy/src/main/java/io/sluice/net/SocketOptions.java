package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** What is set on a socket, and what the kernel answers about it, by its descriptor. */
final class SocketOptions {
  private SocketOptions() {}

  static void set(int fd, int level, int option, int value, String name) throws OsException {
    int result = Linux.setsockopt(fd, level, option, value);
    if (result < 0) {
      throw new OsException("cannot set " + name, -result);
    }
  }

  /** Asks for a receive buffer; minus errno if the kernel does not even grant a smaller one. */
  static int receiveBuffer(int fd, int bytes) {
    return buffer(fd, Linux.SO_RCVBUFFORCE, Linux.SO_RCVBUF, bytes);
  }

  /** Likewise a send buffer. */
  static int sendBuffer(int fd, int bytes) {
    return buffer(fd, Linux.SO_SNDBUFFORCE, Linux.SO_SNDBUF, bytes);
  }

  /** The forced variant passes the system's limit but needs CAP_NET_ADMIN. */
  private static int buffer(int fd, int forced, int limited, int bytes) {
    int result = Linux.setsockopt(fd, Linux.SOL_SOCKET, forced, bytes);
    return result >= 0 ? result : Linux.setsockopt(fd, Linux.SOL_SOCKET, limited, bytes);
  }

  /** Bytes of payload and overhead its receive buffer may hold, as the kernel granted them. */
  static int receiveBufferBytes(int fd) {
    return get(fd, Linux.SO_RCVBUF, 1, 0) / 2; // the kernel doubles what was asked for
  }

  /**
   * Datagrams the kernel has dropped since the socket was opened because its receive buffer was
   * full (or a checksum was wrong), modulo 2^32. Asked of SO_MEMINFO rather than carried by every
   * datagram (SO_RXQ_OVFL) or searched for in /proc/net/udp: it costs the datapath nothing and is
   * right even when nothing arrives any more.
   */
  static int kernelDrops(int fd) {
    return get(fd, Linux.SO_MEMINFO, Linux.SK_MEMINFO_VARS, Linux.SK_MEMINFO_DROPS);
  }

  /** The address it is bound to (getsockname). */
  static Address localAddress(int fd, boolean ipv6) throws OsException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(Linux.SOCKADDR_ROOM_BYTES, 8);
      int result = Linux.getsockname(fd, name, arena.allocateFrom(JAVA_INT, (int) name.byteSize()));
      if (result < 0) {
        throw new OsException("cannot ask for a socket's address", -result);
      }
      return new Address(
          name.get(JAVA_LONG, 0),
          ipv6 ? name.get(JAVA_LONG, 8) : 0,
          ipv6 ? name.get(JAVA_LONG, 16) : 0,
          ipv6 ? name.get(JAVA_INT, 24) : 0);
    }
  }

  /** One of the {@code count} numbers that an option answers; 0 if it answers nothing. */
  private static int get(int fd, int option, int count, int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment numbers = arena.allocate(JAVA_INT, count);
      MemorySegment bytes = arena.allocateFrom(JAVA_INT, (int) numbers.byteSize());
      int result = Linux.getsockopt(fd, Linux.SOL_SOCKET, option, numbers, bytes);
      return result < 0 ? 0 : numbers.getAtIndex(JAVA_INT, index);
    }
  }
}
