package io.sluice.admin;

import io.sluice.admin.Numbered.Way;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.function.LongSupplier;

/**
 * Thousands of clients, each with a socket of its own: in turn, each sends a burst of one to four
 * requests and waits for all of the answers.
 *
 * <p>Requests are paced, and only so many are on their way to the backends at a time: whatever does
 * not arrive was lost by somebody, and not for want of room in the kernel's buffers.
 */
final class Crowd implements AutoCloseable {
  private static final int BURST = 4;
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration LONGEST = Duration.ofMinutes(1);

  private final Selector selector = Selector.open();
  private final List<DatagramChannel> clients = new ArrayList<>();
  private final Queue<Integer> idle = new ArrayDeque<>();
  private final ByteBuffer datagram = ByteBuffer.allocateDirect(65_536);
  private final Random random = new Random(2);
  private final InetSocketAddress front;
  private final Inbox inbox;
  private final int repliesEach;
  private final int underWayMax;
  private final LongSupplier arrived;
  private final int[] number;
  private final int[] awaited;
  private int spoken;
  private long sent;
  private long unheard;
  private int busy;

  /**
   * @param underWayMax requests sent and not yet {@code arrived} at a backend
   */
  Crowd(InetSocketAddress front, int flows, int repliesEach, int underWayMax, LongSupplier arrived)
      throws IOException {
    this.front = front;
    this.repliesEach = repliesEach;
    this.underWayMax = underWayMax;
    this.arrived = arrived;
    inbox = new Inbox(flows, Way.REPLY);
    number = new int[flows];
    awaited = new int[flows];
    for (int flow = 0; flow < flows; flow++) {
      var client = DatagramChannel.open(StandardProtocolFamily.INET);
      clients.add(client);
      client.configureBlocking(false).register(selector, SelectionKey.OP_READ, flow);
      client.connect(front);
      idle.add(flow);
    }
  }

  /** Sends for a while, so many requests a second, and returns when all are answered. */
  void talk(Duration time, int perSecond) throws IOException {
    talk(time, perSecond, false);
  }

  /** The same, but every second client ends with a burst whose answers find nobody. */
  void talkAndLeave(Duration time, int perSecond) throws IOException {
    talk(time, perSecond, true);
  }

  private void talk(Duration time, int perSecond, boolean leaving) throws IOException {
    long start = System.nanoTime();
    long before = sent;
    long nanos = 0;
    // However slow the machine, every client has its turn.
    while (nanos < time.toNanos() || (spoken < clients.size() && nanos < LONGEST.toNanos())) {
      while (sent - before < nanos * 1e-9 * perSecond
          && sent + BURST - arrived.getAsLong() <= underWayMax
          && !idle.isEmpty()) {
        int flow = idle.remove();
        burst(flow);
        if (leaving && flow % 2 == 1) {
          leave(flow);
        }
      }
      selector.select(this::read, 1);
      nanos = System.nanoTime() - start;
    }
    settle();
  }

  private void burst(int flow) throws IOException {
    int n = 1 + random.nextInt(BURST);
    spoken += number[flow] == 0 ? 1 : 0;
    for (int i = 0; i < n; i++) {
      Numbered.write(datagram, flow, number[flow]++, Way.REQUEST);
      if (clients.get(flow).write(datagram) == 0) {
        throw new IOException("a client's own socket buffer is full");
      }
    }
    sent += n;
    awaited[flow] = n * repliesEach;
    busy++;
  }

  private void leave(int flow) throws IOException {
    clients.get(flow).close();
    unheard += awaited[flow];
    busy--;
  }

  private void read(SelectionKey key) {
    int flow = (int) key.attachment();
    try {
      while (clients.get(flow).read(datagram.clear()) > 0) {
        inbox.take(datagram.flip(), front);
        if (--awaited[flow] == 0) {
          idle.add(flow);
          busy--;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns when everything is answered, or nothing comes any more. */
  private void settle() throws IOException {
    long heardAt = System.nanoTime();
    while ((busy > 0 || arrived.getAsLong() < sent)
        && System.nanoTime() - heardAt < PATIENCE.toNanos()) {
      if (selector.select(this::read, 10) > 0) {
        heardAt = System.nanoTime();
      }
    }
  }

  long sent() {
    return sent;
  }

  /** Replies that a client was there for. */
  long expected() {
    return sent * repliesEach - unheard;
  }

  Inbox.Count received() {
    return inbox.count();
  }

  @Override
  public void close() throws IOException {
    for (DatagramChannel client : clients) {
      client.close();
    }
    selector.close();
  }
}
