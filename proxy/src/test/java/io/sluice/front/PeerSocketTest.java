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
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Errno;
import io.sluice.net.Fds;
import io.sluice.net.FrontSockets;
import io.sluice.net.OsException;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AutoClose;
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
  @AutoClose private final ServedFront served = served();

  private static ServedFront served() {
    return new ServedFront().connected(true).limits(ServedFront.limits(2_000, 1_000, 100_000));
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1", "0.0.0.0", "::"})
  void onlyAnAnsweredClientGetsASocketOfItsOwn(String ip) throws Throwable {
    String loopback = ip.contains(":") ? "::1" : "127.0.0.1";
    EchoServer echo = served.echo(loopback);
    Client silent = served.client(loopback);
    int port = served.listen(ServedFront.any(ip)).serve(echo.address(), silent.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral(loopback), port);
    Client answered = served.client(loopback, 0);
    served.client(loopback, 1).send(at, (byte) 1);
    silent.receive();
    assertThat(answered.ask(at, (byte) 2)).containsExactly(2);
    served.awaitPeerSockets(1);
    for (int worker = 0; worker < 2; worker++) { // no matter which listener would have it
      served.steer(worker);
      answered.send(at, (byte) 3);
      Client.Received reply = answered.receive();
      assertThat(reply.payload()).containsExactly(3);
      assertThat(reply.from()).isEqualTo(at);
    }
    assertThat(served.requests(Account::handOvers)).isZero();
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  /**
   * On a wildcard some of it is caught by a socket that is just being opened, which shows where
   * that is another worker's than the flow's. On a specific address the listeners' group deals, and
   * next to none is caught.
   */
  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0"})
  void whatOthersSendWhileSocketsOpenIsLostToNobody(String ip) throws Exception {
    boolean proved = false;
    for (int round = 0; round < 5 && !proved; round++) {
      try (ServedFront fresh = served()) {
        talkWhileSocketsOpen(fresh, ip);
        proved = ip.equals("127.0.0.1") || fresh.requests(Account::handOvers) > 0;
      }
    }
    assumeTrue(proved, "none was caught this time");
  }

  private static void talkWhileSocketsOpen(ServedFront served, String ip) throws Exception {
    EchoServer echo = served.echo();
    Recorder recorder = served.add(new Recorder(number -> false));
    int port =
        served.listen(ServedFront.any(ip)).serve(echo.address(), recorder.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    List<Client> strangers = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      strangers.add(
          served.client("127.0.0.1", 1)); // never answered, so never with a socket of its own
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
      assertThat(served.client("127.0.0.1", 0).ask(at, (byte) i)).containsExactly((byte) i);
    }
    served.awaitPeerSockets(flows);
    stop.set(true);
    int sent = flood.get();
    await().until(() -> recorder.count() == sent);
    for (int stranger = 0; stranger < strangers.size(); stranger++) {
      assertThat(recorder.numbers(stranger)).doesNotHaveDuplicates();
    }
    assertThat(served.requests(Account::received)).isEqualTo(sent + flows);
    assertThat(served.requests(Account::forwarded)).isEqualTo(sent + flows);
    assertThat(served.drops()).isEmpty();
    assertThat(served.front().kernelDrops()).isZero();
    assertThat(served.front().flows().opened()).isEqualTo(flows + strangers.size());
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
    Recorder recorder = served.add(new Recorder(number -> number == length / 4));
    int port = served.listen(ServedFront.any(ip)).serve(recorder.address()).getPort();
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    int sent = 0;
    for (int flow = 0; flow < flows; flow++) {
      Client client = served.client();
      served.steer(0);
      for (int number = 0; number < length; number++) {
        if (number == 1 && elsewhere) {
          recorder.awaitCount(sent); // now the flow lives on worker 0
          served.steer(1);
        }
        recorder.awaitRoom(sent);
        send(client, at, flow, number);
        sent++;
      }
      while (served.front().peerSockets() <= flow) { // or it might catch what the next stream sends
        Thread.onSpinWait();
      }
      served.workers.onEach(worker -> {}); // counted before it is connected
    }
    recorder.awaitCount(sent);
    for (int flow = 0; flow < flows; flow++) {
      List<Integer> numbers = recorder.numbers(flow);
      for (int i = 0; i < length; i++) {
        assertThat(numbers.get(i)).as("of flow %d", flow).isEqualTo(i);
      }
    }
    assertThat(served.front().flows().opened()).isEqualTo(flows);
    assertThat(served.requests(Account::forwarded)).isEqualTo(sent);
    assertThat(served.drops()).isEmpty();
    if (elsewhere) {
      // else no socket has opened in the middle, and nothing is proved
      assertThat(served.requests(Account::handOvers))
          .isBetween(flows * 10L, flows * (length - 10L));
    }
  }

  @Test
  void aClientThatIsGoneEndsItsFlowAtOnce() throws Exception {
    Client backend = served.client();
    InetSocketAddress at = served.serve(backend.address());
    Client client = served.client();
    InetSocketAddress link = assure(client, at, backend);
    int port = client.address().getPort();
    client.close();
    backend.send(link, (byte) 3); // goes out, and an ICMP error comes back
    await().until(() -> served.front().flows().closed(CloseReason.CLIENT_GONE) == 1);
    assertThat(served.front().flows().count()).isZero();
    assertThat(served.front().peerSockets()).isZero();
    assertThat(served.replies(Account::received)).isEqualTo(2);
    assertThat(served.replies(Account::forwarded)).isEqualTo(2);
    assertThat(served.drops()).isEmpty();

    Client again = served.add(new Client("127.0.0.1", port));
    again.send(at, (byte) 4);
    assertThat(backend.receive().payload()).containsExactly(4);
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  @Test
  void whatComesToTheSocketOfAFlowThatHasEndedOpensAnother() throws Exception {
    Client backend = served.client();
    InetSocketAddress at = served.serve(backend.address());
    Client client = served.client();
    InetSocketAddress link = assure(client, at, backend);
    Flow flow = served.flow();
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
    assertThat(served.front().flows().opened()).isEqualTo(2);
    assertThat(served.front().peerSockets()).isZero();
    assertThat(served.drops()).isEmpty();
    assertThat(served.requests(Account::forwarded)).isEqualTo(4);
  }

  @Test
  void flowsBeyondTheMostGoOnByTheListener() throws Exception {
    EchoServer echo = served.echo();
    InetSocketAddress at = served.serve(echo);
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < Front.PEER_SOCKETS_MAX + 10; i++) {
      Client client = served.client();
      clients.add(client);
      client.ask(at, (byte) 1);
    }
    served.workers.afterChores(worker -> {});
    assertThat(served.front().peerSockets()).isEqualTo(Front.PEER_SOCKETS_MAX);
    for (Client client : clients) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    served.flow().close(CloseReason.IDLE);
    served.workers.afterChores(worker -> {});
    clients.forEach(client -> send(client, at, (byte) 3));
    await().until(() -> served.requests(Account::forwarded) == 3L * clients.size());
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void peerSocketsAreOfTheSameBudgetOfDescriptorsAsLinks() throws Exception {
    EchoServer echo = served.echo();
    Fds fds = new Fds(5);
    InetSocketAddress at = served.fds(fds).serve(echo);
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Client client = served.client();
      clients.add(client);
      client.ask(at, (byte) 1);
      served.workers.afterChores(worker -> {});
    }
    assertThat(served.front().peerSockets()).isEqualTo(2);
    assertThat(fds.free()).isZero();
    for (Client client : clients) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    served.front().flows().all().forEach(flow -> flow.close(CloseReason.IDLE));
    served.workers.afterChores(worker -> {});
    assertThat(fds.free()).isEqualTo(5);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void withoutAFileDescriptorAFlowGoesOnByTheListenerAndNobodyTriesForASecond() throws Exception {
    var os = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    assumeTrue(os.getMaxFileDescriptorCount() <= 100_000, "too many to use up");
    Client backend = served.client();
    InetSocketAddress at = served.serve(backend.address());
    Client short1 = served.client();
    Client short2 = served.client();
    Client plenty = served.client();
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
      served.workers.afterChores(worker -> {});
    } finally {
      for (FileInputStream hog : hogs) {
        hog.close();
      }
    }
    backend.send(links.get(1), (byte) 3);
    assertThat(short2.receive().payload()).containsExactly(3);
    served.workers.afterChores(worker -> {});
    assertThat(served.front().peerSockets()).isZero();
    served.pass(Duration.ofSeconds(1));
    backend.send(links.get(2), (byte) 4);
    assertThat(plenty.receive().payload()).containsExactly(4);
    served.awaitPeerSockets(1);
    short1.send(at, (byte) 5);
    assertThat(backend.receive().payload()).containsExactly(5);
    assertThat(served.drops()).isEmpty();
  }

  /** Classes are files too. */
  private static void loadWhatIsNeededWithoutDescriptors(InetSocketAddress taken) {
    assertThatThrownBy(() -> FrontSockets.claim(Address.of(taken)))
        .isInstanceOfSatisfying(
            OsException.class, e -> assertThat(Errno.ofDial(e.errno())).isEqualTo(Drop.NO_PORT));
    LoggerFactory.getLogger(Desk.class).warn("{} {} {}", "what", "follows", "is meant");
  }

  /**
   * The backend answers the client, which so gets the first socket of its own; returns the link.
   */
  private InetSocketAddress assure(Client client, InetSocketAddress at, Client backend)
      throws IOException {
    client.send(at, (byte) 1);
    InetSocketAddress link = backend.receive().from();
    backend.send(link, (byte) 2);
    assertThat(client.receive().payload()).containsExactly(2);
    served.awaitPeerSockets(1);
    return link;
  }

  private static void send(Client client, InetSocketAddress to, int flow, int number)
      throws IOException {
    client.send(to, Recorder.payload(flow, number));
  }

  private static void send(Client client, InetSocketAddress to, byte payload) {
    try {
      client.send(to, payload);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
