package io.sluice.probe;

import java.security.SecureRandom;
import java.util.HexFormat;

/** Ids that nobody who does not see the question can guess. */
final class Chance {
  private static final SecureRandom RANDOM = new SecureRandom();

  private Chance() {}

  static byte[] bytes(int count) {
    byte[] bytes = new byte[count];
    RANDOM.nextBytes(bytes);
    return bytes;
  }

  static String hex(int bytes) {
    return HexFormat.of().formatHex(bytes(bytes));
  }
}
