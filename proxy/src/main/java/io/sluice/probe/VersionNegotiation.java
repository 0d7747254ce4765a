package io.sluice.probe;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * QUIC, of whatever version: a packet of a version that no server has makes it list those it does
 * (RFC 9000, section 6). What is read here is the same in every version (RFC 8999). No connection
 * begins.
 */
final class VersionNegotiation implements Question {
  private static final int LONG_HEADER = 0x80;
  private static final int FIXED_BIT = 0x40;
  private static final int RESERVED = 0x0a0a_0a0a; // 0x?a?a?a?a, RFC 9000, section 15
  private static final int SMALLEST_FIRST = 1_200; // or it is dropped, RFC 9000, section 14.1
  private static final int ID = 8; // a server may ignore shorter ones

  private final byte[] destination = Chance.bytes(ID);
  private final byte[] source = Chance.bytes(ID);
  private final int version =
      RESERVED | (ByteBuffer.wrap(Chance.bytes(Integer.BYTES)).getInt() & 0xf0f0_f0f0);

  @Override
  public byte[] datagram() {
    ByteBuffer packet = ByteBuffer.wrap(Chance.bytes(SMALLEST_FIRST)); // noise, as if encrypted
    packet.put((byte) (LONG_HEADER | FIXED_BIT)).putInt(version);
    packet.put((byte) ID).put(destination).put((byte) ID).put(source);
    return packet.array();
  }

  /** Our source is the destination of its answer, and the other way round. */
  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    boolean isLong = (datagram.get() & LONG_HEADER) != 0;
    int negotiation = datagram.getInt();
    if (!isLong
        || negotiation != 0
        || !Arrays.equals(id(datagram), source)
        || !Arrays.equals(id(datagram), destination)) {
      return false;
    }
    if (!datagram.hasRemaining() || datagram.remaining() % Integer.BYTES != 0) {
      throw new IOException("answered with no list of versions");
    }
    return true;
  }

  private static byte[] id(ByteBuffer datagram) {
    byte[] id = new byte[Byte.toUnsignedInt(datagram.get())];
    datagram.get(id);
    return id;
  }
}
