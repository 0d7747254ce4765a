package io.sluice.admin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A host with a server on several ports, each of which answers requests ({@link Callers}) with
 * itself and its host's number, or, one-way, only notes that they arrived. It can be killed, late,
 * and lose datagrams; to {@code ping} it answers {@code pong}, under the same conditions.
 */
final class BackendHost implements AutoCloseable {
  private static final ByteBuffer PING = StandardCharsets.US_ASCII.encode("ping");
  private static final ByteBuffer PONG = StandardCharsets.US_ASCII.encode("pong");

  final Netns netns;
  private final String ip;
  private final int number;
  private final Map<Integer, Optional<Trace>> ports = new HashMap<>();
  private final Random random;
  private volatile long delayNs;
  private volatile double loss;
  private @Nullable Server server;

  /**
   * @param number what it answers with, and the seed of what it loses
   */
  BackendHost(Netns netns, String ip, int number) {
    this.netns = netns;
    this.ip = ip;
    this.number = number;
    random = new Random(number);
  }

  /**
   * Before the start: one more port.
   *
   * @param sink notes what arrives, which is not answered then
   */
  void serve(int port, Optional<Trace> sink) {
    ports.put(port, sink);
  }

  /** From now on; what is late already stays so. */
  void delay(Duration delay) {
    delayNs = delay.toNanos();
  }

  /**
   * @param share of requests that are lost on their way here, 0 to 1
   */
  void lose(double share) {
    loss = share;
  }

  /** Gives it back what it needs to answer off its own link. */
  void routeBack() throws Exception {
    netns.ip("route", "replace", "default", "via", ip.replaceFirst("[.]2$", ".1"));
  }

  void start() throws Exception {
    server = netns.inside(Server::new);
  }

  /** As far as anybody else can tell, with SIGKILL. */
  void kill() {
    if (server != null) {
      server.close();
    }
  }

  @Override
  public void close() {
    kill();
  }

  private record Late(long due, ByteBuffer reply, DatagramChannel from, SocketAddress to) {}

  private final class Server implements Runnable, AutoCloseable {
    private final Selector selector = Selector.open();
    private final Queue<Late> late = new ArrayDeque<>();
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(2_048);
    private final Thread thread;
    private volatile boolean killed;

    Server() throws IOException {
      for (var port : ports.entrySet()) {
        var channel = DatagramChannel.open(StandardProtocolFamily.INET);
        channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 20);
        channel.bind(new InetSocketAddress(ip, port.getKey()));
        channel.configureBlocking(false).register(selector, SelectionKey.OP_READ, port.getValue());
      }
      thread = Realtime.start(this);
    }

    @Override
    public void run() {
      try (selector) {
        while (!killed) {
          selector.select(this::read, late.isEmpty() ? 0 : 1);
          while (!late.isEmpty() && late.element().due - System.nanoTime() <= 0) {
            Late one = late.remove();
            send(one.reply, one.from, one.to);
          }
        }
        for (SelectionKey key : selector.keys()) {
          key.channel().close();
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @SuppressWarnings("unchecked")
    private void read(SelectionKey key) {
      var channel = (DatagramChannel) key.channel();
      var trace = (Optional<Trace>) key.attachment();
      try {
        for (SocketAddress from; (from = channel.receive(buffer.clear())) != null; ) {
          long now = System.nanoTime();
          buffer.flip();
          if (random.nextDouble() < loss) {
            continue;
          }
          if (buffer.equals(PING)) {
            reply(now, PONG.duplicate(), channel, from);
          } else if (trace.isPresent()) {
            trace.get().answered(buffer.getInt(4), buffer.getInt(8), number, now);
          } else {
            var reply = ByteBuffer.allocate(Callers.REPLY_BYTES).put(buffer).put((byte) number);
            reply(now, reply.flip(), channel, from);
          }
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private void reply(long now, ByteBuffer reply, DatagramChannel channel, SocketAddress to) {
      if (delayNs == 0) {
        send(reply, channel, to);
      } else {
        late.add(new Late(now + delayNs, reply, channel, to));
      }
    }

    private void send(ByteBuffer reply, DatagramChannel from, SocketAddress to) {
      try {
        from.send(reply, to);
      } catch (IOException unreachable) {
        // its host's link is down: lost, like all else
      }
    }

    @Override
    public void close() {
      killed = true;
      selector.wakeup();
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }
}
