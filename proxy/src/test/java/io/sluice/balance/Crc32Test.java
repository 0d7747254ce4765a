package io.sluice.balance;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class Crc32Test {
  @Test
  void checkValueOfTheStandard() {
    int state = Crc32.START;
    for (byte b : "123456789".getBytes(US_ASCII)) {
      state = Crc32.add(state, b);
    }
    assertThat(~state).isEqualTo(0xCBF43926);
  }

  @Test
  void wordsCountAsTheirBytes() {
    SplittableRandom random = new SplittableRandom(42);
    for (int i = 0; i < 1_000; i++) {
      long word = random.nextLong();
      byte[] bytes =
          ByteBuffer.allocate(12)
              .putLong(word)
              .order(ByteOrder.LITTLE_ENDIAN)
              .putInt((int) word)
              .array();
      int state = Crc32.addLittleEndian(Crc32.addBigEndian(Crc32.START, word), (int) word);
      assertThat(~state).as("seed 42, word %x", word).isEqualTo(jdk(bytes));
    }
  }

  private static int jdk(byte[] bytes) {
    var crc = new java.util.zip.CRC32();
    crc.update(bytes);
    return (int) crc.getValue();
  }
}
