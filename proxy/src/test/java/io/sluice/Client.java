package io.sluice;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A client, or a backend, of a test: waits up to 5 s for a datagram and tells whom it came from.
 */
public final class Client implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 5_000;

  /** A datagram and where it came from. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Received(InetSocketAddress from, byte[] payload) {}

  private final DatagramSocket socket;
  private final DatagramPacket packet = new DatagramPacket(new byte[65_536], 65_536);

  /**
   * On a free port of a numeric address; never connected, because Java does not send empty
   * datagrams on a connected socket.
   */
  public Client(String ip) throws SocketException {
    this(ip, 0);
  }

  public Client(String ip, int port) throws SocketException {
    socket = new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
    socket.setReceiveBufferSize(4 << 20);
  }

  public InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  public void send(InetSocketAddress to, byte... payload) throws IOException {
    socket.send(new DatagramPacket(payload, payload.length, to));
  }

  public Received receive() throws IOException {
    Received received = receive(PATIENCE_MILLIS);
    if (received == null) {
      throw new SocketTimeoutException("nothing came within " + PATIENCE_MILLIS + " ms");
    }
    return received;
  }

  /** The next datagram, or null when none comes in time. */
  public @Nullable Received receive(int millis) throws IOException {
    socket.setSoTimeout(millis);
    packet.setLength(65_536);
    try {
      socket.receive(packet);
    } catch (SocketTimeoutException e) {
      return null;
    }
    return new Received(
        (InetSocketAddress) packet.getSocketAddress(),
        Arrays.copyOf(packet.getData(), packet.getLength()));
  }

  /** Sends and returns the answer's payload. */
  public byte[] ask(InetSocketAddress to, byte... payload) throws IOException {
    send(to, payload);
    return receive().payload();
  }

  @Override
  public void close() {
    socket.close();
  }
}
