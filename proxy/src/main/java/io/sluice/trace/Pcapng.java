package io.sluice.trace;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.sluice.net.Address;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Writes sightings as pcapng (draft-ietf-opsawg-pcapng), each side an interface of raw IP packets.
 * Sockets see neither IP nor UDP headers: they are made up from the addresses.
 */
final class Pcapng {
  private static final int SECTION = 0x0A0D0D0A;
  private static final int INTERFACE = 1;
  private static final int STATISTICS = 5;
  private static final int PACKET = 6;
  private static final int MAGIC = 0x1A2B3C4D;

  /** LINKTYPE_RAW: a packet begins with its IP header. */
  private static final int RAW = 101;

  private static final int NANOSECONDS = 9;
  private static final int COMMENT = 1;
  private static final int APPLICATION = 4;
  private static final int IF_NAME = 2;
  private static final int IF_TSRESOL = 9;
  private static final int PACKET_FLAGS = 2;
  private static final int IF_RECEIVED = 4;
  private static final int IF_DROPPED = 5;
  private static final int INBOUND = 1;
  private static final int OUTBOUND = 2;

  private static final int IPV4_BYTES = 20;
  private static final int IPV6_BYTES = 40;
  private static final int UDP_BYTES = 8;
  private static final byte UDP = 17;
  private static final byte TTL = 64;
  private static final int DONT_FRAGMENT = 0x4000;

  /** The headers, and the largest payload there is: nothing is ever cut. */
  static final int LONGEST = IPV6_BYTES + UDP_BYTES + 65_527;

  private final ByteBuf out = Unpooled.buffer(64 << 10);
  private final ByteBuf packet = Unpooled.buffer(2_048);
  private final Map<String, Integer> interfaces;
  private final int snaplen;

  /** Added to a time by the loops' clock: nanoseconds since 1970. */
  private final long epochNanos;

  /**
   * Begins with a section of these interfaces.
   *
   * @param snaplen bytes kept of each packet, made-up headers included
   */
  Pcapng(String application, List<String> sides, int snaplen, long epochNanos) {
    this.snaplen = snaplen;
    this.epochNanos = epochNanos;
    interfaces =
        IntStream.range(0, sides.size()).boxed().collect(Collectors.toMap(sides::get, i -> i));
    int at = begin(SECTION);
    out.writeIntLE(MAGIC).writeShortLE(1).writeShortLE(0).writeLongLE(-1);
    option(APPLICATION, application);
    end(at);
    for (String side : sides) {
      at = begin(INTERFACE);
      out.writeShortLE(RAW).writeShortLE(0).writeIntLE(snaplen);
      option(IF_NAME, side);
      out.writeShortLE(IF_TSRESOL).writeShortLE(1).writeIntLE(NANOSECONDS);
      end(at);
    }
  }

  /** Takes out what has been written since. */
  byte[] take() {
    byte[] bytes = ByteBufUtil.getBytes(out);
    out.clear();
    return bytes;
  }

  /** Bytes written and not yet taken. */
  int size() {
    return out.readableBytes();
  }

  void write(Sighting seen) {
    assemble(seen);
    int kept = Math.min(packet.readableBytes(), snaplen);
    int headers = packet.readableBytes() - seen.payload().length;
    int at = begin(PACKET);
    out.writeIntLE(id(seen.side()));
    time(seen.atNanos());
    out.writeIntLE(kept).writeIntLE(headers + seen.bytes());
    out.writeBytes(packet, 0, kept);
    pad();
    if (seen.drop() != null) {
      option(COMMENT, "dropped: " + seen.drop());
    }
    if (!seen.note().isEmpty()) {
      option(COMMENT, seen.note());
    }
    out.writeShortLE(PACKET_FLAGS).writeShortLE(4);
    out.writeIntLE(seen.inbound() ? INBOUND : OUTBOUND);
    end(at);
  }

  /** What a side has seen so far, and what of that is missing here. */
  void statistics(String side, long atNanos, long seen, long lost, String comment) {
    int at = begin(STATISTICS);
    out.writeIntLE(id(side));
    time(atNanos);
    out.writeShortLE(IF_RECEIVED).writeShortLE(8).writeLongLE(seen);
    out.writeShortLE(IF_DROPPED).writeShortLE(8).writeLongLE(lost);
    if (!comment.isEmpty()) {
      option(COMMENT, comment);
    }
    end(at);
  }

  private int id(String side) {
    Integer id = interfaces.get(side);
    if (id == null) {
      throw new IllegalArgumentException("no interface " + side);
    }
    return id;
  }

  private int begin(int type) {
    int at = out.writerIndex();
    out.writeIntLE(type).writeIntLE(0);
    return at;
  }

  private void end(int at) {
    out.writeIntLE(0); // opt_endofopt
    int length = out.writerIndex() - at + 4;
    out.setIntLE(at + 4, length).writeIntLE(length);
  }

  private void option(int code, String text) {
    byte[] bytes = text.getBytes(UTF_8);
    out.writeShortLE(code).writeShortLE(bytes.length).writeBytes(bytes);
    pad();
  }

  /** To a multiple of four bytes. */
  private void pad() {
    out.writeZero(-out.writerIndex() & 3);
  }

  private void time(long atNanos) {
    long time = epochNanos + atNanos;
    out.writeIntLE((int) (time >>> 32)).writeIntLE((int) time);
  }

  /** The IP packet as it may have been on the wire, as far as its payload is here. */
  private void assemble(Sighting seen) {
    int length = UDP_BYTES + seen.bytes();
    Address from = seen.from();
    Address to = seen.to();
    packet.clear();
    int pseudo;
    if (from.isIpv6()) {
      packet.writeInt(6 << 28).writeShort(length).writeByte(UDP).writeByte(TTL);
      packet.writeLongLE(from.hi()).writeLongLE(from.lo());
      packet.writeLongLE(to.hi()).writeLongLE(to.lo());
      pseudo = sum(8, 2 * 16);
    } else {
      packet.writeShort(0x4500).writeShort(IPV4_BYTES + length);
      packet.writeShort(0).writeShort(DONT_FRAGMENT);
      packet.writeByte(TTL).writeByte(UDP).writeShort(0);
      packet.writeIntLE((int) (from.head() >>> 32)).writeIntLE((int) (to.head() >>> 32));
      packet.setShort(10, ~fold(sum(0, IPV4_BYTES)));
      pseudo = sum(12, 2 * 4);
    }
    int udp = packet.writerIndex();
    packet.writeShort(from.port()).writeShort(to.port()).writeShort(length).writeShort(0);
    packet.writeBytes(seen.payload());
    if (seen.payload().length == seen.bytes()) { // else 0: nobody knows it
      int checksum = ~fold(pseudo + UDP + length + sum(udp, length)) & 0xFFFF;
      packet.setShort(udp + 6, checksum == 0 ? 0xFFFF : checksum); // RFC 768
    }
  }

  /** Of 16-bit words in network order, the last padded (RFC 1071); 64 KiB of them fit an int. */
  private int sum(int from, int bytes) {
    int sum = 0;
    for (int i = 0; i + 1 < bytes; i += 2) {
      sum += packet.getUnsignedShort(from + i);
    }
    return bytes % 2 == 0 ? sum : sum + (packet.getUnsignedByte(from + bytes - 1) << 8);
  }

  private static int fold(int sum) {
    int folded = (sum & 0xFFFF) + (sum >>> 16);
    return (folded & 0xFFFF) + (folded >>> 16);
  }
}
