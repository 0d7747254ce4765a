package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How a batch's slots leave: as few messages as the kernel allows, in as few system calls.
 *
 * <p>Datagrams that follow each other to one destination become one train, which passes the
 * kernel's stack once and is parted at its end (UDP_SEGMENT): all of one size, only the last
 * shorter. Nothing is copied, a train is gathered from the slots it lies in. One datagram alone
 * leaves by {@code sendto}, which costs less than a header.
 */
final class Outgoing {
  /** UDP_MAX_SEGMENTS before Linux 6.9. */
  private static final int MOST_SEGMENTS = 64;

  /** What we join stays below the largest UDP payload over IPv4, 65,507 bytes. */
  private static final int MOST_BYTES = 65_000;

  /** Packet info (40) and segment size (24). */
  private static final int CONTROL_BYTES = 64;

  /** Without an interface: the route decides where to. */
  private static final int ANY_INTERFACE = 0;

  private final MemorySegment errno;
  private final MemorySegment messages;
  private final MemorySegment iovs;
  private final MemorySegment controls;

  /** Bytes of the destination's address; 0: the socket's peer. */
  private final int[] nameBytes;

  /** Bytes of the control message that names the local address to leave from; 0: any. */
  private final int[] sourceBytes;

  /** Slots of equal number go to one destination. */
  private final int[] destination;

  private int destinations;

  /** For each message the slot after its last. */
  private final int[] ends;

  Outgoing(Arena arena, MemorySegment errno, int slots) {
    this.errno = errno;
    messages = arena.allocate((long) slots * Linux.MMSGHDR_BYTES, 64);
    iovs = arena.allocate((long) slots * Linux.IOVEC_BYTES, 64);
    controls = arena.allocate((long) slots * CONTROL_BYTES, 64);
    nameBytes = new int[slots];
    sourceBytes = new int[slots];
    destination = new int[slots];
    ends = new int[slots];
  }

  void toPeer(int slot) {
    nameBytes[slot] = 0;
    sourceBytes[slot] = 0;
    destination[slot] = 0;
  }

  void to(int from, int n, boolean ipv6) {
    destinations++;
    for (int slot = from; slot < from + n; slot++) {
      nameBytes[slot] = ipv6 ? Linux.SOCKADDR_IN6_BYTES : Linux.SOCKADDR_IN_BYTES;
      sourceBytes[slot] = 0;
      destination[slot] = destinations;
    }
  }

