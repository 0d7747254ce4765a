package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A worker's slots: what one {@code recvmmsg} brings and, from the very same memory, what {@code
 * sendmmsg} takes away.
 *
 * <p>Everything the kernel reads is laid out once; a receive resets only the fields that the kernel
 * changed in the slots used last. A slot holds the largest datagram there is, so nothing is ever
 * cut, and leaves room for trains (UDP_GRO) and their control messages.
 *
 * <p>Owned by one event loop and valid within one event: whoever receives into it must be done with
 * it on return.
 */
public final class Batch {
  /** Datagrams a system call moves at most. */
  public static final int SLOTS = 32;

  /** The largest UDP payload over IPv6 is 65,527 bytes; what UDP_GRO joins is at most 65,535. */
  private static final int PAYLOAD_BYTES = 65_536;

  /**
   * Slots start 5 cache lines apart modulo the page: at a stride of whole pages all their heads
   * would compete for the same few sets of the L1 cache.
   */
  private static final int STRIDE_BYTES = PAYLOAD_BYTES + 5 * 64;

  private static final int NAME_BYTES = 32;

  /** Packet info (40), segment size (24) and socket errors (16 + 16 + 28) fit. */
  private static final int CONTROL_BYTES = 128;

  /** Without an interface: the route decides where to. */
  private static final int ANY_INTERFACE = 0;

  private final MemorySegment errno;
  private final MemorySegment incoming;
  private final MemorySegment outgoing;
  private final MemorySegment outgoingIov;
  private final MemorySegment names;
  private final MemorySegment controls;
  private final MemorySegment destination;
  private final MemorySegment source;
  private final MemorySegment payloads;
  private final ByteBuf[] views = new ByteBuf[SLOTS];

  /** Slots that hold what the last receive brought. */
  private int filled;

  private long filledBytes;
  private int destinationBytes;
  private int sourceBytes;

  Batch() {
    Arena arena =
        Arena.ofAuto(); // reachable as long as the batch is, and a worker never drops its batch
    errno = Linux.newErrno(arena);
    incoming = arena.allocate((long) SLOTS * Linux.MMSGHDR_BYTES, 64);
    outgoing = arena.allocate((long) SLOTS * Linux.MMSGHDR_BYTES, 64);
    MemorySegment incomingIov = arena.allocate((long) SLOTS * Linux.IOVEC_BYTES, 64);
    outgoingIov = arena.allocate((long) SLOTS * Linux.IOVEC_BYTES, 64);
    names = arena.allocate((long) SLOTS * NAME_BYTES, 64);
    controls = arena.allocate((long) SLOTS * CONTROL_BYTES, 64);
    destination = arena.allocate(NAME_BYTES, 8);
    source = arena.allocate(CONTROL_BYTES, 8);
    payloads = arena.allocate((long) SLOTS * STRIDE_BYTES, 4096);
    for (int slot = 0; slot < SLOTS; slot++) {
      layOut(slot, incomingIov);
    }
  }

  private void layOut(int slot, MemorySegment incomingIov) {
    long message = message(slot);
    long iov = (long) slot * Linux.IOVEC_BYTES;
    long payload = payloads.address() + (long) slot * STRIDE_BYTES;
    incomingIov.set(JAVA_LONG, iov + Linux.IOV_BASE, payload);
    incomingIov.set(JAVA_LONG, iov + Linux.IOV_LEN, PAYLOAD_BYTES);
    outgoingIov.set(JAVA_LONG, iov + Linux.IOV_BASE, payload);
    incoming.set(JAVA_LONG, message + Linux.MSG_NAME, names.address() + (long) slot * NAME_BYTES);
    incoming.set(JAVA_LONG, message + Linux.MSG_IOV, incomingIov.address() + iov);
    incoming.set(JAVA_LONG, message + Linux.MSG_IOVLEN, 1);
    incoming.set(JAVA_LONG, message + Linux.MSG_CONTROL, controls.address() + control(slot));
    reset(slot);
    outgoing.set(JAVA_LONG, message + Linux.MSG_IOV, outgoingIov.address() + iov);
    outgoing.set(JAVA_LONG, message + Linux.MSG_IOVLEN, 1);
    views[slot] =
        Unpooled.wrappedBuffer(
            payloads.asSlice((long) slot * STRIDE_BYTES, PAYLOAD_BYTES).asByteBuffer());
  }

