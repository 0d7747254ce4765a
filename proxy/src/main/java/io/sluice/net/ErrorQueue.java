package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;

/**
 * What the kernel keeps, one by one, of the ICMP errors for a socket that asked for all of them
 * (IP_RECVERR, ip(7)): also that a host or a net cannot be reached, of which a connected socket
 * hears nothing else (docs/adr/0015).
 *
 * <p>Only errors are read; the datagrams that they are about, which the kernel keeps with them, are
 * not. One for each thread, since errors are rare.
 */
final class ErrorQueue {
  private static final int SLOTS = 16;

  /** More than the errors that a usual receive buffer holds; epoll tells of what is left. */
  private static final int MOST = 1_024;

  /** Header, struct sock_extended_err (16), address of who sent it (28), padded. */
  private static final int CONTROL_BYTES = 64;

  private static final ThreadLocal<ErrorQueue> OF_THREAD = ThreadLocal.withInitial(ErrorQueue::new);

  private final MemorySegment errno = Linux.newErrno(Arena.ofAuto());
  private final MemorySegment messages =
      Arena.ofAuto().allocate((long) SLOTS * Linux.MMSGHDR_BYTES, 64);
  private final MemorySegment controls = Arena.ofAuto().allocate((long) SLOTS * CONTROL_BYTES, 64);

  private ErrorQueue() {
    for (int slot = 0; slot < SLOTS; slot++) {
      messages.set(
          JAVA_LONG, message(slot) + Linux.MSG_CONTROL, controls.address() + control(slot));
    }
  }

  /** Asks for all errors; 0 or minus errno. */
  static int askFor(int fd, boolean ipv6) {
    return ipv6
        ? Linux.setsockopt(fd, Linux.SOL_IPV6, Linux.IPV6_RECVERR, 1)
        : Linux.setsockopt(fd, Linux.SOL_IP, Linux.IP_RECVERR, 1);
  }

  /** Empties a socket's queue; returns how many errors were in it, each of which is told. */
  static int drain(int fd, boolean ipv6, IntConsumer told) {
    ErrorQueue queue = OF_THREAD.get();
    int drained = 0;
    int n;
    do {
      n = queue.read(fd, ipv6, told);
      drained += Math.max(n, 0);
    } while (n == SLOTS && drained < MOST);
    return drained;
  }

  private int read(int fd, boolean ipv6, IntConsumer told) {
    for (int slot = 0; slot < SLOTS; slot++) {
      messages.set(JAVA_LONG, message(slot) + Linux.MSG_CONTROLLEN, CONTROL_BYTES);
    }
    int n = Linux.recvErrors(errno, fd, messages.address(), SLOTS);
    for (int slot = 0; slot < n; slot++) {
      long at = find(slot, ipv6);
      if (at >= 0) {
        told.accept(controls.get(JAVA_INT, at)); // ee_errno is the first
      }
    }
    return n;
  }

  private long find(int slot, boolean ipv6) {
    return ControlMessages.find(
        controls,
        control(slot),
        Math.min(messages.get(JAVA_LONG, message(slot) + Linux.MSG_CONTROLLEN), CONTROL_BYTES),
        ipv6 ? Linux.SOL_IPV6 : Linux.SOL_IP,
        ipv6 ? Linux.IPV6_RECVERR : Linux.IP_RECVERR,
        Linux.EXTENDED_ERR_BYTES);
  }

  private static long message(int slot) {
    return (long) slot * Linux.MMSGHDR_BYTES;
  }

  private static long control(int slot) {
    return (long) slot * CONTROL_BYTES;
  }
}
