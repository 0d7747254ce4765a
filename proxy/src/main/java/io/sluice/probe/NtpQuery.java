package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * NTP, a client's query (RFC 5905). The server's clock must be synchronised; whether it is right is
 * not asked. What we send as our own time is random: it comes back as the origin, and is the id.
 */
final class NtpQuery implements Question {
  private static final int PACKET = 48;
  private static final int CLIENT = 4 << 3 | 3; // version 4, mode 3
  private static final int SERVER = 4;
  private static final int UNSYNCHRONISED = 3;
  private static final int MOST_STRATUM = 15;
  private static final int REFERENCE_ID_AT = 12;
  private static final int ORIGIN_AT = 24;
  private static final int TRANSMIT_AT = 40;

  private final long transmit = ByteBuffer.wrap(Chance.bytes(Long.BYTES)).getLong();

  @Override
  public byte[] datagram() {
    return ByteBuffer.allocate(PACKET).put((byte) CLIENT).putLong(TRANSMIT_AT, transmit).array();
  }

  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    int first = Byte.toUnsignedInt(datagram.get(0));
    if (datagram.remaining() < PACKET
        || (first & 7) != SERVER
        || datagram.getLong(ORIGIN_AT) != transmit) {
      return false;
    }
    int stratum = Byte.toUnsignedInt(datagram.get(1));
    if (stratum == 0 && datagram.getInt(REFERENCE_ID_AT) != 0) {
      byte[] code = new byte[Integer.BYTES];
      datagram.get(REFERENCE_ID_AT, code);
      String kiss = new String(code, ISO_8859_1);
      throw new IOException("answered kiss-o'-death " + Reason.quoted(kiss));
    }
    if (first >> 6 == UNSYNCHRONISED || stratum == 0 || stratum > MOST_STRATUM) {
      throw new IOException("is not synchronised (stratum " + stratum + ")");
    }
    return true;
  }
}