  /** Makes a slot ready to receive: restores what the kernel overwrites. */
  private void reset(int slot) {
    long message = message(slot);
    incoming.set(JAVA_INT, message + Linux.MSG_NAMELEN, NAME_BYTES);
    incoming.set(JAVA_LONG, message + Linux.MSG_CONTROLLEN, CONTROL_BYTES);
  }

  /** Fills the slots from a socket; returns how many, or minus errno. */
  int receive(int fd) {
    for (int slot = 0; slot < filled; slot++) {
      reset(slot);
    }
    int n = Linux.recvmmsg(errno, fd, incoming.address(), SLOTS);
    filled = Math.max(n, 0);
    filledBytes = 0;
    for (int slot = 0; slot < filled; slot++) {
      filledBytes += length(slot);
    }
    return n;
  }

  /** Puts a datagram that came some other way into slot 0, as if it were all that was received. */
  public void load(byte[] payload) {
    for (int slot = 0; slot < filled; slot++) {
      reset(slot);
    }
    MemorySegment.copy(payload, 0, payloads, JAVA_BYTE, 0, payload.length);
    incoming.set(JAVA_INT, Linux.MSG_LEN, payload.length);
    incoming.set(JAVA_INT, Linux.MSG_FLAGS, 0);
    filled = 1;
    filledBytes = payload.length;
  }

  /** Sets the sender of the datagram in a slot, where it did not come from the kernel. */
  public void source(int slot, long head, long hi, long lo, int scope) {
    names.set(JAVA_LONG, name(slot), head);
    names.set(JAVA_LONG, name(slot) + 8, hi);
    names.set(JAVA_LONG, name(slot) + 16, lo);
    names.set(JAVA_INT, name(slot) + 24, scope);
  }

  /** Payload bytes in all filled slots. */
  public long bytes() {
    return filledBytes;
  }

  /** Payload bytes of the datagram in a slot. */
  public int length(int slot) {
    return incoming.get(JAVA_INT, message(slot) + Linux.MSG_LEN);
  }

  /** Whether the kernel had to cut the datagram to fit the slot. */
  public boolean truncated(int slot) {
    return (incoming.get(JAVA_INT, message(slot) + Linux.MSG_FLAGS) & Linux.MSG_TRUNC) != 0;
  }

  /** The payload in a slot, to be looked at and not kept: the next receive overwrites it. */
  public ByteBuf payload(int slot) {
    return views[slot].setIndex(0, length(slot));
  }

  /** {@link Address#head} of the sender. */
  public long sourceHead(int slot) {
    return names.get(JAVA_LONG, name(slot));
  }

  /** {@link Address#hi} of the sender; meaningless unless it is an IPv6 one. */
  public long sourceHi(int slot) {
    return names.get(JAVA_LONG, name(slot) + 8);
  }

  /** {@link Address#lo} of the sender; meaningless unless it is an IPv6 one. */
  public long sourceLo(int slot) {
    return names.get(JAVA_LONG, name(slot) + 16);
  }

  /** {@link Address#scope} of the sender; meaningless unless it is an IPv6 one. */
  public int sourceScope(int slot) {
    return names.get(JAVA_INT, name(slot) + 24);
  }

