package io.sluice.net;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;

/**
 * A classic BPF program (socket(7), SO_ATTACH_REUSEPORT_CBPF; linux/filter.h) that deals clients to
 * the first {@code n} sockets of a reuseport group by a hash of their address and port.
 *
 * <p>The kernel's own hash is spread over all sockets of the group, so that each one that joins or
 * leaves sends about half of all clients to another. Under this program those behind the first
 * {@code n} may come and go: they are never dealt to, and move nobody.
 *
 * <p>Each word is mixed in by a xor and a multiplication with a random odd number, so that clients
 * cannot choose their ports to meet on one worker; the upper half of the last product decides.
 */
final class Dealer {
  private static final short LOAD_NUMBER = 0x00;
  private static final short LOAD_WORD = 0x20;
  private static final short LOAD_HALF = 0x28;
  private static final short COPY_TO_X = 0x07;
  private static final short XOR_X = (short) 0xAC;
  private static final short MULTIPLY = 0x24;
  private static final short SHIFT_RIGHT = 0x74;
  private static final short MODULO = (short) 0x94;
  private static final short RETURN_A = 0x16;

  /** SKF_NET_OFF: what is loaded from here on lies in the IP header. */
  private static final int IP_HEADER = -0x10_0000;

  /** Offsets of the words of a source address. */
  private static final int[] IPV4_SOURCE = {12};

  private static final int[] IPV6_SOURCE = {8, 12, 16, 20};

  /**
   * Behind a header without options: with some, their bytes stand in for the port, which is as
   * steady as they are.
   */
  private static final int IPV4_PORT = 20;

  private static final int IPV6_PORT = 40;

  private static final int INSTRUCTIONS_MAX = 32;
  private static final int INSTRUCTION_BYTES = 8;

  private final SecureRandom random = new SecureRandom();
  private final MemorySegment code;
  private int count;

  private Dealer(Arena arena) {
    code = arena.allocate((long) INSTRUCTIONS_MAX * INSTRUCTION_BYTES, 8);
  }

  /** A struct sock_fprog, as long as its arena lives. */
  static MemorySegment program(Arena arena, boolean ipv6, int n) {
    Dealer dealer = new Dealer(arena);
    dealer.add(LOAD_NUMBER, dealer.random.nextInt());
    for (int word : ipv6 ? IPV6_SOURCE : IPV4_SOURCE) {
      dealer.mix(LOAD_WORD, word);
    }
    dealer.mix(LOAD_HALF, ipv6 ? IPV6_PORT : IPV4_PORT);
    dealer.add(SHIFT_RIGHT, 16);
    dealer.add(MODULO, n);
    dealer.add(RETURN_A, 0);
    MemorySegment program = arena.allocate(16, 8);
    program.set(JAVA_SHORT, 0, (short) dealer.count);
    program.set(ADDRESS, 8, dealer.code);
    return program;
  }

  private void mix(short load, int offset) {
    add(COPY_TO_X, 0);
    add(load, IP_HEADER + offset);
    add(XOR_X, 0);
    add(MULTIPLY, random.nextInt() | 1);
  }

  /** A struct sock_filter: code, two jumps that go nowhere, operand. */
  private void add(short instruction, int operand) {
    long at = (long) count++ * INSTRUCTION_BYTES;
    code.set(JAVA_SHORT, at, instruction);
    code.set(JAVA_INT, at + 4, operand);
  }
}
