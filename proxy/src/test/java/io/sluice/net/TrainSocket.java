package io.sluice.net;

import io.sluice.metrics.Account;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A client or a backend of a test that sends trains, and receives them joined or parted. */
public final class TrainSocket implements AutoCloseable {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final UdpSocket socket;
  private final Batch batch = new Batch();
  private final Account account = new Account();

  private TrainSocket(UdpSocket socket) {
    this.socket = socket;
  }

  /** A client, connected to a front. */
  public static TrainSocket to(InetSocketAddress front) throws OsException {
    UdpSocket socket =
        new Ports(KernelFeatures.localPorts(), new Fds(1))
            .dialer(List.of(), List.of())
            .dial(Address.of(front));
    Linux.setsockopt(socket.fd().intValue(), Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, 16 << 20);
    return new TrainSocket(socket);
  }

  /** A socket that anybody may send to. */
  public static TrainSocket on(InetSocketAddress address) throws OsException {
    return new TrainSocket(FrontSockets.listen(Address.of(address), 16 << 20));
  }

  public InetSocketAddress address() throws OsException {
    return socket.localAddress().toInetSocketAddress();
  }

  /**
   * Sends datagrams of {@code segment} bytes, the last of what is left; one datagram if 0.
   *
   * @return how many of them the kernel took
   */
  public long send(byte[] payload, int segment) {
    long before = account.forwarded();
    batch.load(payload, segment);
    socket.send(batch, 0, 1, account);
    return account.forwarded() - before;
  }

  /** The largest datagrams whose trains the kernel is still asked to part. */
  public boolean parts(int segment) {
    return socket.parts(segment);
  }

  /** The next {@code count} datagrams, in order. */
  public List<ByteBuffer> receive(int count) {
    List<ByteBuffer> received = new ArrayList<>();
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (received.size() < count && System.nanoTime() - deadline < 0) {
      batch.clear();
      if (socket.receive(batch) == 0) {
        LockSupport.parkNanos(100_000);
      }
      for (int slot = 0; slot < batch.filled(); slot++) {
        part(batch.copy(slot), batch.segmentBytes(slot), received);
      }
    }
    return received;
  }

  /** Sends whatever comes in the next moments back to where it came from; returns the datagrams. */
  public int echo() {
    batch.clear();
    int n = socket.receive(batch);
    for (int slot = 0; slot < n; slot++) {
      batch.to(slot, 1, batch.sourceHead(slot), 0, 0, 0);
    }
    if (n > 0) {
      socket.send(batch, 0, n, account);
    }
    return batch.datagrams(0, n);
  }

  private static void part(byte[] payload, int segment, List<ByteBuffer> into) {
    int step = segment == 0 ? Math.max(1, payload.length) : segment;
    for (int at = 0; at == 0 || at < payload.length; at += step) {
      into.add(
          ByteBuffer.wrap(Arrays.copyOfRange(payload, at, Math.min(payload.length, at + step))));
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
