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
 * every answer once and in order.
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
  private final int[] answered;
  private final List<String> wrong = new ArrayList<>();
  private final FutureTask<Void> talk = new FutureTask<>(this::talk, null);
  private volatile boolean enough;

  private Regulars(Selector selector, int clients, long perSecond) {
    this.selector = selector;
    this.perSecond = perSecond;
    asked = new int[clients];
    answered = new int[clients];
  }

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

  /** Asks no more, waits for the last answers; returns how many requests there were. */
  long stop() throws Exception {
    enough = true;
    talk.get();
    assertThat(wrong).as("not the next answer, up to 10 of them").isEmpty();
    assertThat(sum(answered)).as("answers").isEqualTo(sum(asked));
    return sum(asked);
  }

  private void talk() {
    try {
      long begun = System.nanoTime();
      long sent = 0;
      while (!enough) {
        for (long due = (System.nanoTime() - begun) * perSecond / 1_000_000_000; sent < due; ) {
          ask((int) (sent++ % clients.size()));
        }
        hear();
      }
      long until = System.nanoTime() + LAST_ANSWER_NANOS;
      while (sum(answered) < sum(asked) && System.nanoTime() - until < 0) {
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
        reply.flip();
        boolean right =
            reply.remaining() == BYTES
                && reply.getLong() == PASSWORD
                && reply.getInt() == client
                && reply.getInt() == answered[client];
        if (!right && wrong.size() < 10) {
          wrong.add(
              "client %d, answer %d: %s"
                  .formatted(client, answered[client], HexFormat.of().formatHex(reply.array())));
        }
        answered[client]++;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
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
