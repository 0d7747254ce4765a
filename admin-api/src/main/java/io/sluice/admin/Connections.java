package io.sluice.admin;

import static java.util.Comparator.comparing;
import static java.util.stream.Collectors.counting;
import static java.util.stream.Collectors.groupingBy;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.sluice.AdminServer;
import io.sluice.admin.Allowance.Source;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.impl.transports.NioTransport;
import io.vertx.core.net.SocketAddress;
import io.vertx.core.transport.Transport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The TCP connections there are, from the accept on, and so before TLS: how many, how fast they
 * come, and for how long each may take.
 *
 * <p>When there are as many as there may be, a newcomer takes the place of one that has not proven
 * anything yet: the oldest of the source that has the most of those. So whoever opens connections
 * and says nothing, or says it slowly, keeps nobody out who has something to say.
 */
final class Connections {
  static final int MAX = 64;

  /** From the accept to the end of the first request's head, a TLS handshake included. */
  static final long HEAD_NS = TimeUnit.SECONDS.toNanos(10);

  /** From an answer to the end of the next request's head. */
  static final long IDLE_NS = TimeUnit.SECONDS.toNanos(30);

  /** From the head of a request until its answer is written, be it that nobody reads it. */
  static final long ANSWER_NS = TimeUnit.SECONDS.toNanos(60);

  private static final int PER_SECOND = 200;
  private static final int BURST = 1_000;
  private static final long NEVER_NS = TimeUnit.DAYS.toNanos(36_500);

  private static final class Guest {
    final Channel channel;
    final Source source;
    long deadline;
    boolean streaming;

    /** As its latest word on who it is had it; null where that was wrong, or there was none. */
    @Nullable Caller caller;

    Guest(Channel channel, InetAddress from, long deadline) {
      this.channel = channel;
      source = Source.of(from);
      this.deadline = deadline;
    }

    void end() {
      var _ = channel.close(); // that it is closed is heard of by its future
    }
  }

  private final LongSupplier clock;
  private final Allowance arrivals;

  /** By where they are from, in the order in which they came. */
  private final Map<InetSocketAddress, Guest> guests = new LinkedHashMap<>();

  private final Map<HttpConnection, Guest> talking = new HashMap<>();
  private int open;

  /**
   * @param clock nanoseconds
   */
  Connections(LongSupplier clock) {
    this.clock = clock;
    arrivals = new Allowance(PER_SECOND, BURST, clock);
  }

  /** Vert.x's own, but for its listening socket, which asks here before it lets anybody in. */
  Transport transport() {
    NioTransport guarded =
        new NioTransport() {
          @Override
          public ChannelFactory<? extends ServerChannel> serverChannelFactory(boolean domain) {
            return Door::new;
          }
        };
    return new Transport() {
      @Override
      public String name() {
        return "nio";
      }

      @Override
      public boolean available() {
        return true;
      }

      @Override
      public @Nullable Throwable unavailabilityCause() {
        return null;
      }

      @Override
      public io.vertx.core.spi.transport.Transport implementation() {
        return guarded;
      }
    };
  }

  private final class Door extends NioServerSocketChannel {
    /** On the accepting thread. */
    @Override
    protected void doBind(java.net.SocketAddress listen) throws Exception {
      AdminServer.giveWay();
      super.doBind(listen);
    }

    @Override
    protected int doReadMessages(List<Object> accepted) throws Exception {
      int read = super.doReadMessages(accepted);
      if (read == 1 && !admit((NioSocketChannel) accepted.getLast())) {
        ((NioSocketChannel) accepted.removeLast()).unsafe().closeForcibly();
      }
      return read;
    }
  }

  /** On the accepting thread; all else is on the event loop. */
  synchronized boolean admit(Channel channel) {
    // gone already, or those told to go have not gone yet: there are no more files than that
    if (!(channel.remoteAddress() instanceof InetSocketAddress from) || open == 2 * MAX) {
      return false;
    }
    if (arrivals.take(from.getAddress()) > 0 || (guests.size() == MAX && !makeRoom())) {
      return false;
    }
    Guest guest = new Guest(channel, from.getAddress(), clock.getAsLong() + HEAD_NS);
    guests.put(from, guest);
    open++;
    channel.closeFuture().addListener(closed -> left(from, guest));
    return true;
  }

  private boolean makeRoom() {
    List<Guest> strangers = guests.values().stream().filter(each -> each.caller == null).toList();
    Map<Source, Long> strangersOf =
        strangers.stream().collect(groupingBy(each -> each.source, counting()));
    // of equals, the first
    Optional<Guest> leaving =
        strangers.stream().max(comparing(each -> strangersOf.get(each.source)));
    leaving.ifPresent(
        guest -> {
          guests.values().remove(guest);
          guest.end();
        });
    return leaving.isPresent();
  }

  private synchronized void left(InetSocketAddress from, Guest guest) {
    guests.remove(from, guest);
    open--;
  }

  /** It speaks HTTP from here on. */
  synchronized void connected(HttpConnection connection) {
    SocketAddress from = connection.remoteAddress();
    Guest guest =
        from == null ? null : guests.get(new InetSocketAddress(from.hostAddress(), from.port()));
    if (guest == null) {
      connection.close();
      return;
    }
    talking.put(connection, guest);
    connection.closeHandler(closed -> forget(connection));
  }

  private synchronized void forget(HttpConnection connection) {
    talking.remove(connection);
  }

  /** A request has come. */
  void asked(HttpConnection connection) {
    await(connection, ANSWER_NS, false);
  }

  /** Its answer has begun, and has no end. */
  void streaming(HttpConnection connection) {
    await(connection, NEVER_NS, true);
  }

  /** Its answer is written. */
  void answered(HttpConnection connection) {
    await(connection, IDLE_NS, false);
  }

  private synchronized void await(HttpConnection connection, long ns, boolean streaming) {
    Guest guest = talking.get(connection);
    if (guest != null) {
      guest.deadline = clock.getAsLong() + ns;
      guest.streaming = streaming;
    }
  }

  /**
   * Its latest word on who it is.
   *
   * @param caller null where it was wrong
   */
  synchronized void prove(HttpConnection connection, @Nullable Caller caller) {
    Guest guest = talking.get(connection);
    if (guest != null) {
      guest.caller = caller;
    }
  }

  synchronized boolean isProven(HttpConnection connection) {
    Guest guest = talking.get(connection);
    return guest != null && guest.caller != null;
  }

  /** Takes those not welcome any more for strangers, and ends what is being streamed to them. */
  synchronized void dismiss(Predicate<Caller> welcome) {
    for (Guest guest : List.copyOf(guests.values())) {
      if (guest.caller != null && !welcome.test(guest.caller)) {
        guest.caller = null;
        if (guest.streaming) {
          guest.end();
        }
      }
    }
  }

  /** Ends those whose time is up; to be called once a second or so. */
  synchronized void sweep() {
    long now = clock.getAsLong();
    List.copyOf(guests.values()).stream()
        .filter(guest -> guest.deadline - now <= 0)
        .forEach(Guest::end);
  }
}
