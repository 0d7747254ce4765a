package io.sluice.net;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The C library's calls for sockets and the scheduler, and the kernel's numbers and structure
 * offsets that go with them, for Linux on x86-64 and arm64 (both little-endian LP64, with the same
 * numbers and layouts but for those of system calls).
 *
 * <p>Each call answers what C's does, or minus errno. Layouts: bits/types/struct_msghdr.h,
 * linux/in.h, linux/ipv6.h, linux/udp.h, asm-generic/socket.h, linux/sched/types.h; {@code
 * UdpSocketTest}, {@code TrainTest} and {@code SchedulingTest} hold them against the kernel's
 * answers.
 */
final class Linux {
  static final int AF_INET = 2;
  static final int AF_INET6 = 10;
  static final int SOCK_DGRAM = 2;
  static final int SOCK_NONBLOCK = 0x800;
  static final int SOCK_CLOEXEC = 0x80000;

  static final int SOL_SOCKET = 1;
  static final int SO_REUSEADDR = 2;
  static final int SO_SNDBUF = 7;
  static final int SO_RCVBUF = 8;
  static final int SO_REUSEPORT = 15;
  static final int SO_SNDBUFFORCE = 32;
  static final int SO_RCVBUFFORCE = 33;
  static final int SO_ATTACH_REUSEPORT_CBPF = 51;
  static final int SO_MEMINFO = 55;
  static final int SOL_IP = 0;
  static final int IP_PKTINFO = 8;
  static final int IP_RECVERR = 11;
  static final int SOL_IPV6 = 41;
  static final int IPV6_RECVERR = 25;
  static final int IPV6_V6ONLY = 26;
  static final int IPV6_RECVPKTINFO = 49;
  static final int IPV6_PKTINFO = 50;
  static final int SOL_UDP = 17;
  static final int UDP_SEGMENT = 103;
  static final int UDP_GRO = 104;

  static final int MSG_TRUNC = 0x20;
  static final int MSG_DONTWAIT = 0x40;
  static final int MSG_ERRQUEUE = 0x2000;

  /** struct mmsghdr: a msghdr (56 bytes), then the length received or sent. */
  static final int MMSGHDR_BYTES = 64;

  static final int MSG_NAME = 0;
  static final int MSG_NAMELEN = 8;
  static final int MSG_IOV = 16;
  static final int MSG_IOVLEN = 24;
  static final int MSG_CONTROL = 32;
  static final int MSG_CONTROLLEN = 40;
  static final int MSG_FLAGS = 48;
  static final int MSG_LEN = 56;

  static final int IOVEC_BYTES = 16;
  static final int IOV_BASE = 0;
  static final int IOV_LEN = 8;

  /** struct cmsghdr: length with header, level, type; data follows, padded to 8 bytes. */
  static final int CMSG_HEADER_BYTES = 16;

  static final int CMSG_LEN = 0;
  static final int CMSG_LEVEL = 8;
  static final int CMSG_TYPE = 12;

  /** struct in_pktinfo: interface, local address to answer from, address in the header. */
  static final int IN_PKTINFO_BYTES = 12;

  /** UDP_SEGMENT wants a u16 to send with; UDP_GRO tells an int. */
  static final int SEGMENT_BYTES = 2;

  static final int GRO_BYTES = 4;

  static final int IPI_SPEC_DST = 4;
  static final int IPI_ADDR = 8;

  /** struct in6_pktinfo: address, interface. */
  static final int IN6_PKTINFO_BYTES = 20;

  /** struct sock_extended_err (linux/errqueue.h): the errno first. */
  static final int EXTENDED_ERR_BYTES = 16;

  static final int SOCKADDR_IN_BYTES = 16;
  static final int SOCKADDR_IN6_BYTES = 28;

  /** Either, and as the words of an {@link Address}. */
  static final int SOCKADDR_ROOM_BYTES = 32;

  /**
   * Position of the drop count in what SO_MEMINFO answers, nine 32-bit numbers (linux/sock_diag.h,
   * SK_MEMINFO_DROPS).
   */
  static final int SK_MEMINFO_DROPS = 8;

  static final int SK_MEMINFO_VARS = 9;

  private static final String ARCH = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
  private static final String ARM64 = "aarch64";

  private static final int PRIO_PROCESS = 0;

  /** The C library has these calls since 2.41 only. */
  private static final long SYS_SCHED_SETATTR = ARCH.equals(ARM64) ? 274 : 314;

