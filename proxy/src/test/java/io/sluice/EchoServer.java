package io.sluice;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.atomic.AtomicLong;

/** A backend of a test: counts what comes, and sends it back unless it is to do something else. */
public final class EchoServer implements AutoCloseable {

  /** What is done with a datagram, on the server's thread. */
  public interface Service {
    void take(ByteBuffer payload, Answer answer) throws IOException;
  }

  /** Goes to whoever sent the datagram. */
  public interface Answer {
    void send(ByteBuffer payload) throws IOException;

    SocketAddress to();
  }

  private record Reply(DatagramChannel from, SocketAddress to) implements Answer {
    @Override
    public void send(ByteBuffer payload) throws IOException {
      from.send(payload, to);
    }
  }

  private final DatagramChannel channel;
  private final InetSocketAddress address;
  private final AtomicLong received = new AtomicLong();

  public EchoServer(String ip) throws IOException {
    this(ip, (payload, answer) -> answer.send(payload));
  }

  public EchoServer(String ip, Service service) throws IOException {
    this(new InetSocketAddress(InetAddress.ofLiteral(ip), 0), service);
  }

  public EchoServer(InetSocketAddress at) throws IOException {
    this(at, (payload, answer) -> answer.send(payload));
  }

  private EchoServer(InetSocketAddress at, Service service) throws IOException {
    channel = DatagramChannel.open().bind(at);
    channel.setOption(java.net.StandardSocketOptions.SO_RCVBUF, 4 << 20);
    address = (InetSocketAddress) channel.getLocalAddress();
    Thread.ofPlatform().daemon().name("echo " + address).start(() -> serve(service));
  }

  public InetSocketAddress address() {
    return address;
  }

  public long received() {
    return received.get();
  }

  private void serve(Service service) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);
    try {
      while (true) {
        buffer.clear();
        var client = channel.receive(buffer);
        received.incrementAndGet();
        service.take(buffer.flip(), new Reply(channel, client));
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
