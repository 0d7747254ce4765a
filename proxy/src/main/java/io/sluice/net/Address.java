package io.sluice.net;

import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

/**
 * A socket address as the kernel keeps it: the words of a {@code sockaddr_in} or {@code
 * sockaddr_in6}, so that comparing, storing and passing one on needs no conversion.
 *
 * @param head family (16 bits, host order), port (16 bits, network order), then the IPv4 address or
 *     IPv6's flow info (32 bits)
 * @param hi first 8 bytes of an IPv6 address, 0 for IPv4
 * @param lo last 8 bytes of an IPv6 address, 0 for IPv4
 * @param scope IPv6 scope id, 0 for IPv4
 */
public record Address(long head, long hi, long lo, int scope) {

  /** The address {@code 0.0.0.0:0} or {@code [::]:0}, as kernel words. */
  static Address any(boolean ipv6) {
    return new Address(ipv6 ? Linux.AF_INET6 : Linux.AF_INET, 0, 0, 0);
  }

  /** {@code 127.0.0.1:0}, as kernel words. */
  static Address loopback() {
    return new Address(Linux.AF_INET | 0x0100_007FL << 32, 0, 0, 0);
  }

  public static Address of(InetSocketAddress address) {
    InetAddress ip = address.getAddress();
    byte[] bytes = ip.getAddress();
    long port = Short.toUnsignedLong(Short.reverseBytes((short) address.getPort())) << 16;
    if (ip instanceof Inet6Address ip6) {
      return new Address(
          Linux.AF_INET6 | port, word(bytes, 0, 8), word(bytes, 8, 8), ip6.getScopeId());
    }
    return new Address(Linux.AF_INET | port | word(bytes, 0, 4) << 32, 0, 0, 0);
  }

  public InetSocketAddress toInetSocketAddress() {
    byte[] bytes = new byte[isIpv6() ? 16 : 4];
    if (isIpv6()) {
      bytes(hi, bytes, 0, 8);
      bytes(lo, bytes, 8, 8);
    } else {
      bytes(head >>> 32, bytes, 0, 4);
    }
    try {
      // Not InetAddress.getByAddress for IPv6: it would turn an IPv4-mapped address into an IPv4
      // one.
      InetAddress ip =
          isIpv6()
              ? Inet6Address.getByAddress(null, bytes, scope)
              : InetAddress.getByAddress(bytes);
      return new InetSocketAddress(ip, port());
    } catch (UnknownHostException impossible) {
      throw new AssertionError(impossible);
    }
  }

  /**
   * The local address of {@link Batch#localHi} and {@link Batch#localLo}, with a port.
   *
   * @param clientScope the client's scope, which a link-local address of ours shares
   */
  public static Address local(boolean ipv6, long localHi, long localLo, int port, int clientScope) {
    boolean linkLocal = (localHi & 0xC0FF) == 0x80FE; // fe80::/10, its first byte lowest
    long netPort = Short.toUnsignedLong(Short.reverseBytes((short) port)) << 16;
    return ipv6
        ? new Address(Linux.AF_INET6 | netPort, localHi, localLo, linkLocal ? clientScope : 0)
        : new Address(Linux.AF_INET | netPort | localLo << 32, 0, 0, 0);
  }

  /** The same host's, with this port. */
  Address withPort(int port) {
    long netPort = Short.toUnsignedLong(Short.reverseBytes((short) port)) << 16;
    return new Address((head & ~0xFFFF_0000L) | netPort, hi, lo, scope);
  }

  public boolean isIpv6() {
    return isIpv6(head);
  }

  /** Whether {@code head} is that of an IPv6 address. */
  public static boolean isIpv6(long head) {
    return (short) head == Linux.AF_INET6;
  }

  /**
   * Whether something can be sent to an address of these words: it has a port and is neither
   * multicast, broadcast nor unspecified.
   */
  public static boolean isAnswerable(long head, long hi, long lo) {
    if ((head & 0xFFFF_0000L) == 0) {
      return false; // port 0
    }
    if (isIpv6(head)) {
      return (hi & 0xFF) != 0xFF && (hi | lo) != 0; // neither ff00::/8 nor ::
    }
    long ip = head >>> 32; // its first byte lowest
    return ip != 0 && ip != 0xFFFF_FFFFL && (ip & 0xF0) != 0xE0; // 224.0.0.0/4
  }

  public int port() {
    return Short.toUnsignedInt(Short.reverseBytes((short) (head >>> 16)));
  }

  /** Whether a socket at the one would keep others from the other. */
  public boolean overlaps(Address other) {
    return port() == other.port()
        && port() != 0
        && isIpv6() == other.isIpv6()
        && (isWildcard() || other.isWildcard() || equals(other));
  }

  /** Whether it stands for every local address. */
  public boolean isWildcard() {
    return hi == 0 && lo == 0 && (isIpv6() || head >>> 32 == 0);
  }

  /**
   * Bytes {@code from} to {@code from + n - 1} as they lie in memory: both machines we run on are
   * little-endian.
   */
  private static long word(byte[] bytes, int from, int n) {
    long word = 0;
    for (int i = 0; i < n; i++) {
      word |= Byte.toUnsignedLong(bytes[from + i]) << (8 * i);
    }
    return word;
  }

  private static void bytes(long word, byte[] bytes, int from, int n) {
    for (int i = 0; i < n; i++) {
      bytes[from + i] = (byte) (word >>> (8 * i));
    }
  }

  @Override
  public String toString() {
    return NetUtil.toSocketAddressString(toInetSocketAddress());
  }
}
