package io.sluice.flow;

import io.sluice.affinity.Keys;
import io.sluice.balance.Policies;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.Dialer;
import io.sluice.net.Fds;
import io.sluice.net.FrontSockets;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.UdpSocket;
import io.sluice.net.Workers;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import io.sluice.trace.Traces;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.List;
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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What finding its flow costs a datagram, among many flows of as many clients.
 *
 * <p>The clients are real: each sends one datagram from a loopback address of its own, so that keys
 * are read from what the kernel wrote. The flows are real too, but share one socket: there are more
 * of them than a process may have descriptors.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
@SuppressWarnings("NullAway.Init") // by fill()
public class FlowLookUp {
  @Param({"1000", "100000"})
  public int flows;

  private final Workers workers = Workers.start(1);
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private final FlowKey probe = new FlowKey(0, false);
  private Batch batch;
  private UdpSocket front;
  private UdpSocket link;
  private Pool pool;
  private FlowTable table;
  private FlowKey[] keys;
  private int received;
  private int next;

  @Setup
  public void fill() throws Exception {
    workers.onEach(worker -> batch = worker.batch()); // its loop has nothing to do with it here
    Limits limits =
        new Limits(flows, Duration.ofHours(1), Duration.ofHours(1), flows, 1_000_000_000, true);
    table = new FlowTable(limits, System::nanoTime);
    front = FrontSockets.listen(loopback(0), 4 << 20);
    Dialer dialer = new Ports(KernelFeatures.localPorts(), new Fds(2)).dialer(List.of(), List.of());
    link = dialer.dial(front.localAddress());
    pool = pool(front.localAddress().toInetSocketAddress());
    Lane lane =
        new Lane(
            workers.get(0),
            front,
            table,
            new Books(),
            null,
            (flow, now) -> null,
            new Tap("test", front.localAddress(), 0, Traces.none(), System::nanoTime),
            new Course(pool, dialer, Keys.sourceAddress(), 1_500, false));
    Backend backend = pool.backends().getFirst();
    keys = new FlowKey[flows];
    for (int i = 0; i < flows; i++) {
      send(i, front.localAddress().toInetSocketAddress());
      batch.clear();
      received = front.receive(batch);
      keys[i] = probe.read(batch, 0).copy();
      table.enter(new Flow(keys[i], lane, backend, link, i, true, System.nanoTime()));
    }
    fillBatch();
  }

  /** Leaves several clients' datagrams in the batch. */
  private void fillBatch() throws Exception {
    for (int i = 0; i < 16; i++) {
      send(i * (flows / 16), front.localAddress().toInetSocketAddress());
    }
    batch.clear();
    received = front.receive(batch);
  }

  @TearDown
  public void close() {
    link.close();
    front.close();
    pool.close();
    control.shutdownNow();
    workers.close();
  }

  /** As a listener does: the key of each datagram of a batch into the one probe. */
  @Benchmark
  public @Nullable Flow readAndFind() {
    return table.find(probe.read(batch, next++ % received));
  }

  /** Any flow of all: their nodes and keys come from wherever they lie in memory. */
  @Benchmark
  public @Nullable Flow findAny() {
    next =
        next * 1_664_525 + 1_013_904_223; // Knuth's choice, The Art of Computer Programming 3.3.4
    return table.find(keys[Integer.remainderUnsigned(next >>> 8, flows)]);
  }

  /** One datagram of client {@code i}, of 127.1.0.0/16 and its own port range. */
  private static void send(int i, InetSocketAddress to) throws Exception {
    var ip = new byte[] {127, 1, (byte) (i >>> 8), (byte) i};
    var from = new InetSocketAddress(InetAddress.getByAddress(ip), 20_000 + (i >>> 16));
    try (DatagramChannel client = DatagramChannel.open().bind(from)) {
      client.send(ByteBuffer.allocate(100), to);
    }
  }

  private static Address loopback(int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
  }

  private Pool pool(InetSocketAddress backend) {
    Rules rules =
        new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));
    var servers = List.of(new Pool.Spec.Server("one", backend, 1));
    var spec = new Pool.Spec("pool", Policies.maglev(), servers, rules, true);
    return Pool.open(spec, 1, control, System::nanoTime);
  }
}
