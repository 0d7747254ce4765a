package io.sluice.net;

import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import javax.crypto.Cipher;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * The ports that no flow to one backend from one local address uses: a queue, so that a port given
 * back rests for as long as there are others, and a late reply to the flow that had it does not
 * reach the next one's client. At first they stand in an order that nobody outside can know (RFC
 * 6056, section 3.3); then in that of the flows' ends.
 *
 * <p>For any threads, without a lock, 4 bytes a port: Vyukov's bounded queue (1024cores.net,
 * "Bounded MPMC queue") with a place for every port, so that it is never full.
 */
final class PortQueue {
  static final int NONE = -1;
  static final int BYTES_A_PORT = Integer.BYTES;

  private static final SecureRandom RANDOM = new SecureRandom();

  /** What is encrypted for the keystream's sake; so much at a time. */
  private static final byte[] ZEROS = new byte[8_192];

  /**
   * Of each place: the turn at which it is next written (even) or read (that plus 1) in the upper
   * 16 bits, and the port. Turns come round again after 32,768 laps of the whole queue.
   */
  private final AtomicIntegerArray places;

  private final AtomicLong head = new AtomicLong();
  private final AtomicLong tail = new AtomicLong();

  /**
   * @param ports no two alike
   */
  PortQueue(char[] ports) {
    places = new AtomicIntegerArray(ports.length);
    char[] order = shuffled(ports);
    for (int place = 0; place < order.length; place++) {
      places.setPlain(place, (1 << 16) | order[place]); // as given on the first lap
    }
    tail.setPlain(order.length);
  }

  /** Fisher and Yates. */
  private static char[] shuffled(char[] ports) {
    char[] order = ports.clone();
    Cipher stream = keystream();
    ByteBuffer random = ByteBuffer.allocate(ZEROS.length).limit(0);
    for (int last = order.length - 1; last > 0; last--) {
      if (!random.hasRemaining()) {
        refill(random, stream);
      }
      // Scaled to 0..last; uneven by at most 65,536 / 2^32.
      int other = (int) ((Integer.toUnsignedLong(random.getInt()) * (last + 1)) >>> 32);
      char port = order[other];
      order[other] = order[last];
      order[last] = port;
    }
    return order;
  }

  /**
   * AES in counter mode under a key of {@link SecureRandom}'s, as unknown as its own bytes, which
   * take many times as long: a thousand backends want 100 MB of them.
   */
  private static Cipher keystream() {
    byte[] key = new byte[16];
    RANDOM.nextBytes(key);
    try {
      Cipher stream = Cipher.getInstance("AES/CTR/NoPadding");
      stream.init(
          Cipher.ENCRYPT_MODE, new SecretKeySpec(key, "AES"), new IvParameterSpec(new byte[16]));
      return stream;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no AES", e);
    }
  }

  private static void refill(ByteBuffer random, Cipher stream) {
    try {
      stream.update(ByteBuffer.wrap(ZEROS), random.clear());
      random.flip();
    } catch (ShortBufferException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Takes the port that has rested longest, or {@link #NONE}. */
  int take() {
    while (true) {
      long turn = head.get();
      int place = place(turn);
      int content = places.get(place);
      if (content >>> 16 != (write(turn) | 1)) {
        if (head.get() == turn) {
          return NONE; // or one that is only now being written
        }
      } else if (head.compareAndSet(turn, turn + 1)) {
        places.set(place, write(turn + places.length()) << 16);
        return content & 0xFFFF;
      }
    }
  }

  /** Puts back a port that was taken, behind all others; returns how many were before. */
  long give(int port) {
    long turn = tail.getAndIncrement();
    int place = place(turn);
    while (places.get(place) >>> 16 != write(turn)) {
      // Whoever took what lay here, a whole lap ago, has one store yet to make.
      Thread.onSpinWait();
    }
    places.set(place, ((write(turn) | 1) << 16) | port);
    return turn;
  }

  /** How many there are; of those being taken or given, some. */
  int size() {
    return (int) Math.max(0, tail.get() - head.get());
  }

  private int place(long turn) {
    return (int) (turn % places.length());
  }

  private int write(long turn) {
    return (int) (2 * (turn / places.length())) & 0xFFFF;
  }
}