  void from(int slot, long localHi, long localLo) {
    long at = control(slot);
    long data = at + Linux.CMSG_HEADER_BYTES;
    if (nameBytes[slot] == Linux.SOCKADDR_IN6_BYTES) {
      header(at, Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
      controls.set(JAVA_LONG, data, localHi);
      controls.set(JAVA_LONG, data + 8, localLo);
      controls.set(JAVA_INT, data + 16, ANY_INTERFACE);
      sourceBytes[slot] = space(Linux.IN6_PKTINFO_BYTES);
    } else {
      header(at, Linux.SOL_IP, Linux.IP_PKTINFO, Linux.IN_PKTINFO_BYTES);
      controls.set(JAVA_INT, data, ANY_INTERFACE);
      controls.set(JAVA_INT, data + Linux.IPI_SPEC_DST, (int) localLo);
      controls.set(JAVA_INT, data + Linux.IPI_ADDR, 0);
      sourceBytes[slot] = space(Linux.IN_PKTINFO_BYTES);
    }
  }

  /** A slot goes where another batch's slot goes. */
  void likewise(int slot, Outgoing other, int otherSlot) {
    nameBytes[slot] = other.nameBytes[otherSlot];
    sourceBytes[slot] = other.sourceBytes[otherSlot];
    destination[slot] = other.destination[otherSlot];
    MemorySegment.copy(
        other.controls, control(otherSlot), controls, control(slot), sourceBytes[slot]);
  }

  int send(Batch batch, int fd, int from, int end, int largestSegment) {
    int count = 0;
    int slot = from;
    while (slot < end && batch.segmentBytes(slot) <= largestSegment) {
      slot = trainEnd(batch, slot, end, largestSegment);
      ends[count++] = slot;
    }
    int sent;
    if (count == 1 && slot == from + 1 && batch.segmentBytes(from) == 0 && sourceBytes[from] == 0) {
      long name = nameBytes[from] == 0 ? 0 : batch.nameAddress(from);
      int length = batch.bytes(from);
      sent = Linux.sendto(errno, fd, batch.payloadAddress(from), length, name, nameBytes[from]);
      return sent < 0 ? sent : slot;
    }
    for (int i = 0, first = from; i < count; first = ends[i++]) {
      layOut(batch, i, first, ends[i]);
    }
    sent = Linux.sendmmsg(errno, fd, messages.address(), count);
    return sent < 0 ? sent : ends[sent - 1];
  }

  int firstEnd() {
    return ends[0];
  }

  /** The slot after the last that can leave in one train with {@code first}. */
  private int trainEnd(Batch batch, int first, int end, int largestSegment) {
    int segment = batch.datagramBytes(first);
    int slot = first + 1;
    if (segment == 0 || segment > largestSegment) {
      return slot;
    }
    int total = batch.bytes(first);
    while (slot < end
        && total % segment == 0
        && destination[slot] == destination[first]
        && fits(batch, slot, segment)
        && total + batch.bytes(slot) <= Math.min(MOST_BYTES, MOST_SEGMENTS * segment)) {
      total += batch.bytes(slot++);
    }
    return slot;
  }

  /** Whether a slot may follow in a train of such segments, perhaps as its end. */
  private static boolean fits(Batch batch, int slot, int segment) {
    int own = batch.segmentBytes(slot);
    int bytes = batch.bytes(slot);
    return own == 0 ? 0 < bytes && bytes <= segment : own == segment;
  }

  private void layOut(Batch batch, int index, int first, int end) {
    long message = (long) index * Linux.MMSGHDR_BYTES;
    int segment = batch.datagramBytes(first);
    boolean train = end > first + 1 || batch.segmentBytes(first) > 0;
    for (int slot = first; slot < end; slot++) {
      long iov = (long) slot * Linux.IOVEC_BYTES;
      iovs.set(JAVA_LONG, iov + Linux.IOV_BASE, batch.payloadAddress(slot));
      iovs.set(JAVA_LONG, iov + Linux.IOV_LEN, batch.bytes(slot));
    }
    int controlBytes = sourceBytes[first];
    if (train) {
      long at = control(first) + controlBytes;
      header(at, Linux.SOL_UDP, Linux.UDP_SEGMENT, Linux.SEGMENT_BYTES);
      controls.set(JAVA_SHORT, at + Linux.CMSG_HEADER_BYTES, (short) segment);
      controlBytes += space(Linux.SEGMENT_BYTES);
    }
    messages.set(
        JAVA_LONG, message + Linux.MSG_NAME, nameBytes[first] == 0 ? 0 : batch.nameAddress(first));
    messages.set(JAVA_INT, message + Linux.MSG_NAMELEN, nameBytes[first]);
    messages.set(
        JAVA_LONG, message + Linux.MSG_IOV, iovs.address() + (long) first * Linux.IOVEC_BYTES);
    messages.set(JAVA_LONG, message + Linux.MSG_IOVLEN, end - first);
    messages.set(
        JAVA_LONG,
        message + Linux.MSG_CONTROL,
        controlBytes == 0 ? 0 : controls.address() + control(first));
    messages.set(JAVA_LONG, message + Linux.MSG_CONTROLLEN, controlBytes);
  }

  private void header(long at, int level, int type, int bytes) {
    controls.set(JAVA_LONG, at + Linux.CMSG_LEN, Linux.CMSG_HEADER_BYTES + bytes);
    controls.set(JAVA_INT, at + Linux.CMSG_LEVEL, level);
    controls.set(JAVA_INT, at + Linux.CMSG_TYPE, type);
  }

  /** Bytes a control message takes with its header, padded (CMSG_SPACE). */
  private static int space(int bytes) {
    return Linux.CMSG_HEADER_BYTES + bytes + 7 & ~7;
  }

  private static long control(int slot) {
    return (long) slot * CONTROL_BYTES;
  }
}
