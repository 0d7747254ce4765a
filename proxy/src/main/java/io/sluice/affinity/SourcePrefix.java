package io.sluice.affinity;

import io.netty.buffer.ByteBuf;
import java.net.InetSocketAddress;

/**
 * The leading bits of the client's address, hashed as an IPv6 address: an IPv4 address is taken in
 * its mapped form ({@code ::ffff:a.b.c.d}), so that both forms of one client make one key.
 */
final class SourcePrefix implements KeyExtractor {
  private static final long MAPPED = 0xffffL << 32; // bits 64 to 95 of a mapped IPv4 address

  private final int v4Bits;
  private final int v6Bits;

  SourcePrefix(int v4Bits, int v6Bits) {
    this.v4Bits = within(1, v4Bits, 32);
    this.v6Bits = within(1, v6Bits, 128);
  }

  @Override
  public long keyOf(InetSocketAddress client, ByteBuf payload) {
    byte[] ip = client.getAddress().getAddress();
    long high = ip.length == 4 ? 0 : word(ip, 0, 8);
    long low = ip.length == 4 ? MAPPED | word(ip, 0, 4) : word(ip, 8, 16);
    boolean v4 = high == 0 && low >>> 32 == MAPPED >>> 32;
    int bits = v4 ? 96 + v4Bits : v6Bits;
    return Mix.add(Mix.add(Mix.START, high & leading(bits)), low & leading(bits - 64));
  }

  private static long leading(int bits) {
    return bits <= 0 ? 0 : bits >= 64 ? -1 : -1L << (64 - bits);
  }

  private static long word(byte[] bytes, int from, int to) {
    long word = 0;
    for (int i = from; i < to; i++) {
      word = word << 8 | (bytes[i] & 0xff);
    }
    return word;
  }

  private static int within(int min, int bits, int max) {
    if (bits < min || bits > max) {
      throw new IllegalArgumentException(
          "a prefix of " + bits + " bits is not within " + min + " to " + max);
    }
    return bits;
  }
}
