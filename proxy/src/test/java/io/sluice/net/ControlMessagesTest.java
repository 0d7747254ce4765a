package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ControlMessagesTest {
  private static final int BLOCK = 128;

  private final MemorySegment block = Arena.ofAuto().allocate(BLOCK, 8);

  @Test
  void findsAMessageBehindOthers() {
    message(0, 20, 1, 40);
    message(24, 28, Linux.SOL_IP, Linux.IP_PKTINFO);
    assertThat(find(56, Linux.SOL_IP, Linux.IP_PKTINFO, 12)).isEqualTo(40);
    assertThat(find(56, 1, 40, 4)).isEqualTo(16);
    assertThat(find(56, 1, 41, 4)).isEqualTo(-1);
  }

  @Test
  void anEmptyOrCutOrLyingChainHasNothing() {
    assertThat(find(0, 0, 0, 0)).isEqualTo(-1);
    message(0, 28, Linux.SOL_IP, Linux.IP_PKTINFO);
    assertThat(find(15, Linux.SOL_IP, Linux.IP_PKTINFO, 12)).isEqualTo(-1);
    assertThat(find(27, Linux.SOL_IP, Linux.IP_PKTINFO, 12)).isEqualTo(-1);
    assertThat(find(28, Linux.SOL_IP, Linux.IP_PKTINFO, 12)).isEqualTo(16);
    message(0, 20, Linux.SOL_IP, Linux.IP_PKTINFO); // shorter than its kind
    assertThat(find(32, Linux.SOL_IP, Linux.IP_PKTINFO, 12)).isEqualTo(-1);
    for (long length : new long[] {0, 15, -1, Long.MIN_VALUE, Long.MAX_VALUE, BLOCK + 1}) {
      message(0, length, 9, 9);
      assertThat(find(BLOCK, 8, 8, 0)).as("length %d", length).isEqualTo(-1);
    }
  }

  /**
   * Seeded, so that a failure repeats: whatever the bytes, the answer lies within the block and the
   * search ends.
   */
  @Test
  void noBytesLeadOutOfTheBlock() {
    Random random = new Random(20_261_122);
    for (int round = 0; round < 200_000; round++) {
      for (int i = 0; i < BLOCK; i++) {
        block.set(JAVA_BYTE, i, (byte) (random.nextInt(4) == 0 ? random.nextInt(256) : 0));
      }
      if (random.nextBoolean()) {
        message(0, 16 + random.nextInt(40), random.nextInt(3), random.nextInt(3));
      }
      int used = random.nextInt(BLOCK + 1);
      int bytes = random.nextInt(32);
      long at = find(used, random.nextInt(3), random.nextInt(3), bytes);
      assertThat(at == -1 || (at >= Linux.CMSG_HEADER_BYTES && at + bytes <= used))
          .as("round %d: data at %d of %d bytes", round, at, used)
          .isTrue();
    }
  }

  private void message(long at, long length, int level, int type) {
    block.set(JAVA_LONG, at, length);
    block.set(JAVA_INT, at + 8, level);
    block.set(JAVA_INT, at + 12, type);
  }

  private long find(long used, int level, int type, int bytes) {
    return ControlMessages.find(block, 0, used, level, type, bytes);
  }
}
