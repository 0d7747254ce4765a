package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.KeyExtractor;
import io.sluice.flow.CloseReason;
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
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The way of datagrams through a front, with real sockets on loopback, exact counters and a clock
 * that moves when told to.
 */
@ParameterizedClass(name = "own front sockets: {0}")
@ValueSource(booleans = {false, true})
class FrontTest {
  private static final Limits LIMITS =
      new Limits(1_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 1_000, 100_000, false);
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));

  /** The client's port, so that a test can choose its backend. */
  private static final KeyExtractor BY_PORT = (client, payload) -> client.getPort();

  /** Whether assured flows have peer sockets; what holds does so either way. */
  @Parameter private boolean connected;

  private final AtomicLong clock = new AtomicLong(1_000_000_000L);
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final Workers workers = Workers.start(2);
  private final Fds fds = new Fds(10_000);
  private final Dialer dialer =
      new Ports(KernelFeatures.localPorts(), fds).dialer(List.of(), List.of());

  @SuppressWarnings("NullAway.Init") // by serve(), if it succeeds
  private Front front;

  @AfterEach
  void closeInReverse() throws Exception {
    if (front != null) {
      front.close();
      assertConserved();
    }
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
    workers.close();
    control.shutdownNow();
  }

  @ParameterizedTest
  @CsvSource({"127.0.0.1, 127.0.0.1", "::1, ::1", "::1, 127.0.0.1", "127.0.0.1, ::1"})
  void relaysEverySizeByteForByteBothWays(String frontIp, String backendIp) throws Exception {
    InetSocketAddress at = serve(frontIp, 65_507, LIMITS, echo(backendIp));
    Client client = client(frontIp);
    Random random = new Random(7);
    int[] sizes = {0, 1, 2, 100, 1_472, 1_500, 9_000, 65_507};
    for (int size : sizes) {
      byte[] payload = new byte[size];
      random.nextBytes(payload);
      client.send(at, payload);
      Client.Received reply = client.receive();
      assertThat(reply.payload()).as("%d bytes", size).isEqualTo(payload);
      assertThat(reply.from()).isEqualTo(at);
    }
    assertThat(requests(Account::forwarded)).isEqualTo(sizes.length);
    assertThat(replies(Account::forwarded)).isEqualTo(sizes.length);
    assertThat(requests(Account::bytes)).isEqualTo(Arrays.stream(sizes).sum());
    assertThat(drops()).isEmpty();
  }

  @Test
  void closingEndsFlowsWhoseTimeIsOverToo() throws Exception {
    InetSocketAddress at = serve("127.0.0.1", 100, LIMITS, echo("127.0.0.1"));
    client("127.0.0.1").ask(at, (byte) 1);
    clock.addAndGet(Duration.ofSeconds(70).toNanos()); // no tidying has seen it yet
    front.close();
    assertThat(front.flows().count()).isZero();
  }

  @Test
  void whatIsLongerThanTheFrontAllowsIsDroppedAndCounted() throws Exception {
    EchoServer echo = echo("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 100, LIMITS, echo);
    Client client = client("127.0.0.1");
    client.send(at, new byte[101]);
    client.send(at, new byte[65_507]);
    assertThat(client.ask(at, new byte[100])).hasSize(100);
    assertThat(echo.received()).isEqualTo(1);
    assertThat(drops()).containsExactly(Map.entry(Drop.OVERSIZE, 2L));
    assertThat(requests(Account::received)).isEqualTo(3);
  }

  @Test
  void aReplyThatIsTooLongIsDroppedAloneOfItsBatch() throws Exception {
    Client backend = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 100, LIMITS, backend.address());
    Client client = client("127.0.0.1");
    client.send(at, (byte) 1);
    InetSocketAddress link = backend.receive().from();
    for (int size : new int[] {1, 101, 2, 65_507, 3}) {
      backend.send(link, new byte[size]);
    }
    assertThat(client.receive().payload()).hasSize(1);
    assertThat(client.receive().payload()).hasSize(2);
    assertThat(client.receive().payload()).hasSize(3);
    assertThat(drops()).containsExactly(Map.entry(Drop.OVERSIZE, 2L));
    assertThat(replies(Account::received)).isEqualTo(5);
  }

  @Test
  void keepsTheOrderOfEveryFlowThroughBatchesOfMany() throws Exception {
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"), echo("127.0.0.1"));
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Client client = client("127.0.0.1");
      client.ask(at, (byte) -1);
      awaitPeerSockets(i + 1); // who has none yet may be passed while others' open (ADR 9)
      clients.add(client);
    }
    for (byte i = 0; i < 100; i++) {
      for (Client client : clients) {
        for (int twice = 0; twice < 2; twice++) { // runs within a batch
          client.send(at, i, (byte) twice);
        }
      }
    }
    for (Client client : clients) {
      for (byte i = 0; i < 100; i++) {
        assertThat(client.receive().payload()).containsExactly(i, 0);
        assertThat(client.receive().payload()).containsExactly(i, 1);
      }
    }
    assertThat(requests(Account::forwarded)).isEqualTo(20 + 20 * 100 * 2);
    assertThat(drops()).isEmpty();
  }

  @Test
  void aClientStaysOnItsBackendAndHasOneFlow() throws Exception {
    EchoServer a = echo("127.0.0.1");
    EchoServer b = echo("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, a, b);
    Client client = client("127.0.0.1");
    for (int i = 0; i < 50; i++) {
      client.ask(at, (byte) i);
    }
    assertThat(List.of(a.received(), b.received())).containsExactlyInAnyOrder(50L, 0L);
    assertThat(front.flows().opened()).isEqualTo(1);
    Flow flow = front.flows().all().iterator().next();
    assertThat(flow.requests()).isEqualTo(50);
    assertThat(flow.replies()).isEqualTo(50);
    assertThat(flow.isAssured()).isTrue();
    assertThat(flow.key().client().toInetSocketAddress()).isEqualTo(client.address());
  }

  @Test
  void wildcardFrontsAnswerFromTheAddressTheClientUsed() throws Exception {
    int port = serve("0.0.0.0", 1_500, LIMITS, echo("127.0.0.1")).getPort();
    Client client = client("127.0.0.1");
    for (String ip : List.of("127.0.0.1", "127.0.0.2", "127.1.2.3")) {
      InetSocketAddress asked = new InetSocketAddress(InetAddress.ofLiteral(ip), port);
      client.send(asked, (byte) 1);
      assertThat(client.receive().from()).isEqualTo(asked);
    }
    assertThat(front.flows().opened()).isEqualTo(3);
  }

  @Test
  void twoListenAddressesOfOneFrontAreTwoFlows() throws Exception {
    Pool pool = pool(false, List.of(echo("127.0.0.1").address()));
    Address any = Address.of(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
    front =
        Front.open(
            new Front.Spec("two", List.of(any, any), 1_500, LIMITS, connected),
            workers,
            pool,
            dialer,
            BY_PORT,
            clock::get);
    Client client = client("127.0.0.1");
    for (Address at : front.bound()) {
      client.send(at.toInetSocketAddress(), (byte) 1);
      assertThat(client.receive().from()).isEqualTo(at.toInetSocketAddress());
    }
    assertThat(front.flows().opened()).isEqualTo(2);
  }

  @Test
  void anAssuredFlowEndsWhenIdleAndNotBefore() throws Exception {
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"));
    Client client = client("127.0.0.1");
    client.ask(at, (byte) 1);
    advance(Duration.ofSeconds(50));
    client.ask(at, (byte) 2);
    advance(Duration.ofSeconds(59));
    assertThat(front.flows().all()).hasSize(1);
    advance(Duration.ofSeconds(3));
    assertThat(front.flows().all()).isEmpty();
    await().until(() -> front.flows().closed(CloseReason.IDLE) == 1);
    assertThat(front.flows().assuredCount()).isZero();
    assertThat(front.flows().count()).isZero();

    assertThat(client.ask(at, (byte) 3)).containsExactly(3); // a new flow
    assertThat(front.flows().opened()).isEqualTo(2);
  }

  @Test
  void aFlowThatHasEndedIsForgottenThoughNoOtherComes() throws Exception {
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"));
    client("127.0.0.1").ask(at, (byte) 1);
    WeakReference<Flow> flow = new WeakReference<>(front.flows().all().iterator().next());
    advance(Duration.ofSeconds(62));
    await().until(() -> front.flows().closed(CloseReason.IDLE) == 1);
    await()
        .until(
            () -> {
              System.gc();
              return flow.refersTo(null);
            });
  }

  @Test
  void theClientsOwnDatagramsDoNotKeepAnUnansweredFlowAlive() throws Exception {
    Client silent = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, silent.address());
    Client client = client("127.0.0.1");
    for (int second = 0; second < 6; second++) {
      client.send(at, (byte) second);
      silent.receive();
      advance(Duration.ofSeconds(1));
    }
    await().until(() -> front.flows().closed(CloseReason.UNASSURED) == 1);
    assertThat(front.flows().opened()).isEqualTo(1 + front.flows().all().size());
  }

  @Test
  void aFloodOfNewcomersPushesOutNewcomersAndNeverAnAssuredFlow() throws Exception {
    Limits limits =
        new Limits(1_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 50, 100_000, false);
    EchoServer echo = echo("127.0.0.1");
    Client silent = client("127.0.0.1");
    // Even ports are answered, odd ones never.
    InetSocketAddress at =
        serve("127.0.0.1", 1_500, limits, BY_PORT, echo.address(), silent.address());
    List<Client> assured = clients(30, port -> port % 2 == 0);
    for (Client client : assured) {
      client.ask(at, (byte) 1);
    }
    assertThat(front.flows().assuredCount()).isEqualTo(30);
    for (Client client : clients(500, port -> port % 2 == 1)) {
      client.send(at, (byte) 2);
    }
    await().until(() -> requests(Account::received) == 530);
    await().until(() -> front.flows().closed(CloseReason.EVICTED) == 450);
    assertThat(front.flows().count()).isEqualTo(30 + 50);
    for (Client client : assured) {
      assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    }
    assertThat(front.flows().opened()).isEqualTo(530); // so those were the same flows still
    assertThat(drops()).isEmpty();
  }

  @Test
  void theOldestNewcomerMakesRoomAndAnAssuredOneLeavesTheLine() throws Exception {
    Limits limits =
        new Limits(1_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 3, 100_000, false);
    EchoServer echo = echo("127.0.0.1");
    Client silent = client("127.0.0.1");
    InetSocketAddress at =
        serve("127.0.0.1", 1_500, limits, BY_PORT, echo.address(), silent.address());
    List<Client> young = clients(4, port -> port % 2 == 1);
    young.get(0).send(at, (byte) 0);
    InetSocketAddress first = silent.receive().from();
    clients(1, port -> port % 2 == 0).getFirst().ask(at, (byte) 9); // assured at once
    young.get(1).send(at, (byte) 1);
    young.get(2).send(at, (byte) 2);
    silent.receive();
    silent.receive();
    assertThat(front.flows().all()).hasSize(4);
    young.get(3).send(at, (byte) 3);
    silent.receive();
    await().until(() -> front.flows().closed(CloseReason.EVICTED) == 1);
    assertThat(front.flows().all())
        .extracting(flow -> flow.key().client().port())
        .doesNotContain(young.get(0).address().getPort());
    silent.send(first, (byte) 1); // the oldest's late answer finds nobody
    assertThat(young.get(0).receive(50)).isNull();
  }

  @Test
  void atTheLimitOfAssuredFlowsNoMoreAreOpened() throws Exception {
    Limits limits =
        new Limits(2, Duration.ofSeconds(60), Duration.ofSeconds(5), 1_000, 100_000, false);
    InetSocketAddress at = serve("127.0.0.1", 1_500, limits, echo("127.0.0.1"));
    List<Client> clients = clients(2, port -> true);
    for (Client client : clients) {
      client.ask(at, (byte) 1);
    }
    client("127.0.0.1").send(at, (byte) 2);
    await().until(() -> drops().equals(Map.of(Drop.FLOW_LIMIT, 1L)));
    assertThat(clients.getFirst().ask(at, (byte) 3)).containsExactly(3);
    assertThat(front.flows().opened()).isEqualTo(2);
  }

  @Test
  void newFlowsBeyondTheBudgetAreRefusedUntilTimePasses() throws Exception {
    Limits limits =
        new Limits(1_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 1_000, 10, false);
    InetSocketAddress at = serve("127.0.0.1", 1_500, limits, echo("127.0.0.1"));
    List<Client> clients = clients(15, port -> true);
    for (Client client : clients) {
      client.send(at, (byte) 1);
    }
    await().until(() -> drops().equals(Map.of(Drop.FLOW_RATE, 5L)));
    assertThat(front.flows().opened()).isEqualTo(10);
    clock.addAndGet(Duration.ofMillis(100).toNanos());
    Client one = client("127.0.0.1");
    assertThat(one.ask(at, (byte) 2)).containsExactly(2);
    client("127.0.0.1").send(at, (byte) 3);
    await().until(() -> drops().equals(Map.of(Drop.FLOW_RATE, 6L)));
  }

  @Test
  void oneWayFlowsAreAssuredFromBirth() throws Exception {
    Limits limits = new Limits(2, Duration.ofSeconds(60), Duration.ofSeconds(5), 1, 100_000, true);
    Client silent = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 1_500, limits, silent.address());
    for (Client client : clients(2, port -> true)) {
      client.send(at, (byte) 1);
      silent.receive(); // two at once could both see the last place free
    }
    client("127.0.0.1").send(at, (byte) 1);
    await().until(() -> drops().equals(Map.of(Drop.FLOW_LIMIT, 1L)));
    advance(Duration.ofSeconds(30));
    assertThat(front.flows().assuredCount()).isEqualTo(2);
    advance(Duration.ofSeconds(40));
    await().until(() -> front.flows().closed(CloseReason.IDLE) == 2);
  }

  @Test
  void withoutAnEligibleBackendDatagramsAreDroppedWhereThePoolSaysSo() throws Exception {
    EchoServer a = echo("127.0.0.1");
    Pool pool = pool(false, List.of(a.address()));
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, BY_PORT, pool);
    Client client = client("127.0.0.1");
    client.ask(at, (byte) 1);
    a.close();
    while (pool.backends().getFirst().eligible()) {
      client.send(at, (byte) 2);
      assertThat(client.receive(20)).isNull();
    }
    Map<Drop, Long> before = drops(); // the ejection may have come before the last of those
    client.send(at, (byte) 3);
    long dropped = before.getOrDefault(Drop.NO_BACKEND, 0L);
    await().until(() -> drops().equals(Map.of(Drop.NO_BACKEND, dropped + 1)));
  }

  @Test
  void datagramsThatArriveOnAnotherWorkerAreHandedOverInOrder() throws Throwable {
    assumeFalse(connected, "they arrive on the flow's own worker");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"));
    List<Client> clients = clients(20, port -> true);
    steer(0);
    for (Client client : clients) {
      client.ask(at, (byte) 0);
    }
    steer(1);
    for (byte i = 1; i <= 50; i++) {
      for (Client client : clients) {
        client.send(at, i);
      }
    }
    for (Client client : clients) {
      for (byte i = 1; i <= 50; i++) {
        assertThat(client.receive().payload()).containsExactly(i);
      }
    }
    assertThat(requests(Account::handOvers)).isEqualTo(20 * 50);
    assertThat(front.lanes().getFirst().requests().forwarded()).isEqualTo(20 * 51);
    assertThat(front.flows().opened()).isEqualTo(20);
    assertThat(drops()).isEmpty();
  }

  @Test
  void aFullHandOverQueueDropsAndCounts() throws Throwable {
    assumeFalse(connected, "nothing is handed over to an assured flow");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"));
    Client client = client("127.0.0.1");
    steer(0);
    client.ask(at, (byte) 0);
    steer(1);
    CountDownLatch release = new CountDownLatch(1);
    workers.get(0).execute(() -> awaitUninterruptibly(release));
    int sent = 6_000;
    Account arrivals =
        front.lanes().getLast().requests(); // worker 1's: not to wait for worker 0 here
    for (int i = 0; i < sent; i++) {
      client.send(at, (byte) 1);
    }
    await().until(() -> arrivals.received() + front.kernelDrops() == sent);
    release.countDown();
    await().until(() -> requests(Account::forwarded) == 1 + 4_096);
    assertThat(drops())
        .containsExactly(Map.entry(Drop.HANDOVER, requests(Account::received) - 1 - 4_096));
  }

  @Test
  void whileDrainingOldFlowsGoOnAndNewOnesAreRefused() throws Exception {
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo("127.0.0.1"));
    Client old = client("127.0.0.1");
    old.ask(at, (byte) 1);
    front.drain();
    assertThat(old.ask(at, (byte) 2)).containsExactly(2);
    client("127.0.0.1").send(at, (byte) 3);
    await().until(() -> drops().equals(Map.of(Drop.DRAINING, 1L)));
    advance(Duration.ofMillis(999));
    assertThat(front.flows().count()).isEqualTo(1);
    advance(Duration.ofMillis(1));
    await().until(() -> front.flows().closed(CloseReason.STOPPED) == 1);
  }

  @ParameterizedTest
  @ValueSource(
      classes = {IllegalStateException.class, StackOverflowError.class, AssertionError.class})
  void aBugInAPlugInCostsTheDatagramAndIsCounted(Class<? extends Throwable> bug) throws Exception {
    KeyExtractor broken =
        (client, payload) -> {
          if (payload.getByte(0) == 66) {
            throw sneaky(bug);
          }
          return 0;
        };
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, broken, echo("127.0.0.1").address());
    client("127.0.0.1").send(at, (byte) 66);
    await().until(() -> drops().equals(Map.of(Drop.FAULT, 1L)));
    assertThat(client("127.0.0.1").ask(at, (byte) 65)).containsExactly(65);
  }

  @Test
  void aFlowThatIsBeingOpenedWhenTheFrontClosesEndsToo() throws Exception {
    CountDownLatch opening = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    KeyExtractor slow =
        (client, payload) -> {
          opening.countDown();
          awaitUninterruptibly(goOn);
          return 0;
        };
    EchoServer echo = echo("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, slow, echo.address());
    Client client = client("127.0.0.1");
    client.send(at, (byte) 1);
    opening.await();
    Thread closing = Thread.ofPlatform().start(front::close);
    await().until(() -> closing.getState() == Thread.State.WAITING);
    goOn.countDown();
    closing.join();
    assertThat(front.flows().count()).isZero();
    assertThat(front.flows().closed(CloseReason.STOPPED)).isEqualTo(1);
    assertThat(front.pool().backends().getFirst().load()).isZero();
  }

  @Test
  void aBackendNobodyHasARouteToIsUnreachable() throws Exception {
    InetSocketAddress broadcast =
        new InetSocketAddress(InetAddress.ofLiteral("255.255.255.255"), 9);
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, broadcast);
    client("127.0.0.1").send(at, (byte) 1);
    await().until(() -> drops().equals(Map.of(Drop.UNREACHABLE, 1L)));
    assertThat(front.flows().opened()).isZero();
  }

  @Test
  void anAddressInUseIsAnErrorAndLeavesNothingOpen() throws Exception {
    Client taken = client("127.0.0.1");
    assertThatThrownBy(() -> serve("127.0.0.1", taken.address().getPort(), echo("127.0.0.1")))
        .isInstanceOf(OsException.class)
        .hasMessageContaining("EADDRINUSE");
  }

  @Test
  void whatABackendHadSentWhenItsFlowEndedIsRelayedHoweverItsLinkIsRead() throws Exception {
    Client backend = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, backend.address());
    Client client = client("127.0.0.1");
    InetSocketAddress link = null;
    for (int i = 0; i < 5; i++) { // asked and answered: its link is read one datagram at a time
      client.send(at, (byte) 1);
      link = backend.receive().from();
      backend.send(link, (byte) 2);
      client.receive();
    }
    CountDownLatch goOn = new CountDownLatch(1);
    workers.forEach(worker -> worker.execute(() -> awaitUninterruptibly(goOn)));
    for (int i = 0; i < 30; i++) {
      backend.send(java.util.Objects.requireNonNull(link), (byte) i);
    }
    front.flows().closeAll();
    goOn.countDown();
    for (int i = 0; i < 30; i++) {
      assertThat(client.receive().payload()).containsExactly(i);
    }
    assertThat(replies(Account::forwarded)).isEqualTo(35);
  }

  @Test
  void closingGivesBackEverySocket() throws Exception {
    EchoServer echo = echo("127.0.0.1");
    long before = fds();
    InetSocketAddress at = serve("127.0.0.1", 1_500, LIMITS, echo);
    List<Client> clients = clients(100, port -> true);
    for (Client client : clients) {
      client.ask(at, (byte) 1);
    }
    assertThat(fds()).isGreaterThanOrEqualTo(before + 100 + 100 + 2);
    front.close();
    for (Client client : clients) {
      client.close();
    }
    assertThat(fds()).isEqualTo(before);
    assertThat(front.flows().closed(CloseReason.STOPPED)).isEqualTo(100);
  }

  // What the tests stand on.

  private InetSocketAddress serve(String ip, int maxDatagram, Limits limits, EchoServer... backends)
      throws Exception {
    return serve(
        ip,
        maxDatagram,
        limits,
        Arrays.stream(backends).map(EchoServer::address).toArray(InetSocketAddress[]::new));
  }

  private InetSocketAddress serve(
      String ip, int maxDatagram, Limits limits, InetSocketAddress... backends) throws Exception {
    return serve(ip, maxDatagram, limits, BY_PORT, backends);
  }

  private InetSocketAddress serve(
      String ip, int maxDatagram, Limits limits, KeyExtractor key, InetSocketAddress... backends)
      throws Exception {
    return serve(ip, maxDatagram, limits, key, pool(true, List.of(backends)));
  }

  private InetSocketAddress serve(
      String ip, int maxDatagram, Limits limits, KeyExtractor key, Pool pool) throws Exception {
    Address any = Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0));
    front =
        Front.open(
            new Front.Spec("test", List.of(any), maxDatagram, limits, connected),
            workers,
            pool,
            dialer,
            key,
            clock::get);
    return front.bound().getFirst().toInetSocketAddress();
  }

  private InetSocketAddress serve(String ip, int port, EchoServer echo) throws Exception {
    Address at = Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
    Pool pool = pool(true, List.of(echo.address()));
    front =
        Front.open(
            new Front.Spec("test", List.of(at), 1_500, LIMITS, connected),
            workers,
            pool,
            dialer,
            BY_PORT,
            clock::get);
    return front.bound().getFirst().toInetSocketAddress();
  }

  private Pool pool(boolean allWhenNoneEligible, List<InetSocketAddress> backends) {
    List<Pool.Spec.Server> servers = new ArrayList<>();
    for (int i = 0; i < backends.size(); i++) {
      servers.add(new Pool.Spec.Server("b" + i, backends.get(i), 1));
    }
    Pool pool =
        Pool.open(
            new Pool.Spec(
                "pool",
                members -> key -> (int) Long.remainderUnsigned(key, members.size()),
                servers,
                RULES,
                allWhenNoneEligible),
            workers.count(),
            control,
            clock::get);
    open.add(pool);
    return pool;
  }

  private void awaitPeerSockets(int count) {
    await().until(() -> !connected || front.peerSockets() == count);
    workers.onEach(worker -> {}); // one is counted before it is connected
  }

  private EchoServer echo(String ip) throws Exception {
    EchoServer echo = new EchoServer(ip);
    open.add(echo);
    return echo;
  }

  private Client client(String ip) throws Exception {
    Client client = new Client(ip);
    open.add(client);
    return client;
  }

  private List<Client> clients(int count, java.util.function.IntPredicate wanted) throws Exception {
    List<Client> clients = new ArrayList<>();
    while (clients.size() < count) {
      Client client = new Client("127.0.0.1");
      if (wanted.test(client.address().getPort())) {
        clients.add(client);
        open.add(client);
      } else {
        client.close();
      }
    }
    return clients;
  }

  /** Everything that arrives is from now on received by this worker. */
  private void steer(int worker) throws Throwable {
    Steering.all(front.lanes().getFirst().socket(), worker);
  }

  private void advance(Duration by) {
    clock.addAndGet(by.toNanos());
    front.flows().tidy();
  }

  private long requests(Function<Account, Long> what) {
    return sum(Lane::requests, what);
  }

  private long replies(Function<Account, Long> what) {
    return sum(Lane::replies, what);
  }

  /**
   * A datagram can be with its receiver before the loop that sent it has booked it: let every loop
   * finish first.
   */
  private long sum(Function<Lane, Account> side, Function<Account, Long> what) {
    workers.onEach(worker -> {});
    return front.lanes().stream().mapToLong(lane -> what.apply(side.apply(lane))).sum();
  }

  /** Drops of both directions, those that happened. */
  private Map<Drop, Long> drops() {
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

  /** Invariant (a): in = out + drops, each way, with nothing under way once the front is closed. */
  private void assertConserved() {
    for (Function<Lane, Account> side :
        List.<Function<Lane, Account>>of(Lane::requests, Lane::replies)) {
      List<Account> accounts = front.lanes().stream().map(side).toList();
      long dropped =
          Arrays.stream(Drop.values())
              .mapToLong(drop -> accounts.stream().mapToLong(a -> a.dropped(drop)).sum())
              .sum();
      long underWay = accounts.stream().mapToLong(Account::underWay).sum();
      assertThat(underWay).isZero();
      assertThat(accounts.stream().mapToLong(Account::received).sum())
          .isEqualTo(accounts.stream().mapToLong(Account::forwarded).sum() + dropped);
    }
  }

  private static RuntimeException sneaky(Class<? extends Throwable> bug) {
    try {
      throw bug.getConstructor().newInstance();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static long fds() {
    return java.util.Objects.requireNonNull(new java.io.File("/proc/self/fd").list()).length;
  }
}
