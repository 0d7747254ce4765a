package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Fds;
import io.sluice.pool.Backend;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Live flows whose backend is down get another one, and stay what they are. */
@Timeout(60)
class RehomeTest {
  private static final int FLOWS = 8;

  private final Fds fds = new Fds(100);
  @AutoClose private final ServedFront served = new ServedFront().fds(fds);

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void flowsOfABackendThatIsDownGoOnWithAnotherAndAreNoNewFlows(boolean connected)
      throws Exception {
    served.connected(connected);
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    // So many tokens, and so much room, as the flows that are opened anew below.
    InetSocketAddress at = served.limits(limits(FLOWS, FLOWS + 3, 1_000)).serve(a, b);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    for (Client client : clients.subList(3, FLOWS)) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    awaitClosed(CloseReason.REHOMED, FLOWS - 3);
    assertThat(served.front().flows().assuredCount()).isEqualTo(FLOWS - 3);
    assertThat(served.drops()).isEmpty();
    if (connected) {
      served.awaitPeerSockets(FLOWS - 3);
    }
    assertThat(served.front().flows().opened()).isEqualTo(FLOWS + FLOWS - 3);
    served.front().close();
    assertThat(fds.free()).isEqualTo(100);
  }

  @Test
  void orderIsKeptThroughAMoveOnItsOwnWorker() throws Throwable {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    served.steer(0);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    served.steer(1); // its datagrams are handed over from now on
    Client client = clients.getLast();
    for (byte i = 0; i < 50; i++) {
      client.send(at, i);
    }
    for (byte i = 0; i < 50; i++) {
      assertThat(client.receive().payload()).containsExactly(i);
    }
    awaitClosed(CloseReason.REHOMED, 1);
    assertThat(served.front().flows().opened()).isEqualTo(FLOWS + 1);
    assertThat(served.requests(Account::handOvers)).isEqualTo(50);
  }

  @Test
  void beyondTheBudgetAFlowStaysAndItsDatagramGoesToTheOldBackend() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.limits(limits(100, 100, 2)).serve(a, b);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    for (Client client : clients.subList(3, 5)) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    }
    long forwarded = served.requests(Account::forwarded);
    Client late = clients.get(5);
    late.send(at, (byte) 3);
    await().until(() -> served.requests(Account::forwarded) == forwarded + 1);
    assertThat(late.receive(20)).isNull();
    assertThat(served.front().flows().closed(CloseReason.REFUSED)).isEqualTo(3); // no evidence now
    served.pass(Duration.ofMillis(500));
    assertThat(late.ask(at, (byte) 4)).containsExactly(4);
    assertThat(served.drops()).isEmpty();
    awaitClosed(CloseReason.REHOMED, 3);
  }

  @Test
  void withNobodyToGoToTheFlowEndsAndItsDatagramIsDropped() throws Exception {
    EchoServer a = served.echo();
    InetSocketAddress at = served.pool(servers -> ServedFront.spec(servers, false)).serve(a);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    clients.getLast().send(at, (byte) 2);
    await().until(() -> served.drops().equals(Map.of(Drop.NO_BACKEND, 1L)));
    awaitClosed(CloseReason.BACKEND_DOWN, 1);
  }

  @Test
  void withNoDescriptorForAnotherLinkTheFlowEndsAndLeavesItsOwnToTheNext() throws Exception {
    Fds few = new Fds(FLOWS);
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.fds(few).serve(a, b);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    List<Client> others = clients.subList(0, 3);
    for (Client client : others) {
      assertThat(client.ask(at, (byte) 2)).containsExactly(2); // they take what was given back
    }
    Client last = clients.getLast();
    last.send(at, (byte) 3);
    await().until(() -> served.drops().equals(Map.of(Drop.NO_FD, 1L)));
    awaitClosed(CloseReason.BACKEND_DOWN, 1);
    assertThat(last.ask(at, (byte) 4)).containsExactly(4);
  }

  @Test
  void aLateReplyOfTheOldBackendStillArrives() throws Exception {
    Client a = served.client();
    int port = a.address().getPort();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a.address(), b.address());
    List<Client> clients = served.clients(4, 0);
    InetSocketAddress link = null;
    for (Client client : clients) {
      client.send(at, (byte) 1);
      link = a.receive().from();
      a.send(link, (byte) 1);
      client.receive();
    }
    Client late = clients.getLast();
    late.send(at, (byte) 2);
    a.receive();
    takeDown(a, at, clients);
    try (Client again = new Client("127.0.0.1", port)) {
      assertThat(late.ask(at, (byte) 3)).containsExactly(3);
      again.send(java.util.Objects.requireNonNull(link), (byte) 2);
      assertThat(late.receive().payload()).containsExactly(2);
    }
  }

  @Test
  void aFlowThatMayGoBackDoesSoWithoutLosingAnything() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    Limits returning =
        new Limits(
            100, Duration.ofSeconds(60), Duration.ofSeconds(5), 100, 1_000, false, 1_000, true);
    InetSocketAddress at = served.limits(returning).serve(a, b);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    Client client = clients.getLast();
    assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    EchoServer again = served.add(new EchoServer(a.address()));
    Backend own = served.front().pool().backends().getFirst();
    served.pass(Duration.ofSeconds(10)); // longer than the first ejection, shorter than idle
    await().until(own::eligible);
    assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    assertThat(again.received()).isEqualTo(1);
    awaitClosed(CloseReason.REHOMED, 2);
    assertThat(client.ask(at, (byte) 4)).containsExactly(4);
    assertThat(again.received()).isEqualTo(2);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void afterTheEndOfTheFrontNoFlowIsLeft() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    List<Client> clients = assured(at);
    takeDown(a, at, clients);
    served.front().drain();
    assertThat(clients.getLast().ask(at, (byte) 2)).containsExactly(2); // old flows go on
    Thread asking =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    for (int i = 0; i < 200; i++) {
                      for (Client client : clients.subList(3, FLOWS)) {
                        client.send(at, (byte) 3);
                      }
                    }
                  } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                  }
                });
    served.front().close();
    asking.join();
    assertThat(served.front().flows().count()).isZero();
    assertThat(fds.free()).isEqualTo(100);
  }

  private static Limits limits(int max, int newPerSecond, int rehomePerSecond) {
    return new Limits(
        max,
        Duration.ofSeconds(60),
        Duration.ofSeconds(5),
        100,
        newPerSecond,
        false,
        rehomePerSecond,
        false);
  }

  /** Clients whose flows are with the first backend, which has answered them. */
  private List<Client> assured(InetSocketAddress at) throws Exception {
    List<Client> clients = served.clients(FLOWS, 0);
    for (int i = 0; i < FLOWS; i++) {
      clients.get(i).ask(at, (byte) 1);
      served.awaitPeerSockets(i + 1);
    }
    return clients;
  }

  /** The flows of the first three clients hear that it is gone, which is enough. */
  private void takeDown(AutoCloseable first, InetSocketAddress at, List<Client> clients)
      throws Exception {
    first.close();
    Refusing.await(served.front().pool().backends().getFirst().address());
    for (Client client : clients.subList(0, 3)) {
      client.send(at, (byte) 9);
    }
    awaitClosed(CloseReason.REFUSED, 3);
    Backend backend = served.front().pool().backends().getFirst();
    await().until(() -> backend.patienceNs() == 0);
  }

  private void awaitClosed(CloseReason reason, long count) {
    await().until(() -> served.front().flows().closed(reason) == count);
  }
}
