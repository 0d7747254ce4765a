package io.sluice.admin;

import java.nio.ByteBuffer;
import java.util.Random;

/**
 * Datagrams that say whose they are and the how manieth, of a size and content that follow from
 * that: so a receiver can tell whether one byte has changed.
 */
final class Numbered {
  static final int MAX_BYTES = 1_400;

  /** Flow, number, direction and a check of those three. */
  private static final int HEADER_BYTES = 16;

  /** Bodies are cut out of this at different places. */
  private static final byte[] NOISE = new byte[1 << 20];

  static {
    new Random(1).nextBytes(NOISE);
  }

  /** Which way a datagram goes: one that comes back as it went is no reply. */
  enum Way {
    REQUEST,
    REPLY
  }

  private Numbered() {}

  /** Makes {@code datagram} hold that datagram, ready to send. */
  static void write(ByteBuffer datagram, int flow, int number, Way way) {
    int mix = mix(flow, number, way);
    datagram.clear().putInt(flow).putInt(number).putInt(way.ordinal()).putInt(mix);
    datagram.put(NOISE, offset(mix), bodyBytes(mix)).flip();
  }

  /** Whether {@code datagram} is, byte for byte, what {@link #write} made. */
  static boolean isIntact(ByteBuffer datagram, Way way) {
    if (datagram.limit() < HEADER_BYTES) {
      return false;
    }
    int mix = mix(flow(datagram), number(datagram), way);
    ByteBuffer body = datagram.slice(HEADER_BYTES, datagram.limit() - HEADER_BYTES);
    return datagram.getInt(8) == way.ordinal()
        && datagram.getInt(12) == mix
        && body.equals(ByteBuffer.wrap(NOISE, offset(mix), bodyBytes(mix)));
  }

  static int flow(ByteBuffer datagram) {
    return datagram.getInt(0);
  }

  static int number(ByteBuffer datagram) {
    return datagram.getInt(4);
  }

  private static int bodyBytes(int mix) {
    return Integer.remainderUnsigned(mix, MAX_BYTES - HEADER_BYTES + 1);
  }

  private static int offset(int mix) {
    return (mix >>> 8) % (NOISE.length - MAX_BYTES);
  }

  /** The finalizer of SplitMix64 (Steele, Lea, Flood 2014) over all three. */
  private static int mix(int flow, int number, Way way) {
    long z = ((long) flow << 32 ^ number) * 2 + way.ordinal();
    z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9L;
    z = (z ^ z >>> 27) * 0x94D049BB133111EBL;
    return (int) (z ^ z >>> 31);
  }
}
