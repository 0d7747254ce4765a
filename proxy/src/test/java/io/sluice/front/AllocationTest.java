package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.sluice.Client;
import io.sluice.affinity.Keys;
import io.sluice.balance.Policies;
import io.sluice.filter.Filters;
import io.sluice.filter.Network;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.trace.Captures;
import io.sluice.trace.Traces;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The relay path makes no garbage, nor does the recorder: what a worker's thread allocates, by the
 * JVM's own count, while established flows exchange datagrams over real sockets, with the event
 * loop and all its timers.
 */
class AllocationTest {
  private static final int FLOWS = 20;
  private static final int BURST = 10;

  /** Bytes a datagram: what runs by the second, timers and the table's touches, has some. */
  private static final double NOTHING = 0.5;

  /** A request and its reply are two datagrams. */
  private static final int DATAGRAMS = 100_000;

  /**
   * What is interpreted, or compiled in haste, allocates at every system call, so the first rounds
   * do; how many depends on when the compiler finds time.
   */
  private static final int ROUNDS = 10;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @AutoClose
  private final ServedFront served =
      new ServedFront(Workers.start(1))
          .inRealTime()
          .key(Keys.sourceAddress())
          .traces(new Traces(new Captures("test", System::nanoTime), 100, 1, null))
          .pool(
              servers ->
                  new Pool.Spec("pool", Policies.maglev(), servers, ServedFront.RULES, true));

  private final List<Client> clients = new ArrayList<>();

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0", "::1"})
  void relayingEstablishedFlowsAllocatesNothing(String ip) throws Exception {
    assertNothingIsAllocated(ip);
  }

  @Test
  void norDoFiltersThatSeeEachDatagram() throws Exception {
    long now = System.nanoTime();
    served.filters(
        Filters.accessList(List.of(), List.of(Network.of(InetAddress.ofLiteral("192.0.2.0"), 24))),
        Filters.rateLimit(Filters.Per.SOURCE_IP, 1_000_000, 1_000_000, now),
        Filters.rateLimit(Filters.Per.FLOW, 1_000_000, 1_000_000, now));
    assertNothingIsAllocated("127.0.0.1");
    assertThat(served.flow().sieve()).isNotNull();
    assertThat(served.drops()).isEmpty();
  }

  private void assertNothingIsAllocated(String ip) throws Exception {
    int port = served.listen(ServedFront.any(ip)).serve(served.echo()).getPort();
    for (int i = 0; i < FLOWS; i++) {
      clients.add(served.client(ip.equals("::1") ? ip : "127.0.0.1"));
    }
    var at = new InetSocketAddress(clients.getFirst().address().getAddress(), port);
    double bytes = Double.MAX_VALUE;
    for (int round = 0; round < ROUNDS && bytes >= NOTHING; round++) {
      long before = allocated();
      exchange(at);
      bytes = (double) (allocated() - before) / DATAGRAMS;
    }
    System.out.printf("allocation: %.3f bytes a datagram%n", bytes);
    assertThat(bytes).as("bytes a datagram").isLessThan(NOTHING);
  }

  private void exchange(InetSocketAddress at) throws Exception {
    byte[] payload = new byte[100];
    for (int done = 0; done < DATAGRAMS; done += 2 * FLOWS * BURST) {
      for (Client client : clients) {
        for (int i = 0; i < BURST; i++) {
          client.send(at, payload);
        }
      }
      for (Client client : clients) {
        for (int i = 0; i < BURST; i++) {
          assertThat(client.receive().payload()).hasSize(payload.length);
        }
      }
    }
  }

  private long allocated() {
    var worker = new AtomicLong();
    served.workers.onEach(each -> worker.set(Thread.currentThread().threadId()));
    return threads.getThreadAllocatedBytes(worker.get());
  }
}
