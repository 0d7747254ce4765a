package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Errno;
import io.sluice.net.Fds;
import io.sluice.net.FrontSockets;
import io.sluice.net.KernelFeatures;
import io.sluice.net.OsException;
import io.sluice.net.Ports;
import io.sluice.net.Steering;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/**
 * Front sockets of single flows' own: how they open, whom they hear, and how they end, with real
 * sockets on loopback and exact counters. What holds of them as of all is {@link FrontTest}'s.
 */
@Timeout(60)
class PeerSocketTest {
  private static final Limits LIMITS =
      new Limits(2_000, Duration.ofSeconds(60), Duration.ofSeconds(5), 1_000, 100_000, false);
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));

  /** A backend's receive buffer holds four times as many, see {@link FrontStressTest}. */
  private static final int UNDER_WAY = 60;

  private final AtomicLong clock = new AtomicLong(1_000_000_000L);
  private final ScheduledExecutorService control = Executors.newSingleThreadScheduledExecutor();
  private final List<AutoCloseable> open = new ArrayList<>();

  /** What is left for links and peer sockets. */
  private Fds fds = new Fds(10_000);

  private final Workers workers = Workers.start(2);

  @SuppressWarnings("NullAway.Init") // by serve()
  private Front front;

  @AfterEach
  void closeInReverse() throws Exception {
    front.close();
    assertThat(front.peerSockets()).isZero();
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
    workers.close();
    control.shutdownNow();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1", "0.0.0.0", "::"})
  void onlyAnAnsweredClientGetsASocketOfItsOwn(String ip) throws Throwable {
    String loopback = ip.contains(":") ? "::1" : "127.0.0.1";
    EchoServer echo = new EchoServer(loopback);
    open.add(echo);
    Client silent = client(loopback);
    int port = serve(ip, echo.address(), silent.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral(loopback), port);
    Client answered = client(loopback, 0);
    client(loopback, 1).send(at, (byte) 1);
    silent.receive();
    assertThat(answered.ask(at, (byte) 2)).containsExactly(2);
    await().until(() -> front.peerSockets() == 1);
    for (int worker = 0; worker < 2; worker++) { // no matter which listener would have it
      Steering.all(front.lanes().getFirst().socket(), worker);
      answered.send(at, (byte) 3);
      Client.Received reply = answered.receive();
      assertThat(reply.payload()).containsExactly(3);
      assertThat(reply.from()).isEqualTo(at);
    }
    assertThat(requests(Account::handOvers)).isZero();
    assertThat(front.flows().opened()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0"})
  void whatOthersSendWhileSocketsOpenIsLostToNobody(String ip) throws Exception {
    EchoServer echo = new EchoServer("127.0.0.1");
    open.add(echo);
    Recorder recorder = new Recorder(Integer.MAX_VALUE);
    int port = serve(ip, echo.address(), recorder.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    List<Client> strangers = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      strangers.add(client("127.0.0.1", 1)); // never answered, so never with a socket of its own
    }
    AtomicBoolean stop = new AtomicBoolean();
    Future<Integer> flood =
        Executors.newVirtualThreadPerTaskExecutor()
            .submit(
                () -> {
                  int sent = 0;
                  for (; !stop.get(); sent++) {
                    recorder.awaitRoom(sent);
                    int stranger = sent % strangers.size();
                    send(strangers.get(stranger), at, stranger, sent / strangers.size());
                  }
                  return sent;
                });
    int flows = 900;
    for (int i = 0; i < flows; i++) {
      assertThat(client("127.0.0.1", 0).ask(at, (byte) i)).containsExactly((byte) i);
    }
    await().until(() -> front.peerSockets() == flows);
    stop.set(true);
    int sent = flood.get();
    await().until(() -> recorder.count() == sent);
    for (int stranger = 0; stranger < strangers.size(); stranger++) {
      assertThat(recorder.numbers(stranger)).doesNotHaveDuplicates();
    }
    assertThat(requests(Account::received)).isEqualTo(sent + flows);
    assertThat(requests(Account::forwarded)).isEqualTo(sent + flows);
    assertThat(drops()).isZero();
    assertThat(front.kernelDrops()).isZero();
    assertThat(front.flows().opened()).isEqualTo(flows + strangers.size());
    // What is caught on another worker than its flow's shows as handed over. On a specific address
    // the listeners' group deals, and next to none is caught.
    assumeTrue(
        ip.equals("127.0.0.1") || requests(Account::handOvers) > 0, "none was caught this time");
  }

  /**
   * The backend answers in the middle of a stream, so that the socket opens in the middle of it.
   *
   * @param elsewhere the stream arrives at another worker's listener, and is handed over
   */
  @ParameterizedTest(name = "{0}, by another worker: {1}")
  @CsvSource({"127.0.0.1, false", "127.0.0.1, true", "0.0.0.0, false", "0.0.0.0, true"})
  void aStreamIsNotOvertakenByItselfWhenItsSocketOpens(String ip, boolean elsewhere)
      throws Throwable {
    int length = 200;
    int flows = 100;
    Recorder recorder = new Recorder(length / 4);
    int port = serve(ip, recorder.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    int sent = 0;
    for (int flow = 0; flow < flows; flow++) {
      Client client = client("127.0.0.1");
      Steering.all(front.lanes().getFirst().socket(), 0);
      for (int number = 0; number < length; number++) {
        if (number == 1 && elsewhere) {
          recorder.awaitCount(sent); // now the flow lives on worker 0
          Steering.all(front.lanes().getFirst().socket(), 1);
        }
        recorder.awaitRoom(sent);
        send(client, at, flow, number);
        sent++;
      }
      while (front.peerSockets() <= flow) { // or it might catch what the next stream sends
        Thread.onSpinWait();
      }
      workers.onEach(worker -> {}); // counted before it is connected
    }
    recorder.awaitCount(sent);
    for (int flow = 0; flow < flows; flow++) {
      List<Integer> numbers = recorder.numbers(flow);
      for (int i = 0; i < length; i++) {
        assertThat(numbers.get(i)).as("of flow %d", flow).isEqualTo(i);
      }
    }
    assertThat(front.flows().opened()).isEqualTo(flows);
    assertThat(requests(Account::forwarded)).isEqualTo(sent);
    assertThat(drops()).isZero();
    if (elsewhere) {
      // else no socket has opened in the middle, and nothing is proved
      assertThat(requests(Account::handOvers)).isBetween(flows * 10L, flows * (length - 10L));
    }
  }

  @Test
  void aClientThatIsGoneEndsItsFlowAtOnce() throws Exception {
    Client backend = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", backend.address());
    Client client = client("127.0.0.1");
    client.send(at, (byte) 1);
    InetSocketAddress link = backend.receive().from();
    backend.send(link, (byte) 2);
    assertThat(client.receive().payload()).containsExactly(2);
    await().until(() -> front.peerSockets() == 1);
    int port = client.address().getPort();
    client.close();
    backend.send(link, (byte) 3); // goes out, and an ICMP error comes back
    await().until(() -> front.flows().closed(CloseReason.CLIENT_GONE) == 1);
    assertThat(front.flows().count()).isZero();
    assertThat(front.peerSockets()).isZero();
    assertThat(sum(Lane::replies, Account::received)).isEqualTo(2);
    assertThat(sum(Lane::replies, Account::forwarded)).isEqualTo(2);
    assertThat(drops()).isZero();

    Client again = new Client("127.0.0.1", port);
    open.add(again);
    again.send(at, (byte) 4);
    assertThat(backend.receive().payload()).containsExactly(4);
    assertThat(front.flows().opened()).isEqualTo(2);
  }

  @Test
  void whatComesToTheSocketOfAFlowThatHasEndedOpensAnother() throws Exception {
    Client backend = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", backend.address());
    Client client = client("127.0.0.1");
    client.send(at, (byte) 1);
    InetSocketAddress link = backend.receive().from();
    backend.send(link, (byte) 1);
    client.receive();
    await().until(() -> front.peerSockets() == 1);
    Flow flow = front.flows().all().iterator().next();
    flow.worker()
        .execute( // all in one turn of the loop, which then finds them there
            () -> {
              send(client, at, (byte) 2);
              flow.close(CloseReason.IDLE);
              send(client, at, (byte) 3);
            });
    Client.Received first = backend.receive();
    assertThat(first.payload()).containsExactly(2);
    assertThat(first.from()).isNotEqualTo(link);
    assertThat(backend.receive().payload()).containsExactly(3);
    client.send(at, (byte) 4);
    assertThat(backend.receive().payload()).containsExactly(4);
    assertThat(front.flows().opened()).isEqualTo(2);
    assertThat(front.peerSockets()).isZero();
    assertThat(drops()).isZero();
    assertThat(requests(Account::forwarded)).isEqualTo(4);
  }

  @Test
  void flowsBeyondTheMostGoOnByTheListener() throws Exception {
    EchoServer echo = new EchoServer("127.0.0.1");
    open.add(echo);
    InetSocketAddress at = serve("127.0.0.1", echo.address());
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < Front.PEER_SOCKETS_MAX + 10; i++) {
      Client client = client("127.0.0.1");
      clients.add(client);
      client.ask(at, (byte) 1);
    }
    workers.afterChores(worker -> {});
    assertThat(front.peerSockets()).isEqualTo(Front.PEER_SOCKETS_MAX);
    for (Client client : clients) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    front.flows().all().iterator().next().close(CloseReason.IDLE);
    workers.afterChores(worker -> {});
    clients.forEach(client -> send(client, at, (byte) 3));
    await().until(() -> requests(Account::forwarded) == 3L * clients.size());
    assertThat(drops()).isZero();
  }

  @Test
  void peerSocketsAreOfTheSameBudgetOfDescriptorsAsLinks() throws Exception {
    EchoServer echo = new EchoServer("127.0.0.1");
    open.add(echo);
    fds = new Fds(5);
    InetSocketAddress at = serve("127.0.0.1", echo.address());
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Client client = client("127.0.0.1");
      clients.add(client);
      client.ask(at, (byte) 1);
      workers.afterChores(worker -> {});
    }
    assertThat(front.peerSockets()).isEqualTo(2);
    assertThat(fds.free()).isZero();
    for (Client client : clients) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    front.flows().all().forEach(flow -> flow.close(CloseReason.IDLE));
    workers.afterChores(worker -> {});
    assertThat(fds.free()).isEqualTo(5);
    assertThat(drops()).isZero();
  }

  @Test
  void withoutAFileDescriptorAFlowGoesOnByTheListenerAndNobodyTriesForASecond() throws Exception {
    var os = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    assumeTrue(os.getMaxFileDescriptorCount() <= 100_000, "too many to use up");
    Client backend = client("127.0.0.1");
    InetSocketAddress at = serve("127.0.0.1", backend.address());
    Client short1 = client("127.0.0.1");
    Client short2 = client("127.0.0.1");
    Client plenty = client("127.0.0.1");
    List<InetSocketAddress> links = new ArrayList<>();
    for (Client client : List.of(short1, short2, plenty)) {
      client.send(at, (byte) 1);
      links.add(backend.receive().from());
    }
    loadWhatIsNeededWithoutDescriptors(backend.address());
    List<FileInputStream> hogs = new ArrayList<>();
    try {
      while (true) {
        hogs.add(new FileInputStream("/dev/null"));
      }
    } catch (FileNotFoundException none) {
      backend.send(links.get(0), (byte) 2);
      assertThat(short1.receive().payload()).containsExactly(2);
      workers.afterChores(worker -> {});
    } finally {
      for (FileInputStream hog : hogs) {
        hog.close();
      }
    }
    backend.send(links.get(1), (byte) 3);
    assertThat(short2.receive().payload()).containsExactly(3);
    workers.afterChores(worker -> {});
    assertThat(front.peerSockets()).isZero();
    clock.addAndGet(Duration.ofSeconds(1).toNanos());
    backend.send(links.get(2), (byte) 4);
    assertThat(plenty.receive().payload()).containsExactly(4);
    await().until(() -> front.peerSockets() == 1);
    short1.send(at, (byte) 5);
    assertThat(backend.receive().payload()).containsExactly(5);
    assertThat(drops()).isZero();
  }

  /** Classes are files too. */
  private static void loadWhatIsNeededWithoutDescriptors(InetSocketAddress taken) {
    assertThatThrownBy(() -> FrontSockets.claim(Address.of(taken)))
        .isInstanceOfSatisfying(
            OsException.class, e -> assertThat(Errno.ofDial(e.errno())).isEqualTo(Drop.NO_PORT));
    LoggerFactory.getLogger(Desk.class).warn("{} {} {}", "what", "follows", "is meant");
  }

  // What the tests stand on.

  private InetSocketAddress serve(String ip, InetSocketAddress... backends) throws Exception {
    List<Pool.Spec.Server> servers = new ArrayList<>();
    for (int i = 0; i < backends.length; i++) {
      servers.add(new Pool.Spec.Server("b" + i, backends[i], 1));
    }
    Pool pool =
        Pool.open(
            new Pool.Spec(
                "pool",
                members -> key -> (int) Long.remainderUnsigned(key, members.size()),
                servers,
                RULES,
                true),
            workers.count(),
            control,
            clock::get);
    open.add(pool);
    Address any = Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0));
    front =
        Front.open(
            new Front.Spec("test", List.of(any), 1_500, LIMITS, true),
            workers,
            pool,
            new Ports(KernelFeatures.localPorts(), fds).dialer(List.of(), List.of()),
            (client, payload) -> client.getPort(),
            clock::get);
    return front.bound().getFirst().toInetSocketAddress();
  }

  private Client client(String ip) throws Exception {
    Client client = new Client(ip);
    open.add(client);
    return client;
  }

  /** One whose port is even or odd, and so its backend the first or the second of two. */
  private Client client(String ip, int parity) throws Exception {
    while (true) {
      Client client = client(ip);
      if (client.address().getPort() % 2 == parity) {
        return client;
      }
    }
  }

  private static void send(Client client, InetSocketAddress to, int flow, int number)
      throws IOException {
    client.send(to, ByteBuffer.allocate(8).putInt(flow).putInt(number).array());
  }

  private static void send(Client client, InetSocketAddress to, byte payload) {
    try {
      client.send(to, payload);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private long requests(ToLongFunction<Account> what) {
    return sum(Lane::requests, what);
  }

  private long sum(Function<Lane, Account> side, ToLongFunction<Account> what) {
    workers.onEach(worker -> {});
    return front.lanes().stream().map(side).mapToLong(what).sum();
  }

  private long drops() {
    long drops = 0;
    for (Drop drop : Drop.values()) {
      drops += sum(Lane::requests, account -> account.dropped(drop));
      drops += sum(Lane::replies, account -> account.dropped(drop));
    }
    return drops;
  }

  /** A backend that notes what comes, by flow, and answers one number of each flow. */
  private final class Recorder {
    private final DatagramChannel channel;
    private final int answered;
    private final Map<Integer, List<Integer>> numbers = new HashMap<>();
    private final AtomicInteger count = new AtomicInteger();

    Recorder(int answered) throws IOException {
      this.answered = answered;
      channel =
          DatagramChannel.open().bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      open.add(channel);
      Thread.ofPlatform().daemon().start(this::serve);
    }

    InetSocketAddress address() throws IOException {
      return (InetSocketAddress) channel.getLocalAddress();
    }

    private void serve() {
      ByteBuffer payload = ByteBuffer.allocateDirect(64);
      try {
        while (true) {
          SocketAddress link = channel.receive(payload.clear());
          payload.flip();
          note(payload.getInt(0), payload.getInt(4));
          if (payload.getInt(4) == answered) {
            channel.send(payload, link);
          }
          count.incrementAndGet();
        }
      } catch (ClosedChannelException closed) {
        return; // by the test
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private synchronized void note(int flow, int number) {
      numbers.computeIfAbsent(flow, any -> new ArrayList<>()).add(number);
    }

    synchronized List<Integer> numbers(int flow) {
      return List.copyOf(numbers.getOrDefault(flow, List.of()));
    }

    int count() {
      return count.get();
    }

    void awaitRoom(int sent) throws InterruptedException {
      awaitCount(sent - UNDER_WAY);
    }

    void awaitCount(int atLeast) throws InterruptedException {
      while (count.get() < atLeast) {
        if (Thread.interrupted()) { // by the time-out
          throw new InterruptedException();
        }
        Thread.onSpinWait();
      }
    }
  }
}
