package io.sluice.net;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Makes the kernel deliver everything that arrives for a reuseport group to one chosen socket of
 * it, by a classic BPF program of one instruction (socket(7), SO_ATTACH_REUSEPORT_CBPF): the
 * deterministic way to make a flow's datagrams arrive on another worker.
 */
public final class Steering {
  private static final int SO_ATTACH_REUSEPORT_CBPF = 51;
  private static final short BPF_RET_K = 0x06;

  private Steering() {}

  /**
   * From now on the {@code index}-th socket of the group, in the order of binding, receives all.
   */
  @SuppressWarnings("restricted")
  public static void all(UdpSocket anyOfGroup, int index) throws Throwable {
    Linker linker = Linker.nativeLinker();
    MethodHandle setsockopt =
        linker.downcallHandle(
            linker.defaultLookup().find("setsockopt").orElseThrow(),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment instruction = arena.allocate(8, 8); // struct sock_filter: code, jt, jf, k
      instruction.set(JAVA_SHORT, 0, BPF_RET_K);
      instruction.set(JAVA_INT, 4, index);
      MemorySegment program = arena.allocate(16, 8); // struct sock_fprog: count, instructions
      program.set(JAVA_SHORT, 0, (short) 1);
      program.set(ADDRESS, 8, instruction);
      int result =
          (int)
              setsockopt.invokeExact(
                  anyOfGroup.fd().intValue(),
                  Linux.SOL_SOCKET,
                  SO_ATTACH_REUSEPORT_CBPF,
                  program,
                  16);
      if (result != 0) {
        throw new AssertionError("SO_ATTACH_REUSEPORT_CBPF was refused");
      }
    }
  }
}
