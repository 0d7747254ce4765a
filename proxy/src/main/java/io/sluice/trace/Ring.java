package io.sluice.trace;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A bounded queue from one thread to one other, neither of which ever waits: the slots themselves
 * say whether they are full, so the two share no index (Giacomoni et al., "FastForward", PPoPP
 * 2008, section 3).
 */
final class Ring<E> {
  private final AtomicReferenceArray<@Nullable E> slots;
  private final int mask;
  private int head;
  private int tail;

  /**
   * @param size a power of two
   */
  Ring(int size) {
    slots = new AtomicReferenceArray<>(size);
    mask = size - 1;
  }

  /** Puts one in; false if it is full. By the one thread. */
  boolean offer(E element) {
    int at = tail & mask;
    if (slots.getAcquire(at) != null) {
      return false;
    }
    slots.setRelease(at, element);
    tail++;
    return true;
  }

  /** Takes the oldest out; null if it is empty. By the other. */
  @Nullable E poll() {
    int at = head & mask;
    E element = slots.getAcquire(at);
    if (element != null) {
      slots.setRelease(at, null);
      head++;
    }
    return element;
  }
}
