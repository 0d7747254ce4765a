package com.example;

import io.netty.buffer.ByteBuf;
import io.sluice.Plugin;
import io.sluice.Plugins;
import io.sluice.affinity.KeyExtractor;
import io.sluice.balance.Balancer;
import io.sluice.filter.DatagramFilter;
import io.sluice.probe.Probe;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * Brings the balance policy {@code first}, the affinity key {@code first-byte}, the probe {@code
 * neighbour} and the filter {@code dns-queries}.
 */
public final class ExamplePlugin implements Plugin {
  @Override
  public void register(Plugins to) {
    to.balancer("first", First::new)
        .keyExtractor("first-byte", new FirstByte())
        .probe("neighbour", new Neighbour())
        .filter("dns-queries", request -> new QueriesOnly());
  }

  /** The first eligible member gets everything; the next one is its stand-by. */
  static final class First implements Balancer {
    First(List<? extends Member> members) {}

    @Override
    public int pick(long key) {
      return 0;
    }
  }

  /** Datagrams whose payload starts alike go to the same member. */
  static final class FirstByte implements KeyExtractor {
    @Override
    public long keyOf(InetSocketAddress client, ByteBuf payload) {
      return payload.isReadable()
          ? payload.getUnsignedByte(payload.readerIndex())
          : client.hashCode();
    }
  }

  /** Whoever the network reaches is taken to be well. */
  static final class Neighbour implements Probe {
    @Override
    public void check(InetSocketAddress target, Duration timeout) throws IOException {
      if (!target.getAddress().isReachable((int) timeout.toMillis())) {
        throw new IOException("no answer to a ping within " + timeout.toMillis() + " ms");
      }
    }
  }

  /** Clients may ask, and nothing else: what a DNS message is, the first of its flags says. */
  static final class QueriesOnly implements DatagramFilter {
    @Override
    public boolean onRequest(ByteBuf payload, long nowNs) {
      return payload.readableBytes() >= 12 && payload.getByte(payload.readerIndex() + 2) >= 0;
    }
  }
}
