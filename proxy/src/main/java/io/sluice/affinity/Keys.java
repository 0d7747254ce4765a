package io.sluice.affinity;

/** The built-in key extractors, named as {@code affinity.key} names them. */
public final class Keys {
  private Keys() {}

  /**
   * {@code source-ip}: the client's address without its port. An IPv4-mapped IPv6 address counts as
   * its IPv4 address here and below; a scope id does not count.
   */
  public static KeyExtractor sourceIp() {
    return new SourcePrefix(32, 128);
  }

  /**
   * {@code source-prefix}: the leading bits of the client's address.
   *
   * @param v4Bits of an IPv4 address, 1 to 32
   * @param v6Bits of an IPv6 address, 1 to 128
   */
  public static KeyExtractor sourcePrefix(int v4Bits, int v6Bits) {
    return new SourcePrefix(v4Bits, v6Bits);
  }

  /** {@code source-address}: the client's address and port. */
  public static KeyExtractor sourceAddress() {
    return new SourceAddress();
  }

  /**
   * {@code payload}: some bytes of the datagram; the {@link #sourceAddress} of one too short for
   * them.
   *
   * @param offset of the first byte, at least 0
   * @param length in bytes, 1 to 64
   */
  public static KeyExtractor payload(int offset, int length) {
    return new PayloadBytes(offset, length, sourceAddress());
  }
}
