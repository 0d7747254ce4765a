package io.sluice.balance;

/**
 * CRC-32 (ISO 3309, reflected polynomial 0xEDB88320) from any intermediate state and without an
 * object, neither of which {@link java.util.zip.CRC32} offers.
 *
 * <p>A checksum is {@code ~add(... add(START, byte), byte)}.
 */
final class Crc32 {
  static final int START = -1;

  private static final int[] TABLE = new int[256];

  static {
    for (int i = 0; i < 256; i++) {
      int crc = i;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc >>> 1) ^ (0xEDB88320 & -(crc & 1));
      }
      TABLE[i] = crc;
    }
  }

  private Crc32() {}

  /** Adds the low eight bits of {@code b}. */
  static int add(int state, int b) {
    return (state >>> 8) ^ TABLE[(state ^ b) & 0xff];
  }

  /** Adds the bytes of {@code word}, least significant first. */
  static int addLittleEndian(int state, int word) {
    return add(add(add(add(state, word), word >>> 8), word >>> 16), word >>> 24);
  }

  /** Adds the bytes of {@code word}, most significant first. */
  static int addBigEndian(int state, long word) {
    int high = Integer.reverseBytes((int) (word >>> 32));
    int low = Integer.reverseBytes((int) word);
    return addLittleEndian(addLittleEndian(state, high), low);
  }
}
