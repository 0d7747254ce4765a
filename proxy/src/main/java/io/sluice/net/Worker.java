package io.sluice.net;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * An event loop with its batch. What a worker owns is touched on its loop only, so none of it needs
 * a lock.
 */
public final class Worker {
  /**
   * Datagrams that may wait for a worker to take them over from others: some milliseconds' worth.
   */
  private static final int HANDOVERS = 4096;

  /** Closing a socket takes some 5 us, so about a third of a millisecond. */
  private static final int CHORES_AT_ONCE = 64;

  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private final int index;
  private final IoEventLoop loop;
  private final Batch batch = new Batch();
  private final Outbox outbox = new Outbox();
  private final AtomicInteger handovers = new AtomicInteger();
  private final Queue<Runnable> chores = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean choresScheduled = new AtomicBoolean();

  /** Its loop's thread, once it has had a socket. */
  private volatile @Nullable Thread thread;

  Worker(int index, IoEventLoop loop) {
    this.index = index;
    this.loop = loop;
  }

  /** 0 for the first worker. */
  public int index() {
    return index;
  }

  /** Slots for requests, valid within one event; on its loop only. */
  public Batch batch() {
    assert isHere() : "the batch of worker " + index + " used on another thread";
    return batch;
  }

  /** Slots for replies, which leave when the loop has read all that is ready; on its loop only. */
  public Outbox outbox() {
    return outbox;
  }

  /** Whether the calling thread is this worker's. */
  public boolean isHere() {
    return loop.inEventLoop();
  }

  /** Runs a task on the loop, after what it is doing now. */
  public void execute(Runnable task) {
    loop.execute(guarded(task));
  }

  /** Runs a task on the loop again and again, until cancelled. */
  public Future<?> every(long periodMillis, Runnable task) {
    return loop.scheduleAtFixedRate(
        guarded(task), periodMillis, periodMillis, TimeUnit.MILLISECONDS);
  }

  /**
   * Runs a task on the loop when there is time: a few each millisecond, so that thousands at once
   * (a wave of flows that time out) do not hold up datagrams.
   */
  public void chore(Runnable task) {
    chores.add(task);
    if (choresScheduled.compareAndSet(false, true)) {
      loop.execute(this::doChores);
    }
  }

  private void doChores() {
    for (int i = 0; i < CHORES_AT_ONCE; i++) {
      Runnable task = chores.poll();
      if (task == null) {
        break;
      }
      guarded(task).run();
    }
    choresScheduled.set(false);
    if (!chores.isEmpty() && choresScheduled.compareAndSet(false, true)) {
      var _ = loop.schedule(this::doChores, 1, TimeUnit.MILLISECONDS);
    }
  }

  /** Runs a task on the loop after a while. */
  public void after(long millis, Runnable task) {
    var _ = loop.schedule(guarded(task), millis, TimeUnit.MILLISECONDS);
  }

  private static Runnable guarded(Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (Throwable bug) {
        report(bug);
      }
    };
  }

  /**
   * Like {@link #execute} for datagrams of another worker's; false, and nothing done, when too many
   * wait already.
   */
  public boolean handOver(int datagrams, Runnable task) {
    if (handovers.addAndGet(datagrams) > HANDOVERS) {
      handovers.addAndGet(-datagrams);
      return false;
    }
    loop.execute(
        () -> {
          handovers.addAndGet(-datagrams);
          guarded(task).run();
        });
    return true;
  }

  /**
   * A bug on a loop goes to the thread's handler, which decides for the process. Netty would log it
   * and go on, or sleep for a second, again and again.
   */
  static void report(Throwable bug) {
    Thread self = Thread.currentThread();
    self.getUncaughtExceptionHandler().uncaughtException(self, bug);
  }

  /** CPU time its loop has used; any thread may ask. */
  long cpuNanos() {
    Thread ofLoop = thread;
    return ofLoop == null ? 0 : Math.max(0, THREADS.getThreadCpuTime(ofLoop.threadId()));
  }

  IoRegistration register(UdpSocket socket) {
    assert isHere() : "registered on another thread than worker " + index + "'s";
    if (thread == null) {
      thread = Thread.currentThread();
    }
    return loop.register(socket)
        .getNow(); // on the loop itself registration is done when the call returns
  }
}
