package io.sluice.metrics;

import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * What happened of late, for people: so many events, the oldest go first.
 *
 * <p>Listeners are only told <em>that</em> there is something new and come for it when they can, so
 * a slow one holds up nobody and queues nothing; what it was too slow for is missing between two
 * ids, which it sees. Written by the control thread and at start, never by an event loop.
 */
public final class Journal {
  /** Some hours of a restless pool. */
  public static final int EVENTS = 1_000;

  /** What an event is about. */
  public enum Kind {
    /** A backend's state has changed: {@code what} is the new one, or what was done to it. */
    BACKEND,
    /** A probe's result differs from the one before: {@code what} is its verdict. */
    PROBE,
    /** Workers have come or gone: {@code what} says how many are active. */
    WORKERS,
    /** The appliance itself: {@code what} is its phase. */
    APPLIANCE,
    /** Another configuration was to be put in force: {@code what} came of it. */
    CONFIG,
    /** Looking for a pool's backends found others than before, or failed. */
    DISCOVERY,
    /** Somebody was let change something, or not let in: {@code what} is the operation. */
    AUDIT
  }

  /**
   * Something that happened.
   *
   * @param id grows by one with each event, from 1
   * @param subject whom it happened to, e.g. {@code resolvers/a}
   * @param what in one word
   * @param why in words for a person
   */
  public record Event(long id, Instant at, Kind kind, String subject, String what, String why) {}

  private final InstantSource clock;
  private final ArrayDeque<Event> events = new ArrayDeque<>();
  private final List<Runnable> bells = new CopyOnWriteArrayList<>();
  private long lastId;

  public Journal(InstantSource clock) {
    this.clock = clock;
  }

  /** Enters an event. */
  public void enter(Kind kind, String subject, String what, String why) {
    synchronized (events) {
      if (events.size() == EVENTS) {
        events.removeFirst();
      }
      events.addLast(new Event(++lastId, clock.instant(), kind, subject, what, why));
    }
    bells.forEach(this::ring);
  }

  /** What happened must not depend on who listens. */
  private void ring(Runnable bell) {
    try {
      bell.run();
    } catch (RuntimeException broken) {
      bells.remove(bell);
    }
  }

  /**
   * Those later than event {@code id}, as far as they are still here, oldest first; all of them if
   * there is no such event yet: then it was one of an earlier process.
   */
  public List<Event> after(long id) {
    synchronized (events) {
      long known = id > lastId ? 0 : id;
      return events.stream().filter(event -> event.id > known).toList();
    }
  }

  /** Rings {@code bell} after every event, on the thread that entered it, until closed. */
  public Listening listen(Runnable bell) {
    bells.add(bell);
    return () -> bells.remove(bell);
  }

  /** That somebody listens. */
  public interface Listening extends AutoCloseable {
    @Override
    void close();
  }
}
