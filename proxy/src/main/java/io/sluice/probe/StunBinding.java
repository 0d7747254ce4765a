package io.sluice.probe;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * STUN Binding (RFC 8489): cookie and transaction id come back, with the address we were seen as.
 */
final class StunBinding implements Question {
  private static final int MAGIC_COOKIE = 0x2112_A442;
  private static final int BINDING_REQUEST = 0x0001;
  private static final int BINDING_SUCCESS = 0x0101;
  private static final int BINDING_ERROR = 0x0111;
  private static final int MAPPED_ADDRESS = 0x0001;
  private static final int ERROR_CODE = 0x0009;
  private static final int XOR_MAPPED_ADDRESS = 0x0020;
  private static final int HEADER = 20;

  private final byte[] transaction = Chance.bytes(12);

  @Override
  public byte[] datagram() {
    return ByteBuffer.allocate(HEADER)
        .putShort((short) BINDING_REQUEST)
        .putShort((short) 0)
        .putInt(MAGIC_COOKIE)
        .put(transaction)
        .array();
  }

  @Override
  public boolean isAnsweredBy(ByteBuffer datagram) throws IOException {
    int type = datagram.getShort();
    int length = Short.toUnsignedInt(datagram.getShort());
    int cookie = datagram.getInt();
    byte[] id = new byte[transaction.length];
    datagram.get(id);
    if ((type != BINDING_SUCCESS && type != BINDING_ERROR)
        || cookie != MAGIC_COOKIE
        || length != datagram.remaining()
        || !Arrays.equals(id, transaction)) {
      return false;
    }
    boolean mapped = false;
    while (datagram.hasRemaining()) {
      int attribute = Short.toUnsignedInt(datagram.getShort());
      int size = Short.toUnsignedInt(datagram.getShort());
      ByteBuffer value = datagram.slice(datagram.position(), Math.min(size, datagram.remaining()));
      if (attribute == ERROR_CODE && type == BINDING_ERROR) {
        throw new IOException("answered error " + ((value.get(2) & 7) * 100 + value.get(3)));
      }
      mapped |= attribute == XOR_MAPPED_ADDRESS || attribute == MAPPED_ADDRESS;
      datagram.get(new byte[size + 3 & ~3]); // values fill up words
    }
    if (!mapped) {
      throw new IOException(
          "answered without " + (type == BINDING_ERROR ? "a code" : "an address"));
    }
    return true;
  }
}
