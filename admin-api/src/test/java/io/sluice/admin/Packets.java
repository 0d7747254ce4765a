package io.sluice.admin;

import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** IPv4 packets as bytes (RFC 791, 768, 792); a {@link RawSocket} sends them. */
@SuppressWarnings("ByteBufferBackingArray") // each buffer is allocated here
final class Packets {
  static final int SOURCE_ADDRESS = 12;
  static final int SOURCE_PORT = 20;
  static final int UDP_LENGTH = 24;
  static final int UDP_CHECKSUM = 26;

  static final int HOST_UNREACHABLE = 1;
  static final int PROTOCOL_UNREACHABLE = 2;
  static final int PORT_UNREACHABLE = 3;
  static final int FRAGMENTATION_NEEDED = 4;

  private static final int IP_HEADER = 20;
  private static final int UDP_HEADER = 8;
  private static final int ICMP = 1;
  private static final int UDP = 17;
  private static final int MORE_FRAGMENTS = 0x2000;

  private Packets() {}

  /** Without a UDP checksum, which is allowed. */
  static byte[] udp(InetSocketAddress from, InetSocketAddress to, byte[] payload) {
    ByteBuffer packet = ip(UDP, from, to, UDP_HEADER + payload.length);
    packet.putShort((short) from.getPort());
    packet.putShort((short) to.getPort());
    packet.putShort((short) (UDP_HEADER + payload.length));
    packet.putShort((short) 0);
    return packet.put(payload).array();
  }

  /** "Destination unreachable", for a datagram that {@code blamed} once sent to {@code missed}. */
  static byte[] unreachable(
      int code,
      int nextHopMtu,
      InetSocketAddress reporter,
      InetSocketAddress blamed,
      InetSocketAddress missed) {
    byte[] quoted = Arrays.copyOf(udp(blamed, missed, new byte[0]), IP_HEADER + UDP_HEADER);
    ByteBuffer packet = ip(ICMP, reporter, blamed, 8 + quoted.length);
    packet.put((byte) 3).put((byte) code).putShort((short) 0).putInt(nextHopMtu).put(quoted);
    byte[] bytes = packet.array();
    // In the quotation, unlike in the header that the kernel completes, the length counts.
    ByteBuffer.wrap(bytes).putShort(IP_HEADER + 8 + 2, (short) quoted.length);
    ByteBuffer.wrap(bytes).putShort(IP_HEADER + 2, checksum(bytes, IP_HEADER));
    return bytes;
  }

  /**
   * Payload bytes {@code from} to {@code to - 1} of a packet, as a fragment.
   *
   * @param from a multiple of 8
   */
  static byte[] fragment(byte[] packet, int id, int from, int to) {
    ByteBuffer fragment = ByteBuffer.allocate(IP_HEADER + to - from);
    fragment.put(packet, 0, IP_HEADER).put(packet, IP_HEADER + from, to - from);
    fragment.putShort(4, (short) id);
    boolean last = IP_HEADER + to == packet.length;
    fragment.putShort(6, (short) (from / 8 | (last ? 0 : MORE_FRAGMENTS)));
    return fragment.array();
  }

  /** Leaves the position behind the header; total length and checksum are the kernel's to fill. */
  private static ByteBuffer ip(
      int protocol, InetSocketAddress from, InetSocketAddress to, int bytes) {
    ByteBuffer packet = ByteBuffer.allocate(IP_HEADER + bytes);
    packet.put(0, (byte) 0x45).put(8, (byte) 64).put(9, (byte) protocol);
    packet.put(SOURCE_ADDRESS, from.getAddress().getAddress());
    packet.put(16, to.getAddress().getAddress());
    return packet.position(IP_HEADER);
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
