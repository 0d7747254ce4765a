package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.KeyExtractor;
import io.sluice.filter.Chain;
import io.sluice.filter.DatagramFilter;
import io.sluice.flow.Course;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.OsException;
import io.sluice.net.Ports;
import io.sluice.net.Steering;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import io.sluice.trace.Traces;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A front on loopback over a pool, with all it stands on and whom it serves: set up, then opened by
 * {@link #serve}, and closed together, when its books must agree.
 *
 * <p>Unless told otherwise its clock moves by {@link #advance} alone, and a client's port decides
 * on its backend.
 */
final class ServedFront implements AutoCloseable {
  static final Limits LIMITS = limits(1_000, 1_000, 100_000);

  static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));

  final Workers workers;
  final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();

  private final AtomicLong clock = new AtomicLong(1_000_000_000L);
  private final List<AutoCloseable> open = new ArrayList<>();
  private final List<EchoServer> echoes = new ArrayList<>();
  private LongSupplier nanoTime = clock::get;
  private List<Address> listen = List.of(any("127.0.0.1"));
  private int maxDatagram = 1_500;
  private Limits limits = LIMITS;
  private boolean connected;
  private List<Chain.Step> filters = List.of();
  private Fds fds = new Fds(10_000);
  private Traces traces = Traces.none();
  private KeyExtractor key = (client, payload) -> client.getPort();
  private Function<List<Pool.Spec.Server>, Pool.Spec> spec = servers -> spec(servers, true);
  private @Nullable Front front;
  private Front.@Nullable Spec now;

  ServedFront() {
    this(Workers.start(2));
  }

  ServedFront(Workers workers) {
    this.workers = workers;
  }

  /** Flows end after a minute without a datagram, or 5 s without an answer. */
  static Limits limits(int max, int unassuredMax, int newPerSecond) {
    return new Limits(
        max, Duration.ofSeconds(60), Duration.ofSeconds(5), unassuredMax, newPerSecond, false);
  }

  /** For a test whose flows last as long as it does. */
  static Limits noLimits(int max) {
    Duration hour = Duration.ofHours(1);
    return new Limits(max, hour, hour, max, 1_000_000, false);
  }

  /** A pool of which the key says the backend. */
  static Pool.Spec spec(List<Pool.Spec.Server> servers, boolean allWhenNoneEligible) {
    return new Pool.Spec(
        "pool",
        members -> key -> (int) Long.remainderUnsigned(key, members.size()),
        servers,
        RULES,
        allWhenNoneEligible);
  }

  static Address any(String ip) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0));
  }

  ServedFront listen(Address... addresses) {
    listen = List.of(addresses);
    return this;
  }

  ServedFront maxDatagram(int bytes) {
    maxDatagram = bytes;
    return this;
  }

  ServedFront limits(Limits those) {
    limits = those;
    return this;
  }

  /** Whether assured flows have peer sockets. */
  ServedFront connected(boolean really) {
    connected = really;
    return this;
  }

  /** What is left behind for people. */
  ServedFront traces(Traces those) {
    traces = those;
    return this;
  }

  /** Named f0, f1, ... */
  ServedFront filters(DatagramFilter.Factory... those) {
    filters =
        IntStream.range(0, those.length).mapToObj(i -> new Chain.Step("f" + i, those[i])).toList();
    return this;
  }

  /** What is left for links and peer sockets. */
  ServedFront fds(Fds those) {
    fds = those;
    return this;
  }

  ServedFront key(KeyExtractor by) {
    key = by;
    return this;
  }

  ServedFront pool(Function<List<Pool.Spec.Server>, Pool.Spec> of) {
    spec = of;
    return this;
  }

  /** For tests that go on while time does. */
  ServedFront inRealTime() {
    nanoTime = System::nanoTime;
    return this;
  }

  InetSocketAddress serve(EchoServer... backends) throws OsException {
    return serve(
        Arrays.stream(backends).map(EchoServer::address).toArray(InetSocketAddress[]::new));
  }

  /** Opens the front over backends b0, b1, ...; if there was one before, closes that. */
  InetSocketAddress serve(InetSocketAddress... backends) throws OsException {
    closeFront();
    List<Pool.Spec.Server> servers =
        IntStream.range(0, backends.length)
            .mapToObj(i -> new Pool.Spec.Server("b" + i, backends[i], 1))
            .toList();
    Pool pool = open(spec.apply(servers));
    Dialer dialer = new Ports(KernelFeatures.localPorts(), fds).dialer(List.of(), List.of());
    Course course = new Course(pool, dialer, key, maxDatagram, connected, filters);
    now = new Front.Spec("test", listen, limits, course);
    front = Front.open(now, workers, traces, nanoTime);
    return front.bound().getFirst().toInetSocketAddress();
  }

  /** Another pool beside its own. */
  Pool open(Pool.Spec of) {
    return add(Pool.open(of, workers.count(), control, nanoTime));
  }

  /** Has the front become another while it runs. */
  void become(UnaryOperator<Front.Spec> other) throws OsException {
    now = other.apply(Objects.requireNonNull(now));
    front().prepare(now, List.of()).apply();
    front().spread(workers.active());
  }

  /** Has it get ready for that. */
  Front.Change prepare(UnaryOperator<Front.Spec> other) throws OsException {
    return front().prepare(other.apply(Objects.requireNonNull(now)), List.of());
  }

  Front front() {
    if (front == null) {
      throw new IllegalStateException("serve() comes first");
    }
    return front;
  }

  /** The only flow, or one of them. */
  Flow flow() {
    return front().flows().all().iterator().next();
  }

  /** Closes it with the rest, before what was added earlier. */
  <T extends AutoCloseable> T add(T closeable) {
    open.add(closeable);
    return closeable;
  }

  EchoServer echo() throws Exception {
    return echo("127.0.0.1");
  }

  EchoServer echo(String ip) throws Exception {
    EchoServer echo = add(new EchoServer(ip));
    echoes.add(echo);
    return echo;
  }

  Client client() throws Exception {
    return client("127.0.0.1");
  }

  Client client(String ip) throws Exception {
    return add(new Client(ip));
  }

  /** Of two backends, those of clients with even ports have the first and the others the second. */
  Client client(String ip, int parity) throws Exception {
    return clients(ip, 1, port -> port % 2 == parity).getFirst();
  }

  List<Client> clients(int count) throws Exception {
    return clients("127.0.0.1", count, port -> true);
  }

  /** The same, all of whose ports are even, or odd. */
  List<Client> clients(int count, int parity) throws Exception {
    return clients("127.0.0.1", count, port -> port % 2 == parity);
  }

  private List<Client> clients(String ip, int count, IntPredicate wanted) throws Exception {
    List<Client> clients = new ArrayList<>();
    while (clients.size() < count) {
      Client client = new Client(ip);
      if (wanted.test(client.address().getPort())) {
        clients.add(add(client));
      } else {
        client.close();
      }
    }
    return clients;
  }

  /** Everything that arrives is from now on received by this worker. */
  void steer(int worker) throws Throwable {
    Steering.all(front().lanes().getFirst().socket(), worker);
  }

  /**
   * Waits for the first so many at the echo servers. Who sends no more than a hundred ahead of that
   * leaves no kernel cause to drop any: a receive buffer of 208 KiB, Linux's default, holds 500.
   */
  void awaitArrivals(int count) throws InterruptedException {
    while (echoes.stream().mapToLong(EchoServer::received).sum() < count) {
      if (Thread.interrupted()) { // by a time-out
        throw new InterruptedException();
      }
      Thread.onSpinWait();
    }
  }

  /** Time passes, and what is over ends. */
  void advance(Duration by) {
    pass(by);
    front().flows().tidy();
  }

  /** Time passes, and nobody has noticed. */
  void pass(Duration by) {
    clock.addAndGet(by.toNanos());
  }

  /** Where there are peer sockets, so many. */
  void awaitPeerSockets(int count) {
    await().until(() -> !connected || front().peerSockets() == count);
    workers.onEach(worker -> {}); // one is counted before it is connected
  }

  long requests(ToLongFunction<Account> what) {
    return sum(Lane::requests, what);
  }

  long replies(ToLongFunction<Account> what) {
    return sum(Lane::replies, what);
  }

  /**
   * A datagram can be with its receiver before the loop that sent it has booked it: let every loop
   * finish first.
   */
  private long sum(Function<Lane, Account> side, ToLongFunction<Account> what) {
    workers.onEach(worker -> {});
    return front().lanes().stream().map(side).mapToLong(what).sum();
  }

  /** Drops of both directions, those that happened. */
  Map<Drop, Long> drops() {
    Map<Drop, Long> drops = new EnumMap<>(Drop.class);
    for (Drop drop : Drop.values()) {
      long n =
          requests(account -> account.dropped(drop)) + replies(account -> account.dropped(drop));
      if (n > 0) {
        drops.put(drop, n);
      }
    }
    return drops;
  }

  /** What becomes of a datagram of one byte. */
  Explanation explain(Client client, InetSocketAddress at) {
    return front().explain(client.address(), Optional.of(at), new byte[] {1});
  }

  @Nullable Flow flow(Client client) {
    workers.onEach(worker -> {});
    return front().flows().all().stream()
        .filter(flow -> flow.key().client().toInetSocketAddress().equals(client.address()))
        .findFirst()
        .orElse(null);
  }

  @Override
  public void close() {
    closeFront();
    for (AutoCloseable each : open.reversed()) {
      try {
        each.close();
      } catch (Exception e) {
        throw new AssertionError(e);
      }
    }
    workers.close();
    control.shutdownNow();
  }

  private void closeFront() {
    if (front != null) {
      front.close();
      assertThat(front.peerSockets()).isZero();
      assertConserved();
    }
  }

  /** Invariant (a): in = out + drops, each way, with nothing under way once the front is closed. */
  void assertConserved() {
    for (Function<Lane, Account> side :
        List.<Function<Lane, Account>>of(Lane::requests, Lane::replies)) {
      long dropped =
          Arrays.stream(Drop.values())
              .mapToLong(drop -> sum(side, account -> account.dropped(drop)))
              .sum();
      assertThat(sum(side, Account::underWay)).isZero();
      assertThat(sum(side, Account::received)).isEqualTo(sum(side, Account::forwarded) + dropped);
    }
  }
}
