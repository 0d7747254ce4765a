package io.sluice;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.atomic.AtomicLong;

/** A backend of a test: sends every datagram back, and counts them. */
public final class EchoServer implements AutoCloseable {
  private final DatagramChannel channel;
  private final InetSocketAddress address;
  private final AtomicLong received = new AtomicLong();

  public EchoServer(String ip) throws IOException {
    this(new InetSocketAddress(InetAddress.ofLiteral(ip), 0));
  }

  public EchoServer(InetSocketAddress at) throws IOException {
    channel = DatagramChannel.open().bind(at);
    channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, 4 << 20);
    address = (InetSocketAddress) channel.getLocalAddress();
    Thread.ofPlatform().daemon().name("echo " + address).start(this::serve);
  }

  public InetSocketAddress address() {
    return address;
  }

  public long received() {
    return received.get();
  }

  private void serve() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);
    try {
      while (true) {
        buffer.clear();
        var client = channel.receive(buffer);
        received.incrementAndGet();
        channel.send(buffer.flip(), client);
      }
    } catch (ClosedChannelException closed) {
      return; // by close()
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
