package io.sluice.admin;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A UDP server on some host, as a thread: what a backend is to an appliance. */
final class UdpServer implements AutoCloseable {
  private static final int BUFFER_BYTES = 4 << 20;

  private final DatagramChannel channel;
  private final Thread thread;
  private final Function<byte[], byte @Nullable []> answer;
  private final Set<InetSocketAddress> clients = ConcurrentHashMap.newKeySet();

  private UdpServer(DatagramChannel channel, Function<byte[], byte @Nullable []> answer) {
    this.channel = channel;
    this.answer = answer;
    thread = Realtime.start(this::serve);
  }

  /** Answers every datagram with itself. */
  static UdpServer echo(Netns host, InetSocketAddress at) throws Exception {
    return start(host, at, payload -> payload);
  }

  /**
   * @param answer to a payload; null: none
   */
  static UdpServer start(
      Netns host, InetSocketAddress at, Function<byte[], byte @Nullable []> answer)
      throws Exception {
    boolean ipv6 = at.getAddress() instanceof Inet6Address;
    return new UdpServer(
        host.inside(
            () ->
                DatagramChannel.open(
                        ipv6 ? StandardProtocolFamily.INET6 : StandardProtocolFamily.INET)
                    .setOption(StandardSocketOptions.SO_RCVBUF, BUFFER_BYTES)
                    .bind(at)),
        answer);
  }

  private void serve() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(65_536);
    try {
      while (true) {
        InetSocketAddress client = (InetSocketAddress) channel.receive(buffer.clear());
        clients.add(client);
        byte[] payload = new byte[buffer.flip().remaining()];
        buffer.get(payload);
        byte[] reply = answer.apply(payload);
        if (reply != null) {
          channel.send(ByteBuffer.wrap(reply), client);
        }
      }
    } catch (AsynchronousCloseException closed) {
      // as it should end
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where datagrams came from. */
  Set<InetSocketAddress> clients() {
    return Set.copyOf(clients);
  }

  @Override
  public void close() throws IOException {
    channel.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