  /**
   * First 8 bytes of the IPv6 address the datagram was sent to; 0 for IPv4, or if the socket does
   * not report it.
   */
  public long localHi(int slot) {
    long at = control(slot, Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
    return at < 0 ? 0 : controls.get(JAVA_LONG, at);
  }

  /**
   * Last 8 bytes of the IPv6 address, or the IPv4 address, the datagram was sent to; 0 if the
   * socket does not report it.
   */
  public long localLo(int slot) {
    long at = control(slot, Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
    if (at >= 0) {
      return controls.get(JAVA_LONG, at + 8);
    }
    at = control(slot, Linux.SOL_IP, Linux.IP_PKTINFO, Linux.IN_PKTINFO_BYTES);
    return at < 0 ? 0 : Integer.toUnsignedLong(controls.get(JAVA_INT, at + Linux.IPI_SPEC_DST));
  }

  private long control(int slot, int level, int type, int bytes) {
    long used =
        Math.min(incoming.get(JAVA_LONG, message(slot) + Linux.MSG_CONTROLLEN), CONTROL_BYTES);
    return ControlMessages.find(controls, control(slot), used, level, type, bytes);
  }

  /** What is sent next goes to the peer that the socket is connected to. */
  public void toPeer() {
    destinationBytes = 0;
    sourceBytes = 0;
  }

  /**
   * What is sent next goes to the address of these {@link Address} words, from whichever local
   * address the socket and the routes choose.
   */
  public void to(long head, long hi, long lo, int scope) {
    destination.set(JAVA_LONG, 0, head);
    destination.set(JAVA_LONG, 8, hi);
    destination.set(JAVA_LONG, 16, lo);
    destination.set(JAVA_INT, 24, scope);
    destinationBytes =
        (short) head == Linux.AF_INET6 ? Linux.SOCKADDR_IN6_BYTES : Linux.SOCKADDR_IN_BYTES;
    sourceBytes = 0;
  }

  /**
   * Further to {@link #to}: it goes out from the local address that {@link #localHi} and {@link
   * #localLo} once answered.
   */
  public void from(long localHi, long localLo) {
    if (destinationBytes == Linux.SOCKADDR_IN6_BYTES) {
      sourceControl(Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
      source.set(JAVA_LONG, Linux.CMSG_HEADER_BYTES, localHi);
      source.set(JAVA_LONG, Linux.CMSG_HEADER_BYTES + 8, localLo);
      source.set(JAVA_INT, Linux.CMSG_HEADER_BYTES + 16, ANY_INTERFACE);
    } else {
      sourceControl(Linux.SOL_IP, Linux.IP_PKTINFO, Linux.IN_PKTINFO_BYTES);
      source.set(JAVA_INT, Linux.CMSG_HEADER_BYTES, ANY_INTERFACE);
      source.set(JAVA_INT, Linux.CMSG_HEADER_BYTES + Linux.IPI_SPEC_DST, (int) localLo);
      source.set(JAVA_INT, Linux.CMSG_HEADER_BYTES + Linux.IPI_ADDR, 0);
    }
  }

  private void sourceControl(int level, int type, int bytes) {
    source.set(JAVA_LONG, Linux.CMSG_LEN, Linux.CMSG_HEADER_BYTES + bytes);
    source.set(JAVA_INT, Linux.CMSG_LEVEL, level);
    source.set(JAVA_INT, Linux.CMSG_TYPE, type);
    sourceBytes = Linux.CMSG_HEADER_BYTES + bytes + 7 & ~7;
  }

  /**
   * Sends slots {@code from} to {@code from + n - 1} as they were received; returns how many left,
   * at least 1, or minus errno.
   */
  int send(int fd, int from, int n) {
    assert 0 <= from && 0 < n && from + n <= filled : "slots " + from + "+" + n + " of " + filled;
    for (int slot = from; slot < from + n; slot++) {
      long message = message(slot);
      outgoing.set(
          JAVA_LONG, message + Linux.MSG_NAME, destinationBytes == 0 ? 0 : destination.address());
      outgoing.set(JAVA_INT, message + Linux.MSG_NAMELEN, destinationBytes);
      outgoing.set(JAVA_LONG, message + Linux.MSG_CONTROL, sourceBytes == 0 ? 0 : source.address());
      outgoing.set(JAVA_LONG, message + Linux.MSG_CONTROLLEN, sourceBytes);
      outgoingIov.set(JAVA_LONG, (long) slot * Linux.IOVEC_BYTES + Linux.IOV_LEN, length(slot));
    }
    return Linux.sendmmsg(errno, fd, outgoing.address() + message(from), n);
  }

  private static long message(int slot) {
    return (long) slot * Linux.MMSGHDR_BYTES;
  }

  private static long name(int slot) {
    return (long) slot * NAME_BYTES;
  }

  private static long control(int slot) {
    return (long) slot * CONTROL_BYTES;
  }
}
