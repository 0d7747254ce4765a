package io.sluice.filter;

import java.net.InetAddress;

/** All addresses that begin with the same bits, as CIDR writes them. */
public final class Network {
  private final String text;
  private final Ip base;
  private final long maskHi;
  private final long maskLo;

  private Network(String text, Ip base, int bits) {
    this.text = text;
    this.base = base;
    maskHi = leading(bits);
    maskLo = leading(bits - 64);
  }

  /**
   * A network.
   *
   * @param bits how many, 0 to 32 of an IPv4 and 0 to 128 of an IPv6 address
   */
  public static Network of(InetAddress address, int bits) {
    boolean v4 = address.getAddress().length == 4;
    String text = address.getHostAddress() + "/" + bits;
    return new Network(text, Ip.of(address), v4 ? 96 + bits : bits);
  }

  boolean contains(Ip ip) {
    return ((base.hi ^ ip.hi) & maskHi) == 0 && ((base.lo ^ ip.lo) & maskLo) == 0;
  }

  private static long leading(int bits) {
    return bits <= 0 ? 0 : bits >= 64 ? -1 : -1L << (64 - bits);
  }

  @Override
  public String toString() {
    return text;
  }
}
