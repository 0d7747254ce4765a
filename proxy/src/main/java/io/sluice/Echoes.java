package io.sluice;

import io.sluice.config.SluiceConfig;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The embedded echo backends, so that Sluice can be tried out with nothing else installed: every
 * datagram goes back to its sender byte for byte, empty ones too.
 */
final class Echoes implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Echoes.class);

  /** A burst of the demo's clients waits here; the kernel grants less where its limit is lower. */
  private static final int RECEIVE_BUFFER_BYTES = 4 << 20;

  /** Nothing longer fits into a UDP header's length field. */
  private static final int LONGEST_DATAGRAM = 65_535;

  private final List<DatagramChannel> channels = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();

  private Echoes() {}

  /**
   * Binds them all and starts answering.
   *
   * @throws StartFailure with nothing left open
   */
  static Echoes open(List<SluiceConfig.Echo> echoes) throws StartFailure {
    var opened = new Echoes();
    for (SluiceConfig.Echo echo : echoes) {
      try {
        opened.add(echo);
      } catch (IOException e) {
        opened.close();
        throw StartFailure.bind("echo backend '" + echo.name() + "'", "udp", echo.address(), e);
      }
    }
    return opened;
  }

  private void add(SluiceConfig.Echo echo) throws IOException {
    boolean v6 = echo.address().getAddress() instanceof Inet6Address;
    var channel =
        DatagramChannel.open(v6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET);
    channels.add(channel);
    channel.setOption(StandardSocketOptions.SO_RCVBUF, RECEIVE_BUFFER_BYTES);
    channel.bind(echo.address());
    threads.add(
        Thread.ofPlatform().daemon().name("echo-" + echo.name()).start(() -> answer(channel)));
  }

  /** The addresses really bound (port 0 resolved), in the order asked for. */
  List<InetSocketAddress> addresses() throws IOException {
    var bound = new ArrayList<InetSocketAddress>();
    for (DatagramChannel channel : channels) {
      bound.add((InetSocketAddress) channel.getLocalAddress());
    }
    return bound;
  }

  int size() {
    return channels.size();
  }

  private static void answer(DatagramChannel channel) {
    var datagram = ByteBuffer.allocateDirect(LONGEST_DATAGRAM);
    try {
      while (true) {
        SocketAddress client = channel.receive(datagram.clear());
        reply(channel, datagram.flip(), client);
      }
    } catch (ClosedChannelException e) {
      // close() ends it.
    } catch (IOException e) {
      LOG.error("{} stops answering", Thread.currentThread().getName(), e);
    }
  }

  /** A datagram that cannot go back (source port 0, no route) costs only itself. */
  private static void reply(DatagramChannel channel, ByteBuffer datagram, SocketAddress client)
      throws ClosedChannelException {
    try {
      channel.send(datagram, client);
    } catch (ClosedChannelException e) {
      throw e;
    } catch (IOException e) {
      LOG.debug("no reply to {}", client, e);
    }
  }

  /**
   * Returns once the addresses are free: a socket lives on until the thread reading it has left.
   */
  @Override
  public void close() {
    for (DatagramChannel channel : channels) {
      try {
        channel.close();
      } catch (IOException e) {
        LOG.warn("closing an echo backend", e);
      }
    }
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
