package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What the kernel writes beside the payloads of a batch's slots: how long they are, who sent them,
 * to which of our addresses, how they were joined.
 *
 * <p>The names serve both ways: a reply leaves for the address that its slot's name is then set to.
 */
final class Incoming {
  private static final int NAME_BYTES = 32;

  /** Packet info (40), segment size (24) and socket errors (16 + 16 + 28) fit. */
  private static final int CONTROL_BYTES = 128;

  private final MemorySegment errno;
  private final MemorySegment messages;
  private final MemorySegment names;
  private final MemorySegment controls;

  /**
   * @param payloads where slot 0 begins
   * @param stride from one slot to the next
   * @param payloadBytes that fit into one
   */
  Incoming(
      Arena arena,
      MemorySegment errno,
      int slots,
      MemorySegment payloads,
      int stride,
      int payloadBytes) {
    this.errno = errno;
    messages = arena.allocate((long) slots * Linux.MMSGHDR_BYTES, 64);
    names = arena.allocate((long) slots * NAME_BYTES, 64);
    controls = arena.allocate((long) slots * CONTROL_BYTES, 64);
    MemorySegment iovs = arena.allocate((long) slots * Linux.IOVEC_BYTES, 64);
    for (int slot = 0; slot < slots; slot++) {
      long message = message(slot);
      long iov = (long) slot * Linux.IOVEC_BYTES;
      iovs.set(JAVA_LONG, iov + Linux.IOV_BASE, payloads.address() + (long) slot * stride);
      iovs.set(JAVA_LONG, iov + Linux.IOV_LEN, payloadBytes);
      messages.set(JAVA_LONG, message + Linux.MSG_NAME, names.address() + name(slot));
      messages.set(JAVA_LONG, message + Linux.MSG_IOV, iovs.address() + iov);
      messages.set(JAVA_LONG, message + Linux.MSG_IOVLEN, 1);
      messages.set(JAVA_LONG, message + Linux.MSG_CONTROL, controls.address() + control(slot));
      reset(slot);
    }
  }

  /** Makes a slot ready to receive: restores what the kernel overwrites. */
  void reset(int slot) {
    long message = message(slot);
    messages.set(JAVA_INT, message + Linux.MSG_NAMELEN, NAME_BYTES);
    messages.set(JAVA_LONG, message + Linux.MSG_CONTROLLEN, CONTROL_BYTES);
  }

  /** Fills slots {@code from} and following; returns how many, or minus errno. */
  int receive(int fd, int from, int slots) {
    return Linux.recvmmsg(errno, fd, messages.address() + message(from), slots);
  }

  /** Bytes that were received into a slot. */
  int length(int slot) {
    return messages.get(JAVA_INT, message(slot) + Linux.MSG_LEN);
  }

  /** Bytes of each of the datagrams that the kernel joined in a slot; 0: it says of none. */
  int joined(int slot) {
    if (messages.get(JAVA_LONG, message(slot) + Linux.MSG_CONTROLLEN) == 0) {
      return 0;
    }
    long at = control(slot, Linux.SOL_UDP, Linux.UDP_GRO, Linux.GRO_BYTES);
    return at < 0 ? 0 : controls.get(JAVA_INT, at);
  }

  /** What is in a slot came some other way, whole. */
  void whole(int slot) {
    messages.set(JAVA_INT, message(slot) + Linux.MSG_FLAGS, 0);
  }

  boolean truncated(int slot) {
    return (messages.get(JAVA_INT, message(slot) + Linux.MSG_FLAGS) & Linux.MSG_TRUNC) != 0;
  }

  void name(int slot, long head, long hi, long lo, int scope) {
    long name = name(slot);
    names.set(JAVA_LONG, name, head);
    names.set(JAVA_LONG, name + 8, hi);
    names.set(JAVA_LONG, name + 16, lo);
    names.set(JAVA_INT, name + 24, scope);
  }

  /** A slot has the name that another batch's slot has. */
  void likewise(int slot, Incoming other, int otherSlot) {
    MemorySegment.copy(other.names, name(otherSlot), names, name(slot), NAME_BYTES);
  }

  long head(int slot) {
    return names.get(JAVA_LONG, name(slot));
  }

  long hi(int slot) {
    return names.get(JAVA_LONG, name(slot) + 8);
  }

  long lo(int slot) {
    return names.get(JAVA_LONG, name(slot) + 16);
  }

  int scope(int slot) {
    return names.get(JAVA_INT, name(slot) + 24);
  }

  long nameAddress(int slot) {
    return names.address() + name(slot);
  }

  boolean isFrom(Address peer, int slot) {
    return peer.isIpv6()
        // Without the flow info.
        ? (int) head(slot) == (int) peer.head() && hi(slot) == peer.hi() && lo(slot) == peer.lo()
        : head(slot) == peer.head();
  }

  long localHi(int slot) {
    long at = control(slot, Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
    return at < 0 ? 0 : controls.get(JAVA_LONG, at);
  }

  long localLo(int slot) {
    long at = control(slot, Linux.SOL_IPV6, Linux.IPV6_PKTINFO, Linux.IN6_PKTINFO_BYTES);
    if (at >= 0) {
      return controls.get(JAVA_LONG, at + 8);
    }
    at = control(slot, Linux.SOL_IP, Linux.IP_PKTINFO, Linux.IN_PKTINFO_BYTES);
    return at < 0 ? 0 : Integer.toUnsignedLong(controls.get(JAVA_INT, at + Linux.IPI_SPEC_DST));
  }

  private long control(int slot, int level, int type, int size) {
    long used =
        Math.min(messages.get(JAVA_LONG, message(slot) + Linux.MSG_CONTROLLEN), CONTROL_BYTES);
    return ControlMessages.find(controls, control(slot), used, level, type, size);
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
