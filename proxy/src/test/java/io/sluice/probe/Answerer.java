package io.sluice.probe;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/** A UDP server on loopback that answers each datagram with as many as it likes. */
final class Answerer implements AutoCloseable {
  final AtomicInteger asked = new AtomicInteger();
  private final Set<SocketAddress> askers = ConcurrentHashMap.newKeySet();
  private final DatagramSocket socket = open();

  Answerer(Function<byte[], List<byte[]>> answers) throws IOException {
    Thread.startVirtualThread(
        () -> {
          var packet = new DatagramPacket(new byte[65_535], 65_535);
          try {
            while (true) {
              packet.setLength(65_535);
              socket.receive(packet);
              asked.incrementAndGet();
              askers.add(packet.getSocketAddress());
              byte[] question = Arrays.copyOf(packet.getData(), packet.getLength());
              for (byte[] answer : answers.apply(question)) {
                var to = packet.getSocketAddress();
                socket.send(new DatagramPacket(answer, answer.length, to));
              }
            }
          } catch (IOException closed) {
            // by close()
          }
        });
  }

  static Answerer silent() throws IOException {
    return new Answerer(_ -> List.of());
  }

  private static DatagramSocket open() throws IOException {
    return new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  Set<SocketAddress> askers() {
    return askers;
  }

  @Override
  public void close() {
    socket.close();
  }
}
