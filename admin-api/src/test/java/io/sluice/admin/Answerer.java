package io.sluice.admin;

import io.sluice.admin.Numbered.Way;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.util.concurrent.atomic.AtomicLong;

/** A backend that checks every request and answers each with some replies of other sizes. */
final class Answerer implements AutoCloseable {
  private final DatagramChannel channel;
  private final InetSocketAddress address;
  private final AtomicLong replied = new AtomicLong();
  private volatile Inbox inbox = new Inbox(0, Way.REQUEST);
  private volatile int replies;

  Answerer() throws IOException {
    channel = DatagramChannel.open(StandardProtocolFamily.INET);
    channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 20);
    channel.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    address = (InetSocketAddress) channel.getLocalAddress();
    Thread.ofPlatform().daemon().name("answerer " + address).start(this::serve);
  }

  /** From now on flows 0 to {@code flows - 1}, and so many replies a request. */
  void begin(int flows, int repliesEach) {
    replied.set(0);
    replies = repliesEach;
    inbox = new Inbox(flows, Way.REQUEST);
  }

  InetSocketAddress address() {
    return address;
  }

  int receiveBufferBytes() throws IOException {
    return channel.getOption(StandardSocketOptions.SO_RCVBUF);
  }

  Inbox.Count received() {
    return inbox.count();
  }

  long receivedCount() {
    return received().received();
  }

  long replied() {
    return replied.get();
  }

  private void serve() {
    ByteBuffer datagram = ByteBuffer.allocateDirect(65_536);
    try {
      while (true) {
        SocketAddress link = channel.receive(datagram.clear());
        if (inbox.take(datagram.flip(), link)) {
          answer(link, datagram);
        }
      }
    } catch (AsynchronousCloseException closed) {
      return; // by close()
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void answer(SocketAddress link, ByteBuffer datagram) throws IOException {
    int flow = Numbered.flow(datagram);
    int first = Numbered.number(datagram) * replies;
    for (int number = first; number < first + replies; number++) {
      Numbered.write(datagram, flow, number, Way.REPLY);
      channel.send(datagram, link);
      replied.incrementAndGet();
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
