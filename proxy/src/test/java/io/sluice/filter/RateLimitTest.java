package io.sluice.filter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RateLimitTest {
  private static final ByteBuf EMPTY = Unpooled.EMPTY_BUFFER;
  private static final long START_NS = FilterContract.START_NS;
  private static final long SECOND_NS = 1_000_000_000L;

  private static DatagramFilter.Factory limit(Filters.Per per, int rate, int burst) {
    return Filters.rateLimit(per, rate, burst, START_NS);
  }

  @Nested
  class PerSource implements FilterContract {
    @Override
    public DatagramFilter.Factory factory() {
      return limit(Filters.Per.SOURCE_IP, 20, 3);
    }
  }

  @Nested
  class PerFlow implements FilterContract {
    @Override
    public DatagramFilter.Factory factory() {
      return limit(Filters.Per.FLOW, 20, 2);
    }
  }

  @Nested
  class PerFront implements FilterContract {
    @Override
    public DatagramFilter.Factory factory() {
      return limit(Filters.Per.FRONT, 50, 10);
    }
  }

  @ParameterizedTest
  @EnumSource(Filters.Per.class)
  void aBurstThenTheRateAndNoMore(Filters.Per per) {
    DatagramFilter filter = limit(per, 10, 4).open(request(1, 1, START_NS));
    assertThat(passed(filter, 9, START_NS)).isEqualTo(4);
    assertThat(passed(filter, 9, START_NS + SECOND_NS / 10 - 1)).isZero();
    assertThat(passed(filter, 9, START_NS + SECOND_NS / 10)).isEqualTo(1);
    assertThat(passed(filter, 9, START_NS + SECOND_NS)).isEqualTo(4); // no more than a burst
    int passed = 0;
    for (long nowNs = START_NS + 2 * SECOND_NS;
        nowNs < START_NS + 12 * SECOND_NS;
        nowNs += 1_000_000) {
      passed += passed(filter, 3, nowNs);
    }
    assertThat(passed).isEqualTo(3 + 10 * 10); // burst - 1 ahead, then one every 100 ms
  }

  @Test
  void flowsOfOneAddressShareItsRateAndOthersHaveTheirOwn() {
    DatagramFilter.Factory limit = limit(Filters.Per.SOURCE_IP, 10, 4);
    DatagramFilter one = limit.open(request(1, 1, START_NS));
    DatagramFilter other = limit.open(request(1, 2, START_NS));
    DatagramFilter stranger = limit.open(request(2, 1, START_NS));
    assertThat(passed(one, 3, START_NS)).isEqualTo(3);
    assertThat(passed(other, 3, START_NS)).isEqualTo(1);
    assertThat(passed(stranger, 9, START_NS)).isEqualTo(4);
    assertThat(limit.open(request(1, 3, START_NS))).isEqualTo(Filters.DENY);
    assertThat(limit.open(request(1, 3, START_NS + SECOND_NS))).isNotEqualTo(Filters.DENY);
  }

  @Test
  void eachFlowHasItsOwnRateAndTheFrontHasOneForAll() {
    DatagramFilter.Factory flow = limit(Filters.Per.FLOW, 10, 2);
    DatagramFilter.Factory front = limit(Filters.Per.FRONT, 10, 2);
    for (int client = 0; client < 5; client++) {
      assertThat(passed(flow.open(request(client, 1, START_NS)), 3, START_NS)).isEqualTo(2);
    }
    assertThat(passed(front.open(request(1, 1, START_NS)), 3, START_NS)).isEqualTo(2);
    assertThat(front.open(request(2, 1, START_NS))).isEqualTo(Filters.DENY);
  }

  @Test
  void openingAFlowTakesNothing() {
    DatagramFilter.Factory limit = limit(Filters.Per.SOURCE_IP, 10, 4);
    for (int i = 0; i < 100; i++) {
      limit.open(request(1, i, START_NS)).close();
    }
    assertThat(limit.explain(request(1, 1, START_NS)).why())
        .isEqualTo("all left of a limit of 10 a second, in bursts of 4, per source-ip");
    passed(limit.open(request(1, 1, START_NS)), 1, START_NS);
    assertThat(limit.explain(request(1, 1, START_NS)).why())
        .isEqualTo("3 left of a limit of 10 a second, in bursts of 4, per source-ip");
  }

  @Test
  void whoOpensNoFlowAfterAllLeavesNoTrace() {
    var limit = (RateLimit) limit(Filters.Per.SOURCE_IP, 10, 4);
    for (int client = 0; client < 1_000; client++) {
      limit.open(request(client, 1, START_NS)).close();
    }
    assertThat(limit.sources()).isZero();
  }

  @ParameterizedTest
  @EnumSource(
      value = Filters.Per.class,
      names = {"SOURCE_IP", "FRONT"})
  void loopsTogetherGetExactlyTheBurst(Filters.Per per) throws Exception {
    DatagramFilter.Factory limit = limit(per, 1, 10_000);
    AtomicInteger passed = new AtomicInteger();
    Thread[] loops =
        IntStream.range(0, 4)
            .mapToObj(
                port ->
                    Thread.ofPlatform()
                        .start(
                            () -> {
                              DatagramFilter filter = limit.open(request(1, port, START_NS));
                              passed.addAndGet(passed(filter, 4_000, START_NS));
                            }))
            .toArray(Thread[]::new);
    for (Thread loop : loops) {
      loop.join();
    }
    assertThat(passed).hasValue(10_000);
  }

  @Test
  void aFloodOfSourcesIsBoundedAndWashesNotOutWhoNeverStops() {
    var limit = (RateLimit) limit(Filters.Per.SOURCE_IP, 1, 1_000);
    DatagramFilter steady = limit.open(request(1, 1, START_NS));
    int passed = 0;
    Random random = new Random(7);
    for (int i = 0; i < 400_000; i++) {
      DatagramFilter spoofed = limit.open(request(random.nextInt() | 1 << 30, 1, START_NS));
      var _ = spoofed.onRequest(EMPTY, START_NS);
      passed += passed(steady, 1, START_NS);
    }
    assertThat(passed).isEqualTo(1_000);
    assertThat(limit.sources()).isLessThanOrEqualTo(100_000);
  }

  private static int passed(DatagramFilter filter, int datagrams, long nowNs) {
    int passed = 0;
    for (int i = 0; i < datagrams; i++) {
      passed += filter.onRequest(EMPTY, nowNs) ? 1 : 0;
    }
    return passed;
  }

  private static FlowRequest request(int client, int port, long nowNs) {
    byte[] ip = {(byte) (client >> 24), (byte) (client >> 16), (byte) (client >> 8), (byte) client};
    try {
      var from = new InetSocketAddress(InetAddress.getByAddress(ip), port);
      return new FlowRequest("front", from, from, EMPTY, nowNs);
    } catch (UnknownHostException impossible) {
      throw new AssertionError(impossible);
    }
  }
}
