package io.sluice.probe;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.LongUnaryOperator;

/**
 * Sees to it that every backend is checked at its pace: checks run on virtual threads, everything
 * else, results too, on the control thread.
 *
 * <p>At most 256 checks are under way at once, over the whole appliance; the next wait for their
 * turn, one a backend. A socket each, they stay well below the file descriptors that are kept from
 * flows.
 */
public final class Prober {
  private static final int MOST_AT_ONCE = 256;

  private final ScheduledExecutorService control;
  private final LongSupplier nanoClock;
  private final InstantSource wallClock;
  private final Executor threads;
  private final LongUnaryOperator below;
  private final int most;

  // control's alone
  private final Queue<Rounds> waiting = new ArrayDeque<>();
  private int underWay;

  /** How often to check, and how long a check may take: at most as long as the interval. */
  public record Pace(Duration interval, Duration timeout) {
    public Pace {
      if (!timeout.isPositive() || timeout.compareTo(interval) > 0) {
        throw new IllegalArgumentException("interval %s, timeout %s".formatted(interval, timeout));
      }
    }
  }

  /** One for the appliance, on its control thread. */
  public static Prober on(ScheduledExecutorService control) {
    return new Prober(
        control,
        System::nanoTime,
        InstantSource.system(),
        Thread::startVirtualThread,
        bound -> ThreadLocalRandom.current().nextLong(bound),
        MOST_AT_ONCE);
  }

  /**
   * @param threads a thread for each check, which may be interrupted to no one else's harm
   * @param below a number from 0 to less than its argument, by chance
   */
  Prober(
      ScheduledExecutorService control,
      LongSupplier nanoClock,
      InstantSource wallClock,
      Executor threads,
      LongUnaryOperator below,
      int most) {
    this.control = control;
    this.nanoClock = nanoClock;
    this.wallClock = wallClock;
    this.threads = threads;
    this.below = below;
    this.most = most;
  }

  /**
   * Begins to check a server, for the first time somewhen within the interval, so that not all are
   * asked at once.
   *
   * @param to gets every result, on the control thread, until the rounds are closed
   */
  public Rounds start(Probe probe, InetSocketAddress target, Pace pace, Consumer<ProbeResult> to) {
    var rounds = new Rounds(this, probe, target, pace, to);
    rounds.start();
    return rounds;
  }

  /** Control: begins these rounds' check now, or when another has ended. */
  void admit(Rounds rounds) {
    if (underWay < most) {
      underWay++;
      rounds.begin();
    } else {
      waiting.add(rounds);
    }
  }

  /** Control: a check that was begun has ended, or is not waited for any longer. */
  void ended() {
    underWay--;
    Rounds next = waiting.poll();
    if (next != null) {
      admit(next);
    }
  }

  ScheduledExecutorService control() {
    return control;
  }

  Executor threads() {
    return threads;
  }

  InstantSource wallClock() {
    return wallClock;
  }

  long nowNs() {
    return nanoClock.getAsLong();
  }

  long chance(long below) {
    return this.below.applyAsLong(below);
  }
}
