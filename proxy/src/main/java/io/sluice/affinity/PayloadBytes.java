package io.sluice.affinity;

import io.netty.buffer.ByteBuf;
import java.net.InetSocketAddress;

/** Some bytes of the datagram, wherever its sender is. */
final class PayloadBytes implements KeyExtractor {
  private static final int MAX_LENGTH = 64;

  private final int offset;
  private final int length;
  private final KeyExtractor fallback;

  PayloadBytes(int offset, int length, KeyExtractor fallback) {
    if (offset < 0) {
      throw new IllegalArgumentException("offset " + offset + " is negative");
    }
    if (length < 1 || length > MAX_LENGTH) {
      throw new IllegalArgumentException(
          "length " + length + " is not within 1 to " + MAX_LENGTH + " bytes");
    }
    this.offset = offset;
    this.length = length;
    this.fallback = fallback;
  }

  @Override
  public long keyOf(InetSocketAddress client, ByteBuf payload) {
    if (payload.readableBytes() - offset < length) {
      return fallback.keyOf(client, payload);
    }
    int from = payload.readerIndex() + offset;
    long hash = Mix.START;
    long word = 0;
    for (int i = 0; i < length; i++) {
      // Byte by byte: getLong would depend on the buffer's order.
      word = word << 8 | payload.getUnsignedByte(from + i);
      if ((i & 7) == 7) {
        hash = Mix.add(hash, word);
        word = 0;
      }
    }
    return (length & 7) == 0 ? hash : Mix.add(hash, word);
  }
}
