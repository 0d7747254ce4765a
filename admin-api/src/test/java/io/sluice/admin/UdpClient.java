package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * A UDP socket on some host that hears nobody but whom it asks. It is not connected, because Java
 * would then send no empty datagrams.
 */
final class UdpClient implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final DatagramSocket socket;
  private final InetSocketAddress to;

  private UdpClient(DatagramSocket socket, InetSocketAddress to) {
    this.socket = socket;
    this.to = to;
  }

  static UdpClient open(Netns host, InetSocketAddress to) throws Exception {
    return host.inside(() -> new UdpClient(new DatagramSocket(), to));
  }

  int port() {
    return socket.getLocalPort();
  }

  void send(byte[] payload) throws IOException {
    socket.send(new DatagramPacket(payload, payload.length, to));
  }

  byte[] receive() throws IOException {
    return receive(PATIENCE);
  }

  private byte[] receive(Duration patience) throws IOException {
    socket.setSoTimeout((int) patience.toMillis());
    DatagramPacket packet = new DatagramPacket(new byte[65_536], 65_536);
    socket.receive(packet);
    assertThat(packet.getSocketAddress()).as("who answers").isEqualTo(to);
    return Arrays.copyOf(packet.getData(), packet.getLength());
  }

  byte[] ask(byte[] payload) throws IOException {
    send(payload);
    return receive();
  }

  String ask(String text) throws IOException {
    return new String(ask(text.getBytes(StandardCharsets.UTF_8)), StandardCharsets.UTF_8);
  }

  /** Asks once; whether there is an answer soon. */
  boolean isAnswered(String text, Duration soon) throws IOException {
    send(text.getBytes(StandardCharsets.UTF_8));
    try {
      assertThat(receive(soon)).asString(StandardCharsets.UTF_8).isEqualTo(text);
      return true;
    } catch (SocketTimeoutException silence) {
      return false;
    }
  }

  @Override
  public void close() {
    socket.close();
  }
}
