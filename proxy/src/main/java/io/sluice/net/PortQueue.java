package io.sluice.net;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

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
    for (int port : shuffled(ports)) {
      give(port);
    }
  }

  /**
   * Fisher and Yates, with all randomness drawn at once: to ask for each number takes 20 times as
   * long.
   */
  private static char[] shuffled(char[] ports) {
    char[] order = ports.clone();
    byte[] random = new byte[order.length * Integer.BYTES];
    RANDOM.nextBytes(random);
    IntBuffer numbers = ByteBuffer.wrap(random).asIntBuffer();
    for (int last = order.length - 1; last > 0; last--) {
      // Scaled to 0..last; uneven by at most 65,536 / 2^32.
      int other = (int) ((Integer.toUnsignedLong(numbers.get(last)) * (last + 1)) >>> 32);
      char port = order[other];
      order[other] = order[last];
      order[last] = port;
    }
    return order;
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
