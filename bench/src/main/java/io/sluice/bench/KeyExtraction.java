package io.sluice.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.sluice.affinity.KeyExtractor;
import io.sluice.affinity.Keys;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the key of a new flow's first datagram costs. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class KeyExtraction {
  private static final int CLIENTS = 1 << 10;

  @Param({"192.0.2.1", "2001:db8::1"})
  public String ip = "";

  private final KeyExtractor sourceIp = Keys.sourceIp();
  private final KeyExtractor sourcePrefix = Keys.sourcePrefix(24, 56);
  private final KeyExtractor sourceAddress = Keys.sourceAddress();
  private final KeyExtractor payload8 = Keys.payload(1, 8);
  private final KeyExtractor payload64 = Keys.payload(1, 64);
  private final KeyExtractor tooShort = Keys.payload(200, 8);

  /** As slots are: direct memory. */
  private final ByteBuf datagram = Unpooled.directBuffer(200).writeZero(200);

  private final InetSocketAddress[] clients = new InetSocketAddress[CLIENTS];
  private int next;

  @Setup
  public void fill() {
    for (int i = 0; i < CLIENTS; i++) {
      clients[i] = new InetSocketAddress(InetAddress.ofLiteral(ip), 1_024 + i);
    }
  }

  private InetSocketAddress client() {
    return clients[next++ & CLIENTS - 1];
  }

  @Benchmark
  public long sourceIp() {
    return sourceIp.keyOf(client(), datagram);
  }

  @Benchmark
  public long sourcePrefix() {
    return sourcePrefix.keyOf(client(), datagram);
  }

  @Benchmark
  public long sourceAddress() {
    return sourceAddress.keyOf(client(), datagram);
  }

  @Benchmark
  public long payloadOf8() {
    return payload8.keyOf(client(), datagram);
  }

  @Benchmark
  public long payloadOf64() {
    return payload64.keyOf(client(), datagram);
  }

  @Benchmark
  public long payloadTooShort() {
    return tooShort.keyOf(client(), datagram);
  }
}
