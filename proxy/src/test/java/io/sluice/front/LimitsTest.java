package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Flow;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.lang.ref.WeakReference;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** Who may have a flow, for how long, and who makes room for whom. */
@EitherSocket
class LimitsTest {
  @AutoClose private final ServedFront served;

  LimitsTest(boolean connected) {
    served = new ServedFront().connected(connected);
  }

  @Test
  void anAssuredFlowEndsWhenIdleAndNotBefore() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1);
    served.advance(Duration.ofSeconds(50));
    client.ask(at, (byte) 2);
    served.advance(Duration.ofSeconds(59));
    assertThat(served.front().flows().all()).hasSize(1);
    served.advance(Duration.ofSeconds(3));
    assertThat(served.front().flows().all()).isEmpty();
    await().until(() -> served.front().flows().closed(CloseReason.IDLE) == 1);
    assertThat(served.front().flows().assuredCount()).isZero();
    assertThat(served.front().flows().count()).isZero();

    assertThat(client.ask(at, (byte) 3)).containsExactly(3); // a new flow
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  @Test
  void aFlowThatHasEndedIsForgottenThoughNoOtherComes() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    served.client().ask(at, (byte) 1);
    WeakReference<Flow> flow = new WeakReference<>(served.flow());
    served.advance(Duration.ofSeconds(62));
    await().until(() -> served.front().flows().closed(CloseReason.IDLE) == 1);
    await()
        .until(
            () -> {
              System.gc();
              return flow.refersTo(null);
            });
  }

  @Test
  void theClientsOwnDatagramsDoNotKeepAnUnansweredFlowAlive() throws Exception {
    Client silent = served.client();
    InetSocketAddress at = served.serve(silent.address());
    Client client = served.client();
    for (int second = 0; second < 6; second++) {
      client.send(at, (byte) second);
      silent.receive();
      served.advance(Duration.ofSeconds(1));
    }
    await().until(() -> served.front().flows().closed(CloseReason.UNASSURED) == 1);
    assertThat(served.front().flows().opened()).isEqualTo(1 + served.front().flows().all().size());
  }

  @Test
  void aFloodOfNewcomersPushesOutNewcomersAndNeverAnAssuredFlow() throws Exception {
    EchoServer echo = served.echo();
    Client silent = served.client();
    // Even ports are answered, odd ones never.
    InetSocketAddress at =
        served
            .limits(ServedFront.limits(1_000, 50, 100_000))
            .serve(echo.address(), silent.address());
    List<Client> assured = served.clients(30, 0);
    for (Client client : assured) {
      client.ask(at, (byte) 1);
    }
    assertThat(served.front().flows().assuredCount()).isEqualTo(30);
    for (Client client : served.clients(500, 1)) {
      client.send(at, (byte) 2);
    }
    await().until(() -> served.requests(Account::received) == 530);
    await().until(() -> served.front().flows().closed(CloseReason.EVICTED) == 450);
    assertThat(served.front().flows().count()).isEqualTo(30 + 50);
    for (Client client : assured) {
      assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    }
    // So those were the same flows still.
    assertThat(served.front().flows().opened()).isEqualTo(530);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void theOldestNewcomerMakesRoomAndAnAssuredOneLeavesTheLine() throws Exception {
    EchoServer echo = served.echo();
    Client silent = served.client();
    InetSocketAddress at =
        served
            .limits(ServedFront.limits(1_000, 3, 100_000))
            .serve(echo.address(), silent.address());
    List<Client> young = served.clients(4, 1);
    young.get(0).send(at, (byte) 0);
    InetSocketAddress first = silent.receive().from();
    served.client("127.0.0.1", 0).ask(at, (byte) 9); // assured at once
    young.get(1).send(at, (byte) 1);
    young.get(2).send(at, (byte) 2);
    silent.receive();
    silent.receive();
    assertThat(served.front().flows().all()).hasSize(4);
    young.get(3).send(at, (byte) 3);
    silent.receive();
    await().until(() -> served.front().flows().closed(CloseReason.EVICTED) == 1);
    assertThat(served.front().flows().all())
        .extracting(flow -> flow.key().client().port())
        .doesNotContain(young.get(0).address().getPort());
    silent.send(first, (byte) 1); // the oldest's late answer finds nobody
    assertThat(young.get(0).receive(50)).isNull();
  }

  @Test
  void atTheLimitOfAssuredFlowsNoMoreAreOpened() throws Exception {
    InetSocketAddress at =
        served.limits(ServedFront.limits(2, 1_000, 100_000)).serve(served.echo());
    List<Client> clients = served.clients(2);
    for (Client client : clients) {
      client.ask(at, (byte) 1);
    }
    served.client().send(at, (byte) 2);
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_LIMIT, 1L)));
    assertThat(clients.getFirst().ask(at, (byte) 3)).containsExactly(3);
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  @Test
  void newFlowsBeyondTheBudgetAreRefusedUntilTimePasses() throws Exception {
    InetSocketAddress at = served.limits(ServedFront.limits(1_000, 1_000, 10)).serve(served.echo());
    List<Client> clients = served.clients(15);
    for (Client client : clients) {
      client.send(at, (byte) 1);
    }
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_RATE, 5L)));
    assertThat(served.front().flows().opened()).isEqualTo(10);
    served.pass(Duration.ofMillis(100));
    Client one = served.client();
    assertThat(one.ask(at, (byte) 2)).containsExactly(2);
    served.client().send(at, (byte) 3);
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_RATE, 6L)));
  }

  @Test
  void oneWayFlowsAreAssuredFromBirth() throws Exception {
    Limits limits = new Limits(2, Duration.ofSeconds(60), Duration.ofSeconds(5), 1, 100_000, true);
    Client silent = served.client();
    InetSocketAddress at = served.limits(limits).serve(silent.address());
    for (Client client : served.clients(2)) {
      client.send(at, (byte) 1);
      silent.receive(); // two at once could both see the last place free
    }
    served.client().send(at, (byte) 1);
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_LIMIT, 1L)));
    served.advance(Duration.ofSeconds(30));
    assertThat(served.front().flows().assuredCount()).isEqualTo(2);
    served.advance(Duration.ofSeconds(40));
    await().until(() -> served.front().flows().closed(CloseReason.IDLE) == 2);
  }
}
