package io.sluice.probe;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import io.sluice.probe.ProbeResult.Verdict;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One server's checks, one after the other, until closed. Never two at once: while a check that is
 * no longer waited for goes on all the same, the next ones fail without being begun.
 */
public final class Rounds implements AutoCloseable {
  /** How much longer than its time-out a check may take: it has to be scheduled, too. */
  static final Duration MARGIN = Duration.ofSeconds(1);

  private final Prober prober;
  private final Probe probe;
  private final InetSocketAddress target;
  private final Prober.Pace pace;
  private final Consumer<ProbeResult> to;
  private final long intervalNs;

  private volatile boolean closed;
  private volatile @Nullable Future<?> timer;
  private volatile @Nullable Check check;
  private long dueNs;

  Rounds(
      Prober prober,
      Probe probe,
      InetSocketAddress target,
      Prober.Pace pace,
      Consumer<ProbeResult> to) {
    this.prober = prober;
    this.probe = probe;
    this.target = target;
    this.pace = pace;
    this.to = to;
    intervalNs = pace.interval().toNanos();
  }

  void start() {
    prober.control().execute(() -> arm(this::due, prober.chance(intervalNs)));
  }

  /**
   * Any thread; idempotent. A check under way is interrupted, its result nobody's; should it go on
   * all the same, the timer that gives it up is what frees its place.
   */
  @Override
  public void close() {
    closed = true;
    Check last = check;
    if (last == null) {
      cancelTimer();
    } else {
      last.interrupt();
    }
  }

  private void due() {
    if (closed) {
      return;
    }
    dueNs = prober.nowNs();
    if (check == null) {
      prober.admit(this);
    } else {
      armNext();
      to.accept(failed("an earlier check hangs", Duration.ZERO, prober.wallClock().instant()));
    }
  }

  /** Control: it is our turn. */
  void begin() {
    if (closed) {
      prober.ended();
      return;
    }
    var begun = new Check(prober.nowNs(), prober.wallClock().instant());
    check = begun;
    arm(() -> giveUp(begun), pace.timeout().plus(MARGIN).toNanos());
    prober.threads().execute(begun);
  }

  private void giveUp(Check hung) {
    if (check != hung) {
      return;
    }
    hung.givenUp = true;
    hung.interrupt();
    dueNs = prober.nowNs(); // an interval from now, so that it has time to end
    Duration took = hung.took();
    conclude(failed("the check hangs: no result within " + Reason.words(took), took, hung.at));
  }

  private void finish(Check done, ProbeResult result) {
    check = null;
    if (!done.givenUp) {
      conclude(result);
    }
  }

  private void conclude(ProbeResult result) {
    cancelTimer();
    prober.ended();
    if (!closed) {
      armNext();
      to.accept(result);
    }
  }

  /**
   * From one check's turn to the next it is 80 to 100 % of the interval: the jitter parts those
   * that fell into step, and {@code fall} failures still take no longer than as many intervals.
   */
  private void armNext() {
    long jitteredNs = intervalNs - prober.chance(intervalNs / 5 + 1);
    arm(this::due, Math.max(0, jitteredNs - (prober.nowNs() - dueNs)));
  }

  /** Either this sees that the rounds are closed, or {@link #close} sees this timer. */
  private void arm(Runnable then, long delayNs) {
    cancelTimer();
    timer = prober.control().schedule(then, delayNs, NANOSECONDS);
    if (closed && check == null) {
      cancelTimer();
    }
  }

  private void cancelTimer() {
    Future<?> last = timer;
    if (last != null) {
      last.cancel(false);
    }
  }

  private static ProbeResult failed(String reason, Duration took, Instant at) {
    return new ProbeResult(Verdict.FAILED, reason, took, at);
  }

  private final class Check implements Runnable {
    final long beganNs;
    final Instant at;
    boolean givenUp; // control's alone
    private volatile @Nullable Thread thread;

    Check(long beganNs, Instant at) {
      this.beganNs = beganNs;
      this.at = at;
    }

    @Override
    public void run() {
      thread = Thread.currentThread();
      ProbeResult result = result();
      try {
        prober.control().execute(() -> finish(this, result));
      } catch (RejectedExecutionException e) {
        // the appliance has ended, and with it whoever would want to know
      }
    }

    /** A plug-in's probe may throw anything; its server is not seen to be well then. */
    private ProbeResult result() {
      try {
        if (!closed) {
          probe.check(target, pace.timeout());
        }
        return new ProbeResult(Verdict.PASSED, "passed", took(), at);
      } catch (LameDuck e) {
        return new ProbeResult(Verdict.LAME_DUCK, Reason.of(e), took(), at);
      } catch (Throwable e) { // whatever it is, rounds without a result would never go on
        return failed(Reason.of(e), took(), at);
      }
    }

    Duration took() {
      return Duration.ofNanos(prober.nowNs() - beganNs);
    }

    void interrupt() {
      Thread checking = thread;
      if (checking != null) {
        checking.interrupt();
      }
    }
  }
}
