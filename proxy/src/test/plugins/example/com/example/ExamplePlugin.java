package com.example;

import io.netty.buffer.ByteBuf;
import io.sluice.Plugin;
import io.sluice.Plugins;
import io.sluice.affinity.KeyExtractor;
import io.sluice.balance.Balancer;
import java.net.InetSocketAddress;
import java.util.List;

/** Brings the balance policy {@code first} and the affinity key {@code first-byte}. */
public final class ExamplePlugin implements Plugin {
  @Override
  public void register(Plugins to) {
    to.balancer("first", First::new).keyExtractor("first-byte", new FirstByte());
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
}
