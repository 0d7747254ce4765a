package io.sluice.admin;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/** IPv4 packets as bytes (RFC 791, 768, 792); a {@link RawSocket} sends them. */
final class Packets {
  static final int SOURCE_ADDRESS = 12;
  static final int DESTINATION_ADDRESS = 16;
  static final int SOURCE_PORT = 20;
  static final int DESTINATION_PORT = 22;
  static final int UDP_LENGTH = 24;
  static final int UDP_CHECKSUM = 26;

  static final int PORT_UNREACHABLE = 3;

  private static final int TOTAL_LENGTH = 2;
  private static final int IP_HEADER = 20;
  private static final int ICMP_HEADER = 8;
  private static final int UDP_HEADER = 8;
  private static final int ICMP = 1;
  private static final int UDP = 17;
  private static final int MORE_FRAGMENTS = 0x2000;

  private Packets() {}

  /** Without a UDP checksum, which is allowed. */
  static byte[] udp(InetSocketAddress from, InetSocketAddress to, byte[] payload) {
    byte[] packet = ip(UDP, from, to, UDP_HEADER + payload.length);
    ByteBuffer.wrap(packet)
        .position(IP_HEADER)
        .putShort((short) from.getPort())
        .putShort((short) to.getPort())
        .putShort((short) (UDP_HEADER + payload.length))
        .putShort((short) 0)
        .put(payload);
    return packet;
  }

  /** "Destination unreachable", for a datagram that {@code blamed} once sent to {@code missed}. */
  static byte[] unreachable(
      int code,
      int nextHopMtu,
      InetSocketAddress reporter,
      InetSocketAddress blamed,
      InetSocketAddress missed) {
    byte[] quoted = udp(blamed, missed, new byte[0]);
    // In the quotation, unlike in the header that the kernel completes, the length counts.
    ByteBuffer.wrap(quoted).putShort(TOTAL_LENGTH, (short) quoted.length);
    byte[] packet = ip(ICMP, reporter, blamed, ICMP_HEADER + quoted.length);
    ByteBuffer icmp = ByteBuffer.wrap(packet).position(IP_HEADER);
    icmp.put((byte) 3).put((byte) code).putShort((short) 0).putInt(nextHopMtu).put(quoted);
    icmp.putShort(IP_HEADER + 2, checksum(packet, IP_HEADER));
    return packet;
  }

  /**
   * Payload bytes {@code from} to {@code to - 1} of a packet, as a fragment.
   *
   * @param from a multiple of 8
   */
  static byte[] fragment(byte[] packet, int id, int from, int to) {
    byte[] fragment = new byte[IP_HEADER + to - from];
    boolean last = IP_HEADER + to == packet.length;
    ByteBuffer.wrap(fragment)
        .put(packet, 0, IP_HEADER)
        .put(packet, IP_HEADER + from, to - from)
        .putShort(4, (short) id)
        .putShort(6, (short) (from / 8 | (last ? 0 : MORE_FRAGMENTS)));
    return fragment;
  }

  /** A header before {@code bytes} of nothing; total length and checksum are the kernel's. */
  private static byte[] ip(int protocol, InetSocketAddress from, InetSocketAddress to, int bytes) {
    byte[] packet = new byte[IP_HEADER + bytes];
    ByteBuffer.wrap(packet)
        .put(0, (byte) 0x45) // version 4, header of 5 words
        .put(8, (byte) 64) // time to live
        .put(9, (byte) protocol)
        .put(SOURCE_ADDRESS, from.getAddress().getAddress())
        .put(DESTINATION_ADDRESS, to.getAddress().getAddress());
    return packet;
  }

  private static short checksum(byte[] bytes, int from) {
    int sum = 0;
    for (int i = from; i < bytes.length; i += 2) {
      sum += (bytes[i] & 0xFF) << 8 | (i + 1 < bytes.length ? bytes[i + 1] & 0xFF : 0);
    }
    sum = (sum & 0xFFFF) + (sum >>> 16);
    return (short) ~((sum & 0xFFFF) + (sum >>> 16));
  }
}
