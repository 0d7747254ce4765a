package io.sluice.filter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the seam asks of every filter; a test of one, a plug-in's too, implements this. */
public interface FilterContract {
  long START_NS = 1_000_000_000L;

  /** A new one of those under test, the same each time, of an appliance that starts now. */
  DatagramFilter.Factory factory();

  /** Clients of a few networks, with ports and payloads of all kinds. */
  static FlowRequest request(Random random, long nowNs) {
    byte[] ip = {10, (byte) random.nextInt(3), 0, (byte) random.nextInt(4)};
    byte[] payload = new byte[random.nextInt(64)];
    random.nextBytes(payload);
    try {
      return new FlowRequest(
          "front",
          new InetSocketAddress(InetAddress.getByAddress(ip), 1 + random.nextInt(65_535)),
          new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 53),
          Unpooled.wrappedBuffer(payload),
          nowNs);
    } catch (java.net.UnknownHostException impossible) {
      throw new AssertionError(impossible);
    }
  }

  @Test
  default void payloadsAreLeftAsTheyWere() {
    Random random = new Random(1);
    DatagramFilter.Factory factory = factory();
    for (int i = 0; i < 200; i++) {
      FlowRequest request = request(random, START_NS + i);
      byte[] before = ByteBufUtil.getBytes(request.payload());
      DatagramFilter filter = factory.open(request);
      var _ = filter.onRequest(request.payload(), START_NS + i);
      var _ = filter.onReply(request.payload(), START_NS + i);
      var _ = filter.explain(request.payload(), START_NS + i);
      var _ = factory.explain(request);
      filter.close();
      assertThat(ByteBufUtil.getBytes(request.payload())).isEqualTo(before);
      assertThat(request.payload().refCnt()).isEqualTo(1);
    }
  }

  /** Two of a kind, one of which is asked for explanations all the time. */
  @Test
  default void explainingChangesNothingAndSaysWhatHappensThen() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    DatagramFilter.Factory asked = factory();
    DatagramFilter.Factory alone = factory();
    long nowNs = START_NS;
    for (int i = 0; i < 2_000; i++) {
      nowNs += random.nextInt(20_000_000);
      FlowRequest request = request(random, nowNs);
      Opinion opinion = asked.explain(request);
      assertThat(asked.explain(request)).isEqualTo(opinion);
      DatagramFilter one = asked.open(request);
      DatagramFilter other = alone.open(request);
      boolean passes = passes(one, request.payload(), nowNs);
      assertThat(passes(other, request.payload(), nowNs))
          .as("seed %d, %d", seed, i)
          .isEqualTo(passes);
      agrees(opinion, passes, "seed %d, %d".formatted(seed, i));
      for (int more = random.nextInt(4); isInterested(one) && more > 0; more--) {
        Opinion next = one.explain(request.payload(), nowNs);
        assertThat(one.explain(request.payload(), nowNs)).isEqualTo(next);
        boolean nextPasses = one.onRequest(request.payload(), nowNs);
        assertThat(other.onRequest(request.payload(), nowNs)).isEqualTo(nextPasses);
        agrees(next, nextPasses, "seed %d, %d".formatted(seed, i));
      }
    }
  }

  private static boolean passes(DatagramFilter filter, ByteBuf payload, long nowNs) {
    return !Filters.DENY.equals(filter) && filter.onRequest(payload, nowNs);
  }

  private static boolean isInterested(DatagramFilter filter) {
    return !Filters.DENY.equals(filter) && !Filters.PASS.equals(filter);
  }

  private static void agrees(Opinion opinion, boolean passes, String when) {
    assertThat(opinion.why()).isNotBlank();
    if (opinion.verdict() != Opinion.Verdict.UNKNOWN) {
      assertThat(opinion.verdict() == Opinion.Verdict.PASS).as(when).isEqualTo(passes);
    }
  }

  @Test
  default void flowsMayOpenOnManyLoopsAtOnce() throws Exception {
    DatagramFilter.Factory factory = factory();
    var thrown = new ConcurrentLinkedQueue<Throwable>();
    Thread[] loops =
        IntStream.range(0, 4)
            .mapToObj(seed -> new Thread(() -> openMany(factory, new Random(seed))))
            .toArray(Thread[]::new);
    for (Thread loop : loops) {
      loop.setUncaughtExceptionHandler((_, e) -> thrown.add(e));
      loop.start();
    }
    for (Thread loop : loops) {
      loop.join();
    }
    assertThat(thrown).isEmpty();
  }

  private static void openMany(DatagramFilter.Factory factory, Random random) {
    for (int i = 0; i < 5_000; i++) {
      FlowRequest request = request(random, START_NS + i);
      DatagramFilter filter = factory.open(request);
      if (isInterested(filter)) {
        var _ = filter.onRequest(request.payload(), START_NS + i);
        filter.close();
      }
    }
  }
}
