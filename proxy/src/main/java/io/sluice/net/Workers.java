package io.sluice.net;

import io.netty.channel.IoEventLoop;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * The appliance's event loops, of which the first few are active: they read the listeners. The
 * others end the flows they have, or have never had any, and no thread either.
 */
public final class Workers implements Iterable<Worker>, AutoCloseable {
  /** What the names of the loops' threads begin with. */
  public static final String THREAD_NAME = "sluice-worker";

  private final MultiThreadIoEventLoopGroup group;
  private final List<Worker> workers = new ArrayList<>();
  private volatile int active;

  private Workers(int active, int count) {
    this.active = active;
    IoHandlerFactory epoll = EpollIoHandler.newFactory();
    List<GatheringIo> handlers = new ArrayList<>();
    IoHandlerFactory gathering =
        loop -> {
          GatheringIo handler = new GatheringIo(epoll.newHandler(loop));
          handlers.add(handler);
          return handler;
        };
    group = new MultiThreadIoEventLoopGroup(count, threads(), gathering);
    for (EventExecutor loop : group) { // in the order in which their handlers were made
      Worker worker = new Worker(workers.size(), (IoEventLoop) loop);
      handlers.get(worker.index()).afterTurn(worker.outbox()::flush);
      workers.add(worker);
    }
  }

  private static ThreadFactory threads() {
    ThreadFactory named = new DefaultThreadFactory(THREAD_NAME);
    return loop ->
        named.newThread(
            () -> {
              Scheduling.runPromptly();
              loop.run();
            });
  }

  /** Starts {@code count} loops, all active; {@link #requireSupported} first. */
  public static Workers start(int count) {
    return new Workers(count, count);
  }

  /** Starts {@code active} loops of up to {@code count}; {@link #requireSupported} first. */
  public static Workers start(int active, int count) {
    return new Workers(active, count);
  }

  /**
   * Checks that this machine is one the data plane runs on.
   *
   * @throws UnsupportedOperationException with one line that says what is missing
   */
  public static void requireSupported() {
    if (!Linux.isSupported()) {
      throw new UnsupportedOperationException(
          "Sluice moves datagrams by Linux system calls on x86-64 or arm64; this is "
              + System.getProperty("os.name")
              + " on "
              + System.getProperty("os.arch")
              + ": run it in a Linux container or virtual machine");
    }
    if (!Epoll.isAvailable()) {
      throw new UnsupportedOperationException(
          "Netty's native epoll transport cannot be loaded: " + Epoll.unavailabilityCause());
    }
  }

  /** Active or not. */
  public int count() {
    return workers.size();
  }

  /** How many of them, the first, read listeners. */
  public int active() {
    return active;
  }

  void activate(int count) {
    active = count;
  }

  public Worker get(int index) {
    return workers.get(index);
  }

  @Override
  public Iterator<Worker> iterator() {
    return List.copyOf(workers).iterator();
  }

  /** Runs a task on every loop and waits until all are done. */
  public void onEach(Consumer<Worker> task) {
    await(task, Worker::execute);
  }

  /** Like {@link #onEach}, but behind all chores that wait now. */
  public void afterChores(Consumer<Worker> task) {
    await(task, Worker::chore);
  }

  private void await(Consumer<Worker> task, BiConsumer<Worker, Runnable> how) {
    workers.stream()
        .map(
            worker ->
                CompletableFuture.runAsync(
                    () -> task.accept(worker), run -> how.accept(worker, run)))
        .toList()
        .forEach(CompletableFuture::join);
  }

  /** Ends the loops after what they have queued; sockets still registered are closed. */
  @Override
  public void close() {
    group.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
