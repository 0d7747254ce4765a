package io.sluice.admin;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;

/**
 * Sends IPv4 packets of our own making ({@link Packets}), whoever they say they are from. Of their
 * header the kernel fills in the checksum and the total length, nothing else (raw(7)).
 */
final class RawSocket implements AutoCloseable {
  private static final int AF_INET = 2;
  private static final int SOCK_RAW = 3;
  private static final int IPPROTO_RAW = 255;
  private static final int BATCH = 64;

  private static final int SOCKADDR_BYTES = 16;
  private static final int IOVEC_BYTES = 16;
  private static final int MMSGHDR_BYTES = 64;

  private static final MethodHandle SOCKET =
      Netns.call("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle SENDMMSG =
      Netns.call(
          "sendmmsg", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      Netns.call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private final int fd;

  private RawSocket(int fd) {
    this.fd = fd;
  }

  static RawSocket open(Netns netns) throws Exception {
    int fd = netns.inside(() -> invoke(SOCKET, AF_INET, SOCK_RAW, IPPROTO_RAW));
    assertThat(fd).as("a raw socket").isNotNegative();
    return new RawSocket(fd);
  }

  void send(byte[] packet) {
    flood(packet, 1, 1, (n, copy) -> {});
  }

  /**
   * Sends a packet many times.
   *
   * @param perSecond at most
   * @param vary changes each copy, given its number, before it leaves
   * @return how many left; the others the kernel had no room for
   */
  long flood(byte[] packet, long count, long perSecond, BiConsumer<Long, ByteBuffer> vary) {
    try (Arena memory = Arena.ofConfined()) {
      MemorySegment messages = memory.allocate((long) BATCH * MMSGHDR_BYTES, 8);
      ByteBuffer[] copies = new ByteBuffer[BATCH];
      for (int i = 0; i < BATCH; i++) {
        copies[i] = lay(memory, messages.asSlice((long) i * MMSGHDR_BYTES, MMSGHDR_BYTES), packet);
      }
      long left = 0;
      Pace pace = new Pace(perSecond, BATCH);
      for (long n = 0; n < count; ) {
        int batch = (int) Math.min(BATCH, count - n);
        while (!pace.take(batch)) {
          LockSupport.parkNanos(50_000); // no spinning: it would take the core from whom we flood
        }
        for (int i = 0; i < batch; i++) {
          vary.accept(n + i, copies[i]);
        }
        left += Math.max(0, invoke(SENDMMSG, fd, messages, batch, 0));
        n += batch;
      }
      return left;
    }
  }

  /** struct mmsghdr: name, its length, iovec, their number, ... */
  private static ByteBuffer lay(Arena memory, MemorySegment message, byte[] packet) {
    MemorySegment name = memory.allocate(SOCKADDR_BYTES, 8);
    name.set(JAVA_BYTE, 0, (byte) AF_INET);
    MemorySegment.copy(packet, Packets.DESTINATION_ADDRESS, name, JAVA_BYTE, 4, 4);
    MemorySegment copy = memory.allocateFrom(JAVA_BYTE, packet);
    MemorySegment iovec = memory.allocate(IOVEC_BYTES, 8);
    iovec.set(JAVA_LONG, 0, copy.address());
    iovec.set(JAVA_LONG, 8, packet.length);
    message.set(JAVA_LONG, 0, name.address());
    message.set(JAVA_INT, 8, SOCKADDR_BYTES);
    message.set(JAVA_LONG, 16, iovec.address());
    message.set(JAVA_LONG, 24, 1);
    return copy.asByteBuffer();
  }

  @Override
  public void close() {
    assertThat(invoke(CLOSE, fd)).isZero();
  }

  private static int invoke(MethodHandle function, Object... arguments) {
    try {
      return (int) function.invokeWithArguments(arguments);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
