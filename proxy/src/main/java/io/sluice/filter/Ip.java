package io.sluice.filter;

import java.net.InetAddress;
import java.security.SecureRandom;
import org.jspecify.annotations.Nullable;

/**
 * An address as two words; an IPv4 address in its mapped form ({@code ::ffff:a.b.c.d}), so that
 * both forms of one client are the same.
 *
 * <p>The hash is seeded: clients choose their addresses, and must not be able to choose them so
 * that they all meet in one bucket.
 */
final class Ip {
  private static final long MAPPED = 0xffffL << 32;
  private static final long SEED_0;
  private static final long SEED_1;

  static {
    SecureRandom random = new SecureRandom();
    SEED_0 = random.nextLong();
    SEED_1 = random.nextLong() | 1;
  }

  final long hi;
  final long lo;

  private Ip(long hi, long lo) {
    this.hi = hi;
    this.lo = lo;
  }

  static Ip of(InetAddress address) {
    byte[] bytes = address.getAddress();
    return bytes.length == 4
        ? new Ip(0, MAPPED | word(bytes, 0, 4))
        : new Ip(word(bytes, 0, 8), word(bytes, 8, 16));
  }

  private static long word(byte[] bytes, int from, int to) {
    long word = 0;
    for (int i = from; i < to; i++) {
      word = word << 8 | (bytes[i] & 0xff);
    }
    return word;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Ip that && hi == that.hi && lo == that.lo;
  }

  @Override
  public int hashCode() {
    long a = hi ^ SEED_0;
    long b = lo ^ SEED_1;
    long folded = a * b ^ Math.unsignedMultiplyHigh(a, b);
    return (int) (folded ^ folded >>> 32);
  }
}
