package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.Keys;
import io.sluice.balance.Policies;
import io.sluice.flow.Limits;
import io.sluice.net.Address;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The relay path makes no garbage: what a worker's thread allocates, by the JVM's own count, while
 * established flows exchange datagrams over real sockets, with the event loop and all its timers.
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
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private final List<Client> clients = new ArrayList<>();
  private final Workers workers = Workers.start(1);

  @AfterEach
  void close() {
    clients.forEach(Client::close);
    workers.close();
    control.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0", "::1"})
  void relayingEstablishedFlowsAllocatesNothing(String ip) throws Exception {
    try (EchoServer echo = new EchoServer("127.0.0.1");
        Pool pool = pool(echo.address())) {
      Front front = front(ip, pool);
      for (int i = 0; i < FLOWS; i++) {
        clients.add(new Client(ip.equals("::1") ? ip : "127.0.0.1"));
      }
      var at =
          new InetSocketAddress(
              clients.getFirst().address().getAddress(), front.bound().getFirst().port());
      double bytes = Double.MAX_VALUE;
      for (int round = 0; round < ROUNDS && bytes >= NOTHING; round++) {
        long before = allocated();
        exchange(at);
        bytes = (double) (allocated() - before) / DATAGRAMS;
      }
      front.close();
      assertThat(bytes).as("bytes a datagram").isLessThan(NOTHING);
    }
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
    workers.onEach(each -> worker.set(Thread.currentThread().threadId()));
    return threads.getThreadAllocatedBytes(worker.get());
  }

  private Front front(String ip, Pool pool) throws Exception {
    Limits limits =
        new Limits(1_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 1_000, 100_000, false);
    Address address = Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0));
    Front.Spec spec = new Front.Spec("front", List.of(address), 1_500, limits, false);
    var dialer =
        new Ports(KernelFeatures.localPorts(), new Fds(10_000)).dialer(List.of(), List.of());
    return Front.open(spec, workers, pool, dialer, Keys.sourceAddress(), System::nanoTime);
  }

  private Pool pool(InetSocketAddress backend) {
    Rules rules =
        new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));
    var servers = List.of(new Pool.Spec.Server("echo", backend, 1));
    return Pool.open(
        new Pool.Spec("pool", Policies.maglev(), servers, rules, true),
        workers.count(),
        control,
        System::nanoTime);
  }
}