  private static final long SYS_SCHED_GETATTR = SYS_SCHED_SETATTR + 1;

  /** struct sched_attr, as of Linux 3.14. */
  private static final int SCHED_ATTR_BYTES = 48;

  private static final int SCHED_POLICY = 4;
  private static final int SCHED_RUNTIME = 24;
  private static final int SCHED_OTHER = 0;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option CAPTURE_ERRNO = Linker.Option.captureCallState("errno");
  private static final VarHandle ERRNO_VALUE =
      Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private static final MethodHandle SOCKET = call("socket", JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle BIND = call("bind", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle CONNECT = call("connect", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle GETSOCKNAME = call("getsockname", JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle SETSOCKOPT =
      call("setsockopt", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle GETSOCKOPT =
      call("getsockopt", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle RECVMMSG =
      call("recvmmsg", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle SENDMMSG =
      call("sendmmsg", JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
  // These answer a ssize_t; what they move here fits an int, whose half of the register we read.
  private static final MethodHandle RECV = call("recv", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle SENDTO =
      call("sendto", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
  private static final MethodHandle GETPRIORITY = call("getpriority", JAVA_INT, JAVA_INT);
  private static final MethodHandle SETPRIORITY = call("setpriority", JAVA_INT, JAVA_INT, JAVA_INT);
  // Variadic in C, which makes no difference for numbers on either machine but has to be said.
  private static final MethodHandle SYSCALL =
      call(
          "syscall",
          List.of(Linker.Option.firstVariadicArg(1)),
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG);

  /** What a thread's calls need beside their results; its own, because those of loops overlap. */
  private static final class Scratch {
    final MemorySegment errno = newErrno(Arena.ofAuto());
    final MemorySegment address = Arena.ofAuto().allocate(SOCKADDR_ROOM_BYTES, 8);
    final MemorySegment value = Arena.ofAuto().allocate(JAVA_INT);

    MemorySegment address(Address words) {
      address.set(JAVA_LONG, 0, words.head());
      address.set(JAVA_LONG, 8, words.hi());
      address.set(JAVA_LONG, 16, words.lo());
      address.set(JAVA_INT, 24, words.scope());
      return address;
    }
  }

  private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

  private Linux() {}

  /** Whether this machine is one the structure offsets are right for. */
  static boolean isSupported() {
    return System.getProperty("os.name").equals("Linux") && Set.of("amd64", ARM64).contains(ARCH);
  }

  static int socket(int family, int type) {
    MemorySegment errno = SCRATCH.get().errno;
    try {
      return result((int) SOCKET.invokeExact(errno, family, type, 0), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static int bind(int fd, Address address) {
    Scratch scratch = SCRATCH.get();
    MemorySegment name = scratch.address(address);
    try {
      return result(
          (int) BIND.invokeExact(scratch.errno, fd, name, sockaddrBytes(address)), scratch.errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static int connect(int fd, Address address) {
    Scratch scratch = SCRATCH.get();
    MemorySegment name = scratch.address(address);
    try {
      return result(
          (int) CONNECT.invokeExact(scratch.errno, fd, name, sockaddrBytes(address)),
          scratch.errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  private static int sockaddrBytes(Address address) {
    return address.isIpv6() ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES;
  }

  static int getsockname(int fd, MemorySegment address, MemorySegment bytes) {
    MemorySegment errno = SCRATCH.get().errno;
    try {
      return result((int) GETSOCKNAME.invokeExact(errno, fd, address, bytes), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static int setsockopt(int fd, int level, int option, int value) {
    Scratch scratch = SCRATCH.get();
    scratch.value.set(JAVA_INT, 0, value);
    return setsockopt(scratch, fd, level, option, scratch.value, Integer.BYTES);
  }

  static int setsockopt(int fd, int level, int option, MemorySegment value) {
    return setsockopt(SCRATCH.get(), fd, level, option, value, (int) value.byteSize());
  }

  private static int setsockopt(
      Scratch scratch, int fd, int level, int option, MemorySegment value, int bytes) {
    try {
      return result(
          (int) SETSOCKOPT.invokeExact(scratch.errno, fd, level, option, value, bytes),
          scratch.errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static int getsockopt(int fd, int level, int option, MemorySegment value, MemorySegment bytes) {
    MemorySegment errno = SCRATCH.get().errno;
    try {
      return result((int) GETSOCKOPT.invokeExact(errno, fd, level, option, value, bytes), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /**
   * @param errno the calling loop's own place for errno, see {@link #newErrno}
   */
  static int recvmmsg(MemorySegment errno, int fd, long messages, int count) {
    return recvmmsg(errno, fd, messages, count, 0);
  }

  /** Likewise what lies in a socket's error queue; never waits, whatever the socket is like. */
  static int recvErrors(MemorySegment errno, int fd, long messages, int count) {
    return recvmmsg(errno, fd, messages, count, MSG_ERRQUEUE | MSG_DONTWAIT);
  }

  private static int recvmmsg(MemorySegment errno, int fd, long messages, int count, int flags) {
    try {
      return result((int) RECVMMSG.invokeExact(errno, fd, messages, count, flags, 0L), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /**
   * @param errno the calling loop's own place for errno, see {@link #newErrno}
   */
  static int sendmmsg(MemorySegment errno, int fd, long messages, int count) {
    try {
      return result((int) SENDMMSG.invokeExact(errno, fd, messages, count, 0), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /** One datagram, without a header to fill in. */
  static int recv(MemorySegment errno, int fd, long bytes, long length) {
    try {
      return result((int) RECV.invokeExact(errno, fd, bytes, length, 0), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /**
   * One datagram, without a header to read.
   *
   * @param name of the destination; 0 for a socket's peer
   */
  static int sendto(
      MemorySegment errno, int fd, long bytes, long length, long name, int nameBytes) {
    try {
      return result((int) SENDTO.invokeExact(errno, fd, bytes, length, 0, name, nameBytes), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /**
   * The calling thread's nice value: so much more than the process was started with, whatever it
   * has from the thread that started it. Of a thread, although POSIX means a process:
   * setpriority(2), "C library/kernel differences".
   */
  static int nicer(int more) {
    int pid = (int) ProcessHandle.current().pid();
    MemorySegment errno = SCRATCH.get().errno;
    try {
      int own = (int) GETPRIORITY.invokeExact(errno, PRIO_PROCESS, pid);
      return result((int) SETPRIORITY.invokeExact(errno, PRIO_PROCESS, 0, own + more), errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /**
   * Of the calling thread, which keeps all else it has of the scheduler; nothing where an operator
   * gave it another policy. A kernel before 6.12 takes no notice.
   */
  static int setSlice(long ns) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment attributes = arena.allocate(SCHED_ATTR_BYTES, 8);
      int got = scheduling(SYS_SCHED_GETATTR, attributes, SCHED_ATTR_BYTES);
      if (got < 0 || attributes.get(JAVA_INT, SCHED_POLICY) != SCHED_OTHER) {
        return got;
      }
      attributes.set(JAVA_LONG, SCHED_RUNTIME, ns);
      return scheduling(SYS_SCHED_SETATTR, attributes, 0);
    }
  }

  /** Of the calling thread; 0 where the kernel has none, or minus errno. */
  static long slice() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment attributes = arena.allocate(SCHED_ATTR_BYTES, 8);
      int got = scheduling(SYS_SCHED_GETATTR, attributes, SCHED_ATTR_BYTES);
      return got < 0 ? got : attributes.get(JAVA_LONG, SCHED_RUNTIME);
    }
  }

  private static int scheduling(long call, MemorySegment attributes, int bytes) {
    MemorySegment errno = SCRATCH.get().errno;
    try {
      return result(
          (int) SYSCALL.invokeExact(errno, call, 0L, attributes.address(), (long) bytes, 0L),
          errno);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /** A place for errno that a loop keeps, so that its calls need no look-up by thread. */
  static MemorySegment newErrno(Arena arena) {
    return arena.allocate(Linker.Option.captureStateLayout());
  }

  private static int result(int result, MemorySegment errno) {
    return result >= 0 ? result : -(int) ERRNO_VALUE.get(errno, 0L);
  }

  private static MethodHandle call(String name, MemoryLayout... arguments) {
    return call(name, List.of(), arguments);
  }

  @SuppressWarnings("restricted") // the launcher grants native access
  private static MethodHandle call(
      String name, List<Linker.Option> more, MemoryLayout... arguments) {
    MemorySegment function =
        LINKER
            .defaultLookup()
            .find(name)
            .orElseThrow(() -> new AssertionError(name + " is not in the C library"));
    return LINKER.downcallHandle(
        function,
        FunctionDescriptor.of(JAVA_INT, arguments),
        Stream.concat(Stream.of(CAPTURE_ERRNO), more.stream()).toArray(Linker.Option[]::new));
  }
}
