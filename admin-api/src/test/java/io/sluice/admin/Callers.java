package io.sluice.admin;

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
import java.util.concurrent.FutureTask;

/**
 * Clients of several fronts, by one thread: of each front so many regulars, each of which sends a
 * request at every interval whether or not the last was answered, and newcomers, each of which
 * sends one and goes.
 */
final class Callers {
  static final int REQUEST_BYTES = 12;
  static final int REPLY_BYTES = REQUEST_BYTES + 1;

  /** A newcomer waits no longer than that, nor does anybody at the end. */
  private static final Duration PATIENCE = Duration.ofSeconds(3);

  private final Netns host;
  private final Selector selector = Selector.open();
  private final List<Front> fronts = new ArrayList<>();
  private final Queue<Guest> guests = new ArrayDeque<>();
  private final ByteBuffer datagram = ByteBuffer.allocateDirect(2_048);
  private final FutureTask<Void> talk = new FutureTask<>(this::talk);
  private volatile boolean enough;

  private record Guest(DatagramChannel channel, long leavesAt) {}

  private record Line(Front front, int flow) {}

  private static final class Front {
    final InetSocketAddress address;
    final Cell cell;
    final Trace trace;
    final List<DatagramChannel> regulars = new ArrayList<>();
    final double requestsPerNs;
    final double newcomersPerNs;
    long requests;
    long newcomers;

    Front(InetSocketAddress address, Cell cell, Trace trace, Duration interval, Duration newcomer) {
      this.address = address;
      this.cell = cell;
      this.trace = trace;
      requestsPerNs = (double) trace.regulars() / interval.toNanos();
      newcomersPerNs = 1.0 / newcomer.toNanos();
    }
  }

  Callers(Netns host) throws IOException {
    this.host = host;
  }

  /**
   * Before the start: one more front.
   *
   * @param interval between two requests of a regular
   * @param newcomer between two newcomers
   */
  void call(InetSocketAddress front, Cell cell, Trace trace, Duration interval, Duration newcomer) {
    fronts.add(new Front(front, cell, trace, interval, newcomer));
  }

  /** Returns at once. */
  void start() {
    // The thread that enters the namespace is begun by one that comes first, and so does, too.
    Realtime.start(
        () -> {
          try {
            host.inside(
                () -> {
                  talk.run();
                  return talk;
                });
          } catch (Exception e) {
            throw new AssertionError(e);
          }
        });
  }

  /** Asks no more, and returns when the last answers have had time to come. */
  void stop() throws Exception {
    enough = true;
    talk.get();
  }

  private Void talk() throws IOException {
    try (selector) {
      for (Front front : fronts) {
        for (int flow = 0; flow < front.trace.regulars(); flow++) {
          front.regulars.add(open(new Line(front, flow)));
        }
      }
      long begun = System.nanoTime();
      while (!enough) {
        long now = System.nanoTime();
        for (Front front : fronts) {
          speak(front, now - begun, now);
        }
        hear();
      }
      long until = System.nanoTime() + PATIENCE.toNanos();
      while (System.nanoTime() - until < 0) {
        hear();
      }
      for (SelectionKey key : selector.keys()) {
        key.channel().close();
      }
    }
    return null;
  }

  private DatagramChannel open(Line line) throws IOException {
    var channel = DatagramChannel.open(StandardProtocolFamily.INET);
    channel.connect(line.front.address).configureBlocking(false);
    channel.register(selector, SelectionKey.OP_READ, line);
    return channel;
  }

  private void speak(Front front, long elapsed, long now) throws IOException {
    int regulars = front.regulars.size();
    for (; front.requests < elapsed * front.requestsPerNs; front.requests++) {
      int flow = (int) (front.requests % regulars);
      send(front, flow, front.regulars.get(flow));
    }
    for (; front.newcomers < elapsed * front.newcomersPerNs; front.newcomers++) {
      DatagramChannel channel = open(new Line(front, regulars));
      send(front, regulars, channel);
      if (front.cell.oneWay) {
        channel.close();
      } else {
        guests.add(new Guest(channel, now + PATIENCE.toNanos()));
      }
    }
    while (!guests.isEmpty() && guests.element().leavesAt - now < 0) {
      guests.remove().channel.close();
    }
  }

  private void send(Front front, int flow, DatagramChannel from) throws IOException {
    int number = front.trace.sent(flow, System.nanoTime());
    datagram.clear().putInt(front.cell.ordinal()).putInt(flow).putInt(number).flip();
    if (from.write(datagram) != REQUEST_BYTES) {
      throw new IOException("a client's own socket buffer is full");
    }
  }

  private void hear() throws IOException {
    selector.select(this::hear, 1);
  }

  private void hear(SelectionKey key) {
    var line = (Line) key.attachment();
    var channel = (DatagramChannel) key.channel();
    try {
      while (channel.read(datagram.clear()) > 0) {
        long now = System.nanoTime();
        datagram.flip();
        boolean whole = datagram.remaining() == REPLY_BYTES;
        boolean own =
            whole
                && datagram.getInt(0) == line.front.cell.ordinal()
                && datagram.getInt(4) == line.flow;
        line.front.trace.answered(
            own ? line.flow : -1, datagram.getInt(8), datagram.get(REQUEST_BYTES), now);
        if (line.flow == line.front.trace.regulars()) {
          channel.close(); // a newcomer has what it came for
          return;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
