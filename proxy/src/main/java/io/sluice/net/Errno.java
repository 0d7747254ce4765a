package io.sluice.net;

import io.sluice.metrics.Drop;

/**
 * The kernel's error numbers that Sluice tells apart (asm-generic: the same on x86-64 and arm64).
 */
public final class Errno {
  public static final int EPERM = 1;
  public static final int EINTR = 4;
  static final int EIO = 5;
  public static final int EAGAIN = 11;
  public static final int ENOMEM = 12;
  public static final int EACCES = 13;
  public static final int ENFILE = 23;
  public static final int EMFILE = 24;
  public static final int EINVAL = 22;
  static final int ENOSPC = 28;
  static final int ENONET = 64;
  public static final int EMSGSIZE = 90;
  static final int ENOPROTOOPT = 92;
  static final int EOPNOTSUPP = 95;
  public static final int EAFNOSUPPORT = 97;
  public static final int EADDRINUSE = 98;
  public static final int EADDRNOTAVAIL = 99;
  public static final int ENETUNREACH = 101;
  public static final int ENOBUFS = 105;
  public static final int ECONNREFUSED = 111;
  static final int EHOSTDOWN = 112;
  public static final int EHOSTUNREACH = 113;

  private Errno() {}

  /**
   * Whether a connected socket may say it because of a datagram sent earlier, having sent or
   * received nothing now: whatever is not about buffers. ICMP leaves many kinds behind
   * (icmp_err_convert in net/ipv4/icmp.c, icmpv6_err_convert in net/ipv6/icmp.c), EMSGSIZE among
   * them.
   */
  static boolean mayBePending(int errno) {
    return switch (errno) {
      case EAGAIN, ENOBUFS, ENOMEM -> false;
      default -> true;
    };
  }

  /** Whether it says that the peer cannot be reached, rather than that one datagram was unfit. */
  public static boolean isUnreachable(int errno) {
    return switch (errno) {
      case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EACCES, EHOSTDOWN, ENONET, ENOPROTOOPT -> true;
      default -> false;
    };
  }

  /**
   * Whether it may say that a train cannot be parted on this way: no checksums by the device (EIO),
   * a datagram and its headers larger than the route takes (EINVAL, EMSGSIZE) or too many of them
   * (EINVAL).
   */
  static boolean isOfSegmentation(int errno) {
    return switch (errno) {
      case EIO, EINVAL, EMSGSIZE, EOPNOTSUPP -> true;
      default -> false;
    };
  }

  /** Why a datagram could not be sent. */
  static Drop ofSend(int errno) {
    return switch (errno) {
      case EAGAIN, ENOBUFS, ENOMEM -> Drop.BACKPRESSURE;
      case EMSGSIZE -> Drop.OVERSIZE;
      default -> Drop.UNREACHABLE;
    };
  }

  /** Why a link could not be opened. */
  public static Drop ofDial(int errno) {
    return switch (errno) {
      case EMFILE, ENFILE, ENOMEM, ENOBUFS, ENOSPC ->
          Drop.NO_FD; // ENOSPC: fs.epoll.max_user_watches
      case EAGAIN, EADDRNOTAVAIL, EADDRINUSE -> Drop.NO_PORT;
      default -> Drop.UNREACHABLE;
    };
  }

  /** The symbolic name and what it means, e.g. {@code EADDRINUSE, address already in use}. */
  static String describe(int errno) {
    return switch (errno) {
      case EPERM -> "EPERM, operation not permitted";
      case EAGAIN -> "EAGAIN, no local port or buffer left";
      case ENOMEM -> "ENOMEM, out of kernel memory";
      case EACCES -> "EACCES, permission denied";
      case ENFILE -> "ENFILE, the system has no file descriptors left";
      case EMFILE -> "EMFILE, the process has no file descriptors left";
      case EAFNOSUPPORT -> "EAFNOSUPPORT, this machine has no such address family";
      case EADDRINUSE -> "EADDRINUSE, address already in use";
      case EADDRNOTAVAIL -> "EADDRNOTAVAIL, cannot assign this address";
      case ENETUNREACH -> "ENETUNREACH, network unreachable";
      case ECONNREFUSED -> "ECONNREFUSED, connection refused";
      case EHOSTUNREACH -> "EHOSTUNREACH, host unreachable";
      default -> "errno " + errno;
    };
  }
}
