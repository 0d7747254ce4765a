package io.sluice.admin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Some servers and clients on the loopback interface, so that there is something to be seen. */
final class Bustle implements AutoCloseable {
  private static final long PAUSE_NS = 20_000_000;

  private final List<DatagramChannel> open = new ArrayList<>();
  private volatile boolean over;

  /** A server that answers every datagram with itself. */
  InetSocketAddress server() throws IOException {
    DatagramChannel channel = channel();
    Thread.startVirtualThread(() -> echo(channel));
    return (InetSocketAddress) channel.getLocalAddress();
  }

  /** A port on which nobody is. */
  static InetSocketAddress nobody() throws IOException {
    try (DatagramChannel channel = DatagramChannel.open().bind(loopback())) {
      return (InetSocketAddress) channel.getLocalAddress();
    }
  }

  /** Clients that send in turn, 50 datagrams a second together, until closed. */
  void clients(int count, InetSocketAddress front, int bytes) throws IOException {
    List<DatagramChannel> clients = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      clients.add(channel());
    }
    Thread.startVirtualThread(
        () -> {
          for (int i = 0; !over; i++) {
            send(clients.get(i % count), front, bytes);
            LockSupport.parkNanos(PAUSE_NS);
          }
        });
  }

  /** A client that says this once, and how it is known. */
  InetSocketAddress say(InetSocketAddress front, String text) throws IOException {
    DatagramChannel client = channel();
    client.send(ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII)), front);
    return (InetSocketAddress) client.getLocalAddress();
  }

  private DatagramChannel channel() throws IOException {
    DatagramChannel channel = DatagramChannel.open().bind(loopback());
    open.add(channel);
    return channel;
  }

  private static InetSocketAddress loopback() {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
  }

  private void send(DatagramChannel from, InetSocketAddress to, int bytes) {
    try {
      from.send(ByteBuffer.allocate(bytes), to);
    } catch (IOException e) {
      if (!over) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void echo(DatagramChannel channel) {
    ByteBuffer datagram = ByteBuffer.allocate(2_048);
    try {
      while (true) {
        SocketAddress client = channel.receive(datagram.clear());
        channel.send(datagram.flip(), client);
      }
    } catch (AsynchronousCloseException closed) {
      // as it should end
    } catch (IOException e) {
      if (!over) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @Override
  public void close() throws IOException {
    over = true;
    for (DatagramChannel channel : open) {
      channel.close();
    }
  }
}
