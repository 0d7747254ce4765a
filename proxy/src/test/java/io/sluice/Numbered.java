package io.sluice;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Backends that answer a client's numbered datagram (its own number, then that of the datagram)
 * with the same, the backend's number and the port it came from, and see whether each comes after
 * the ones before. What is no such datagram they send back.
 */
final class Numbered implements AutoCloseable {
  /** Of a datagram: who, and the how manyth. */
  static final int BYTES = 2 * Integer.BYTES;

  private final List<EchoServer> servers = new ArrayList<>();
  private volatile @Nullable String disorder;

  Numbered(int count, int clients) throws IOException {
    for (int i = 0; i < count; i++) {
      int number = i;
      int[] last = new int[clients];
      Arrays.fill(last, -1);
      servers.add(
          new EchoServer("127.0.0.1", (payload, answer) -> take(number, last, payload, answer)));
    }
  }

  private void take(int number, int[] last, ByteBuffer payload, EchoServer.Answer answer)
      throws IOException {
    if (payload.remaining() != BYTES) {
      answer.send(payload);
      return;
    }
    int client = payload.getInt(0);
    int n = payload.getInt(Integer.BYTES);
    if (n <= last[client]) {
      disorder =
          "backend %d got %d of client %d after %d".formatted(number, n, client, last[client]);
    }
    last[client] = n;
    ByteBuffer reply = ByteBuffer.allocate(BYTES + 2 * Integer.BYTES);
    int link = ((InetSocketAddress) answer.to()).getPort();
    answer.send(reply.putInt(client).putInt(n).putInt(number).putInt(link).flip());
  }

  List<InetSocketAddress> addresses() {
    return servers.stream().map(EchoServer::address).toList();
  }

  /** What came in the wrong order, or twice; null if nothing did. */
  @Nullable String disorder() {
    return disorder;
  }

  @Override
  public void close() throws IOException {
    for (EchoServer server : servers) {
      server.close();
    }
  }
}
