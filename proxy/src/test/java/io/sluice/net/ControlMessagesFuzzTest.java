package io.sluice.net;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@code JAZZER_FUZZ=1 mvn -pl proxy test -Dtest=ControlMessagesFuzzTest -Djazzer.hooks=true}
 * fuzzes; else its inputs are replayed.
 */
class ControlMessagesFuzzTest {
  @FuzzTest(maxDuration = "1m")
  void noBytesLeadOutOfTheBlock(FuzzedDataProvider data) {
    int level = data.consumeInt();
    int type = data.consumeInt();
    int bytes = data.consumeInt(0, 64);
    byte[] chain = data.consumeRemainingAsBytes();
    if (chain.length > 1_024) {
      return;
    }
    MemorySegment block = Arena.ofAuto().allocate(1_024, 8);
    MemorySegment.copy(chain, 0, block, JAVA_BYTE, 0, chain.length);
    long at = ControlMessages.find(block, 0, chain.length, level, type, bytes);
    if (at != -1 && (at < Linux.CMSG_HEADER_BYTES || at + bytes > chain.length)) {
      throw new AssertionError("data at " + at + " of " + chain.length + " bytes");
    }
  }
}
