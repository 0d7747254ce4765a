package io.sluice.trace;

import java.security.SecureRandom;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** The captures that run. */
public final class Captures {
  /** At a time. */
  public static final int MOST = 2;

  private static final SecureRandom RANDOM = new SecureRandom();

  private final String application;
  private final LongSupplier clock;
  private final List<Capture> running = new ArrayList<>();
  private long lost;

  /**
   * @param application what the files say they were written by
   * @param clock that of the loops
   */
  public Captures(String application, LongSupplier clock) {
    this.application = application;
    this.clock = clock;
  }

  /**
   * Begins one.
   *
   * @param sides all that may be seen
   * @param workers how many put in
   * @param detach takes back what was done to have them put in; called once
   * @throws IllegalStateException with words for the operator when too many run
   */
  public synchronized Capture begin(
      Capture.Spec spec, List<String> sides, int workers, Consumer<Capture> detach) {
    if (running.size() == MOST) {
      throw new IllegalStateException(MOST + " captures run already; wait until one has ended");
    }
    Capture[] self = new Capture[1];
    Capture capture =
        new Capture(
            spec,
            application,
            sides,
            workers,
            clock,
            epochNanos(clock),
            RANDOM.nextInt(),
            () -> end(self[0], detach));
    self[0] = capture;
    running.add(capture);
    return capture;
  }

  private void end(Capture capture, Consumer<Capture> detach) {
    synchronized (this) {
      if (!running.remove(capture)) {
        return;
      }
      lost += capture.lost();
    }
    detach.accept(capture);
  }

  /** Sightings there was no room for, since start. */
  public synchronized long lost() {
    return lost + running.stream().mapToLong(Capture::lost).sum();
  }

  /** How many run now. */
  public synchronized int running() {
    return running.size();
  }

  /** These sightings as a file of their own. */
  public byte[] file(List<String> sides, List<Sighting> seen) {
    Pcapng pcapng = new Pcapng(application, sides, Capture.SNAPLEN_MAX, epochNanos(clock));
    seen.forEach(pcapng::write);
    return pcapng.take();
  }

  /** What to add to a time by a clock for nanoseconds since 1970. */
  static long epochNanos(LongSupplier clock) {
    Instant now = Instant.now();
    return now.getEpochSecond() * 1_000_000_000 + now.getNano() - clock.getAsLong();
  }
}
