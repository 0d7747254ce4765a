package io.sluice.front;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Clients of which each always has a few numbered datagrams under way, and takes their answers in
 * their order or not at all.
 */
final class PingPong implements AutoCloseable {
  /**
   * Datagrams each client has under way. Two dozen clients then have 72 together, of some 1 KiB in
   * the kernel each: a backend's receive buffer of 208 KiB (Linux's default) holds them all.
   */
  private static final int WINDOW = 3;

  private static final long PATIENCE_SECONDS = 10;

  private final Selector selector = Selector.open();
  private final List<DatagramChannel> clients = new ArrayList<>();
  private final int[] sent;
  private final int[] answered;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(2_048);
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private final Thread thread = Thread.ofPlatform().daemon().name("ping-pong").unstarted(this::run);

  /** Clients that send. */
  private volatile int started;

  private volatile boolean stopping;
  private volatile boolean abandoned;
  private volatile long answers;

  PingPong(int count) throws IOException {
    sent = new int[count];
    answered = new int[count];
    for (int i = 0; i < count; i++) {
      DatagramChannel client = DatagramChannel.open(StandardProtocolFamily.INET);
      client.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      client.configureBlocking(false);
      clients.add(client);
    }
  }

  /** Clients {@code from} to {@code to - 1} begin; returns when each has had an answer. */
  void start(int from, int to, InetSocketAddress front) throws Exception {
    for (int i = from; i < to; i++) {
      clients.get(i).connect(front);
    }
    started = to;
    if (from == 0) {
      thread.start();
    }
    selector.wakeup();
    awaitAnswers(2 * WINDOW * to); // every window has gone round
  }

  /** Waits for so many more answers. */
  void awaitAnswers(int count) throws Exception {
    long enough = answers + count;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (answers < enough) {
      if (over.isDone()) {
        over.get();
      }
      if (Thread.interrupted() || System.nanoTime() - deadline > 0) {
        throw new TimeoutException("answers are missing");
      }
      Thread.onSpinWait();
    }
  }

  /** Sends no more, and waits for every answer. */
  void stop() throws Exception {
    stopping = true;
    selector.wakeup();
    over.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }

  /** Sends no more, and waits for no answer. */
  void abandon() {
    abandoned = true;
    selector.wakeup();
    over.exceptionally(failure -> null).join();
  }

  long sent() {
    long sum = 0;
    for (int each : sent) {
      sum += each;
    }
    return sum;
  }

  int sent(int client) {
    return sent[client];
  }

  private void run() {
    try {
      int registered = 0;
      while (!abandoned && !isDone()) {
        for (; registered < started; registered++) {
          clients.get(registered).register(selector, SelectionKey.OP_READ, registered);
          send(registered);
        }
        selector.select(key -> answers((int) key.attachment()), 100);
      }
      over.complete(null);
    } catch (Throwable e) {
      over.completeExceptionally(e);
    }
  }

  private boolean isDone() {
    return stopping && answers == sent();
  }

  private void send(int client) throws IOException {
    while (!stopping && sent[client] - answered[client] < WINDOW) {
      buffer.clear().putInt(client).putInt(sent[client]).position(8 + sent[client] % 128).flip();
      if (clients.get(client).write(buffer) == 0) {
        throw new IOException("the client's own send buffer is full");
      }
      sent[client]++;
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // by this one thread
  private void answers(int client) {
    try {
      while (clients.get(client).read(buffer.clear()) > 0) {
        int of = buffer.getInt(0);
        int number = buffer.getInt(4);
        if (of != client || number != answered[client]) {
          throw new AssertionError(
              "client %d was to get %d, got client %d's %d"
                  .formatted(client, answered[client], of, number));
        }
        answered[client]++;
        answers++;
      }
      send(client);
    } catch (IOException e) {
      if (!abandoned && !stopping) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    abandon();
    selector.close();
    for (DatagramChannel client : clients) {
      client.close();
    }
  }
}
