package io.sluice.flow;

import io.sluice.affinity.Keys;
import io.sluice.balance.Policies;
import io.sluice.filter.Chain;
import io.sluice.filter.Filters;
import io.sluice.filter.FlowRequest;
import io.sluice.filter.Network;
import io.sluice.filter.Sieve;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.Dialer;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.UdpSocket;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import io.sluice.trace.Captures;
import io.sluice.trace.Traces;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What filters and the flight recorder cost a datagram of 200 bytes: too little to be seen beside
 * what the kernel costs.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // by begin()
public class FilterAndRecord {
  private static final int HEADERS = 1_024;
  private static final int PER_SECOND = 1_000_000;

  private final Workers workers = Workers.start(1);
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private Batch batch;
  private UdpSocket link;
  private Pool pool;
  private FlowKey key;
  private Flow flow;
  private Tap tap;
  private Sieve sieve;
  private long now;
  private int next;

  @Setup
  public void begin() throws Exception {
    workers.onEach(worker -> batch = worker.batch()); // its loop has nothing to do with it here
    var client = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 9);
    Address at = Address.of(client);
    for (int slot = 0; slot < Batch.SLOTS; slot++) {
      batch.add(new byte[200], 0);
      batch.source(slot, at.head(), at.hi(), at.lo(), at.scope());
    }
    key = new FlowKey(0, false).read(batch, 0).copy();
    Dialer dialer = new Ports(KernelFeatures.localPorts(), new Fds(1)).dialer(List.of(), List.of());
    link = dialer.dial(at);
    pool = pool(client);
    Limits limits = new Limits(1, Duration.ofHours(1), Duration.ofHours(1), 1, 1_000_000_000, true);
    tap = new Tap("test", at, 0, recording(), System::nanoTime);
    Lane lane =
        new Lane(
            workers.get(0),
            link,
            new FlowTable(limits, System::nanoTime),
            new Books(),
            null,
            (_, _) -> null,
            tap,
            new Course(pool, dialer, Keys.sourceAddress(), 1_500, false));
    now = System.nanoTime();
    flow = new Flow(key, lane, pool.backends().getFirst(), link, 1, true, now);
    sieve = sieve(client);
  }

  private static Traces recording() {
    return new Traces(new Captures("bench", System::nanoTime), HEADERS, 1, null);
  }

  private Sieve sieve(InetSocketAddress client) {
    var elsewhere = Network.of(InetAddress.ofLiteral("192.0.2.0"), 24);
    Chain chain =
        new Chain(
            "test",
            List.of(
                new Chain.Step("access", Filters.accessList(List.of(), List.of(elsewhere))),
                new Chain.Step(
                    "rate",
                    Filters.rateLimit(Filters.Per.SOURCE_IP, PER_SECOND, PER_SECOND, now))));
    var request = new FlowRequest("test", client, client, batch.payload(0), now);
    return Objects.requireNonNull(chain.open(request, 1).sieve());
  }

  private Pool pool(InetSocketAddress backend) {
    Rules rules =
        new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));
    var servers = List.of(new Pool.Spec.Server("one", backend, 1));
    return Pool.open(
        new Pool.Spec("pool", Policies.maglev(), servers, rules, true),
        1,
        control,
        System::nanoTime);
  }

  @TearDown
  public void end() {
    link.close();
    pool.close();
    control.shutdownNow();
    workers.close();
  }

  private int slot() {
    return next++ & (Batch.SLOTS - 1);
  }

  /** A request that was sent. */
  @Benchmark
  public void recordRequest() {
    tap.sent(flow, batch, slot(), 1, now);
  }

  /** A reply that left. */
  @Benchmark
  public void recordReply() {
    tap.left(flow, batch, slot());
  }

  /** One that was dropped; reads the clock. */
  @Benchmark
  public void recordDrop() {
    tap.dropped(Drop.FLOW_RATE, true, batch, slot(), 0, 1, key);
  }

  /** A request of a client that an access list has let in and that is within its rate. */
  @Benchmark
  public @Nullable Drop filterRequest() {
    now += TimeUnit.SECONDS.toNanos(1) / PER_SECOND;
    return sieve.request(batch.datagram(slot(), 0), now);
  }
}
