package io.sluice.affinity;

import io.netty.buffer.ByteBuf;
import java.net.InetSocketAddress;

/** The client's address and port. */
final class SourceAddress implements KeyExtractor {
  private final KeyExtractor ip = Keys.sourceIp();

  @Override
  public long keyOf(InetSocketAddress client, ByteBuf payload) {
    return Mix.add(ip.keyOf(client, payload), client.getPort());
  }
}
