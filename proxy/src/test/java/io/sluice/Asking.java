package io.sluice;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Clients of {@link Numbered} backends, of which each always has a few datagrams under way: every
 * one is to be answered, once, and answers of one backend by one link come in its order. (Those of
 * two flows may overtake each other when one takes the other's place, be it with the same server.)
 */
final class Asking implements AutoCloseable {
  private static final int WINDOW = 3;
  private static final long PATIENCE_SECONDS = 60;

  /** So the load is one that a busy machine bears. */
  private static final long PAUSE_NANOS = 3_000_000;

  private final List<DatagramChannel> clients = new ArrayList<>();
  private final List<Set<Integer>> underWay = new ArrayList<>();
  private final int[] sent;
  private final List<Map<Integer, Integer>> lastOf = new ArrayList<>();
  private final int[] latest;
  private final int[] where;
  private final Numbered servers;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(64);
  private final CompletableFuture<Void> over = new CompletableFuture<>();
  private volatile boolean stopping;
  private final AtomicLong answers = new AtomicLong();

  /** The first so many send to {@code first}, the others to {@code second}. */
  Asking(
      int count, int ofFirst, InetSocketAddress first, InetSocketAddress second, Numbered servers)
      throws IOException {
    this.servers = servers;
    sent = new int[count];
    latest = new int[count];
    where = new int[count];
    for (int i = 0; i < count; i++) {
      DatagramChannel client = DatagramChannel.open(StandardProtocolFamily.INET);
      client.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      client.connect(i < ofFirst ? first : second);
      client.configureBlocking(false);
      clients.add(client);
      underWay.add(new HashSet<>());
      lastOf.add(new HashMap<>());
      latest[i] = -1;
    }
    Thread.ofPlatform().daemon().name("asking").start(this::run);
  }

  private void run() {
    try {
      while (!isOver()) {
        for (int i = 0; i < clients.size(); i++) {
          exchange(i);
        }
        LockSupport.parkNanos(PAUSE_NANOS);
      }
      over.complete(null);
    } catch (IOException | RuntimeException | AssertionError e) {
      over.completeExceptionally(e);
    }
  }

  private boolean isOver() {
    return stopping && underWay.stream().allMatch(Set::isEmpty);
  }

  private synchronized void exchange(int client) throws IOException {
    buffer.clear();
    while (clients.get(client).read(buffer) > 0) {
      buffer.flip();
      take(client, buffer.getInt(), buffer.getInt(), buffer.getInt(), buffer.getInt());
      buffer.clear();
    }
    while (!stopping && underWay.get(client).size() < WINDOW) {
      buffer.clear();
      clients.get(client).write(buffer.putInt(client).putInt(sent[client]).flip());
      underWay.get(client).add(sent[client]++);
    }
  }

  private void take(int client, int whose, int n, int server, int port) {
    if (whose != client || !underWay.get(client).remove(n)) {
      throw new AssertionError(
          "client %d got what it does not wait for: %d of %d".formatted(client, n, whose));
    }
    Integer last = lastOf.get(client).put(server << 16 | port, n);
    if (last != null && n <= last) {
      throw new AssertionError("client %d got %d after %d".formatted(client, n, last));
    }
    if (n > latest[client]) {
      latest[client] = n;
      where[client] = server;
    }
    answers.incrementAndGet();
  }

  /** Returns when every client has been answered all it had sent, and something sent since. */
  void round() throws Exception {
    int[] from;
    synchronized (this) {
      from = sent.clone();
    }
    await(() -> isBeyond(from));
  }

  private synchronized boolean isBeyond(int[] from) {
    for (int i = 0; i < from.length; i++) {
      int first = from[i];
      if (latest[i] < first || underWay.get(i).stream().anyMatch(n -> n < first)) {
        return false;
      }
    }
    return true;
  }

  private interface Condition {
    boolean holds();
  }

  private void await(Condition condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    while (!condition.holds()) {
      if (servers.disorder() != null) {
        throw new AssertionError(servers.disorder());
      }
      if (over.isDone()) {
        over.get();
      }
      if (System.nanoTime() - deadline > 0) {
        throw new TimeoutException("answers are missing: " + missing());
      }
      Thread.sleep(2);
    }
  }

  private synchronized String missing() {
    StringBuilder missing = new StringBuilder();
    for (int i = 0; i < clients.size(); i++) {
      missing.append(i).append(underWay.get(i)).append(' ');
    }
    return missing.toString();
  }

  /** Of the first so many clients: who gave the latest answer. */
  synchronized int[] whereTheyAre(int count) {
    return Arrays.copyOf(where, count);
  }

  long answers() {
    return answers.get();
  }

  /** Returns when everything has been answered. */
  void stop() throws Exception {
    stopping = true;
    await(over::isDone);
    over.get();
  }

  @Override
  public void close() throws IOException {
    stopping = true;
    for (DatagramChannel client : clients) {
      client.close();
    }
  }
}
