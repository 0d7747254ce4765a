package io.sluice.net;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * File descriptors that sockets of flows may still use, counted by us, so that a newcomer is
 * refused before the system has none left for the rest of the process.
 */
public final class Fds {
  private final AtomicInteger free;

  public Fds(int free) {
    this.free = new AtomicInteger(free);
  }

  /** Takes one; false when none is left. */
  public boolean take() {
    int left = free.get();
    while (left > 0 && !free.compareAndSet(left, left - 1)) {
      left = free.get();
    }
    return left > 0;
  }

  /**
   * Takes one.
   *
   * @throws OsException when none is left
   */
  public void takeFor(String what) throws OsException {
    if (!take()) {
      throw new OsException("no file descriptor is left for " + what, Errno.EMFILE);
    }
  }

  /** Once for every {@link #take}, after the descriptor has been closed. */
  public void giveBack() {
    free.incrementAndGet();
  }

  public int free() {
    return free.get();
  }
}
