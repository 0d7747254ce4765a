package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.FutureTask;

/**
 * Many clients of one front, each of which asks and asks, without waiting for answers, and expects
 * its answers in order, none twice.
 */
final class Regulars implements AutoCloseable {
  /** What tells these clients' datagrams from others. */
  static final long PASSWORD = 0x51_1C_E5_EC_12_E7L;

  private static final int BYTES = 16;
  private static final long LAST_ANSWER_NANOS = 3_000_000_000L;

  private final Selector selector;
  private final List<DatagramChannel> clients = new ArrayList<>();
  private final long perSecond;
  private final int[] asked;

  /** By client, the number of the answer that may come next. */
  private final int[] next;

  private long answered;
  private final List<String> wrong = new ArrayList<>();
  private final FutureTask<Void> talk = new FutureTask<>(this::talk, null);
  private volatile boolean enough;

  private Regulars(Selector selector, int clients, long perSecond) {
    this.selector = selector;
    this.perSecond = perSecond;
    asked = new int[clients];
    next = new int[clients];
  }

  /** What they have asked, all together, and what of it has been answered. */
  record Talk(long asked, long answered) {}

  /**
   * Opens the clients' sockets.
   *
   * @param perSecond requests, of all of them together
   */
  static Regulars open(Netns host, InetSocketAddress front, int clients, long perSecond)
      throws Exception {
    Regulars regulars = new Regulars(Selector.open(), clients, perSecond);
    return host.inside(
        () -> {
          for (int i = 0; i < clients; i++) {
            DatagramChannel client = DatagramChannel.open(StandardProtocolFamily.INET);
            client.setOption(StandardSocketOptions.SO_RCVBUF, 1 << 20).connect(front);
            client.configureBlocking(false).register(regulars.selector, SelectionKey.OP_READ, i);
            regulars.clients.add(client);
          }
          return regulars;
        });
  }

  static boolean knows(byte[] payload) {
    return payload.length == BYTES && ByteBuffer.wrap(payload).getLong() == PASSWORD;
  }

  void start() {
    Realtime.start(talk);
  }

  /** Asks no more, waits for the last answers. */
  Talk stop() throws Exception {
    enough = true;
    talk.get();
    assertThat(wrong).as("not one of the next answers, up to 10 of them").isEmpty();
    return new Talk(sum(asked), answered);
  }

  private void talk() {
    try {
      Pace pace = new Pace(perSecond, 1);
      long sent = 0;
      while (!enough) {
        while (pace.take(1)) {
          ask((int) (sent++ % clients.size()));
        }
        hear();
      }
      long until = System.nanoTime() + LAST_ANSWER_NANOS;
      while (answered < sum(asked) && System.nanoTime() - until < 0) {
        hear();
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void ask(int client) throws IOException {
    ByteBuffer request = ByteBuffer.allocate(BYTES);
    request.putLong(PASSWORD).putInt(client).putInt(asked[client]++);
    assertThat(clients.get(client).write(request.flip())).isEqualTo(BYTES);
  }

  private void hear() throws IOException {
    selector.select(this::hear, 1);
  }

  private void hear(SelectionKey key) {
    int client = (int) key.attachment();
    ByteBuffer reply = ByteBuffer.allocate(BYTES + 1);
    try {
      while (clients.get(client).read(reply.clear()) > 0) {
        hear(client, reply.flip());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void hear(int client, ByteBuffer reply) {
    answered++;
    boolean ours =
        reply.remaining() == BYTES && reply.getLong(0) == PASSWORD && reply.getInt(8) == client;
    int number = ours ? reply.getInt(12) : -1;
    if (number >= next[client] && number < asked[client]) {
      next[client] = number + 1;
    } else if (wrong.size() < 10) {
      byte[] got = new byte[reply.remaining()];
      reply.get(got);
      String hex = HexFormat.of().formatHex(got);
      wrong.add("client %d, answer %d: %s".formatted(client, next[client], hex));
    }
  }

  private static long sum(int[] counts) {
    long sum = 0;
    for (int count : counts) {
      sum += count;
    }
    return sum;
  }

  @Override
  public void close() throws IOException {
    for (DatagramChannel client : clients) {
      client.close();
    }
    selector.close();
  }
}
