package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.net.Fds;
import io.sluice.net.TrainSocket;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a backend refuses before it has answered anything goes to another one. */
@Timeout(60)
class RescueTest {
  private final Fds fds = new Fds(100);
  @AutoClose private final ServedFront served = new ServedFront().fds(fds);

  @Test
  void aRefusedFirstDatagramIsAnsweredByAnotherBackend() throws Exception {
    EchoServer echo = served.echo();
    InetSocketAddress at = served.serve(Refusing.address(), echo.address());
    Client client = served.client("127.0.0.1", 0);
    assertThat(client.ask(at, (byte) 1)).containsExactly(1);
    assertThat(echo.received()).isEqualTo(1);
    awaitClosed(CloseReason.RESCUED, 1);
    assertThat(served.front().flows().opened()).isEqualTo(2);
    assertThat(served.front().flows().count()).isEqualTo(1);
    assertThat(served.front().flows().assuredCount()).isEqualTo(1);
    assertThat(served.requests(Account::received)).isEqualTo(1);
    assertThat(served.requests(Account::forwarded)).isEqualTo(1);
    assertThat(repeats(Account::forwarded)).isEqualTo(1);
    assertThat(served.drops()).isEmpty();
    assertThat(backend(0).view().unreachable()).isEqualTo(1);
    assertThat(List.of(total(0, Backend.ASKED), total(0, Backend.ANSWERED)))
        .containsExactly(1L, 0L);
    assertThat(List.of(total(1, Backend.ASKED), total(1, Backend.ANSWERED)))
        .containsExactly(1L, 1L);
    assertThat(backend(0).load()).isZero();
    assertThat(backend(1).load()).isEqualTo(1);
    assertNothingIsHeld();
    assertThat(client.ask(at, (byte) 2)).containsExactly(2); // and there it stays
    assertThat(served.front().flows().opened()).isEqualTo(2);
    served.front().close();
    assertThat(fds.free()).isEqualTo(100);
  }

  @Test
  void whatWasHeldComesOnceInOrderAndBeforeWhatIsNewer() throws Exception {
    Client first = served.client();
    Client second = served.client();
    InetSocketAddress at = served.serve(first.address(), second.address());
    Client client = served.client("127.0.0.1", 0);
    for (byte i = 1; i <= 2; i++) {
      client.send(at, i);
      assertThat(first.receive().payload()).containsExactly(i);
    }
    first.close();
    client.send(at, (byte) 3);
    client.send(at, (byte) 4);
    for (byte i = 1; i <= 4; i++) {
      assertThat(second.receive().payload()).containsExactly(i);
    }
    // The fourth may have been on the old link's way when the third was refused.
    assertThat(repeats(Account::forwarded)).isBetween(3L, 4L);
    client.send(at, (byte) 5);
    assertThat(second.receive().payload()).containsExactly(5);
    assertThat(second.receive(20)).isNull();
    assertThat(served.requests(Account::forwarded)).isEqualTo(5);
    assertThat(served.drops()).isEmpty();
    assertNothingIsHeld();
  }

  @Test
  void handedOverDatagramsAreHeldAndSentAgainToo() throws Throwable {
    Client first = served.client();
    Client second = served.client();
    InetSocketAddress at = served.serve(first.address(), second.address());
    Client client = served.client("127.0.0.1", 0);
    served.steer(0);
    client.send(at, (byte) 1);
    first.receive();
    served.steer(1);
    client.send(at, (byte) 2);
    first.receive();
    first.close();
    client.send(at, (byte) 3);
    client.send(at, (byte) 4);
    for (byte i = 1; i <= 4; i++) {
      assertThat(second.receive().payload()).containsExactly(i);
    }
    assertThat(served.requests(Account::handOvers)).isEqualTo(3);
    assertThat(served.flow().worker()).isSameAs(served.workers.get(0));
  }

  @Test
  void aTrainIsSentAgainAsItCame() throws Exception {
    try (TrainSocket backend =
        TrainSocket.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))) {
      InetSocketAddress at =
          served.key((client, payload) -> 0).serve(Refusing.address(), backend.address());
      try (TrainSocket client = TrainSocket.to(at)) {
        byte[] payload = new byte[2_500];
        IntStream.range(0, payload.length).forEach(i -> payload[i] = (byte) (i >> 3));
        assertThat(client.send(payload, 1_000)).isEqualTo(3);
        var received = backend.receive(3);
        assertThat(received)
            .extracting(java.nio.ByteBuffer::remaining)
            .containsExactly(1_000, 1_000, 500);
        assertThat(received.get(1)).isEqualTo(java.nio.ByteBuffer.wrap(payload, 1_000, 1_000));
        assertThat(repeats(Account::forwarded)).isEqualTo(3);
      }
    }
  }

  @Test
  void moreThanIsHeldIsNotSentAgain() throws Exception {
    Client first = served.client();
    Client second = served.client();
    InetSocketAddress at = served.serve(first.address(), second.address());
    Client client = served.client("127.0.0.1", 0);
    for (byte i = 1; i <= 5; i++) {
      client.send(at, i);
      first.receive();
    }
    assertNothingIsHeld();
    first.close();
    client.send(at, (byte) 6);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(second.receive(20)).isNull();
    client.send(at, (byte) 7); // begins anew
    assertThat(second.receive().payload()).containsExactly(7);
    assertThat(repeats(Account::forwarded)).isEqualTo(1);
  }

  @Test
  void sizeIsBoundedTooAndEmptyDatagramsCount() throws Exception {
    Client first = served.client();
    Client second = served.client();
    InetSocketAddress at = served.maxDatagram(9_000).serve(first.address(), second.address());
    List<Client> clients = served.clients(2, 0);
    clients.get(0).send(at, new byte[4_097]);
    first.receive();
    assertNothingIsHeld();
    for (int i = 0; i < 4; i++) {
      clients.get(1).send(at);
      first.receive();
    }
    first.close();
    clients.get(0).send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 1);
    clients.get(1).send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 2);
    assertThat(second.receive(20)).isNull();
  }

  @Test
  void whereTheOtherRefusesTooItEnds() throws Exception {
    InetSocketAddress at = served.serve(Refusing.address(), Refusing.address(), Refusing.address());
    Client client = served.client();
    client.send(at, (byte) 1);
    awaitClosed(CloseReason.RESCUED, 1);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(served.front().flows().opened()).isEqualTo(2);
    assertThat(repeats(Account::forwarded)).isEqualTo(1);
    assertThat(served.front().flows().count()).isZero();
    assertNothingIsHeld();
  }

  @Test
  void aPoolWhoseRequestsMustNotBeRepeatedIsLeftAlone() throws Exception {
    EchoServer b = served.echo();
    InetSocketAddress at =
        served.pool(RescueTest::notRepeatable).serve(Refusing.address(), b.address());
    Client client = served.client("127.0.0.1", 0);
    client.send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(b.received()).isZero();
    assertThat(served.front().flows().closed(CloseReason.RESCUED)).isZero();
    assertThat(repeats(Account::received)).isZero();
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void oneWayFlowsHoldNothing() throws Exception {
    Limits oneWay =
        new Limits(100, Duration.ofSeconds(60), Duration.ofSeconds(5), 100, 100_000, true);
    EchoServer b = served.echo();
    InetSocketAddress at = served.limits(oneWay).serve(Refusing.address(), b.address());
    served.client("127.0.0.1", 0).send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(b.received()).isZero();
    assertThat(total(0, Backend.ASKED)).isZero();
  }

  @Test
  void anAnsweredFlowLosesWhatIsRefusedAndItsNextDatagramIsAnswered() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    Client client = served.client("127.0.0.1", 0);
    client.ask(at, (byte) 1);
    a.close();
    Refusing.await(a.address());
    client.send(at, (byte) 2);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    assertThat(served.front().flows().closed(CloseReason.RESCUED)).isLessThanOrEqualTo(1);
    assertThat(served.front().flows().opened()).isEqualTo(3);
    assertThat(b.received()).isEqualTo(1);
  }

  @Test
  void aRescueCostsNoTokenOfNewFlowsAndNoPlaceInTheLine() throws Exception {
    EchoServer b = served.echo();
    InetSocketAddress at =
        served.limits(ServedFront.limits(100, 1, 1)).serve(Refusing.address(), b.address());
    assertThat(served.client("127.0.0.1", 0).ask(at, (byte) 1)).containsExactly(1);
    awaitClosed(CloseReason.RESCUED, 1);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void withNoOtherBackendAFlowIsRefused() throws Exception {
    InetSocketAddress at = served.serve(Refusing.address());
    served.client().send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(repeats(Account::received)).isZero();
    assertNothingIsHeld();
  }

  @Test
  void withNoDescriptorForAnotherLinkAFlowIsRefused() throws Exception {
    Fds one = new Fds(1);
    EchoServer b = served.echo();
    InetSocketAddress at = served.fds(one).serve(Refusing.address(), b.address());
    served.client("127.0.0.1", 0).send(at, (byte) 1);
    awaitClosed(CloseReason.REFUSED, 1);
    assertThat(one.free()).isEqualTo(1);
    assertThat(b.received()).isZero();
  }

  @Test
  void aBackendNobodyHasARouteToIsLeftForAnother() throws Exception {
    InetSocketAddress broadcast =
        new InetSocketAddress(InetAddress.ofLiteral("255.255.255.255"), 9);
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(broadcast, b.address());
    assertThat(served.client("127.0.0.1", 0).ask(at, (byte) 1)).containsExactly(1);
    assertThat(served.front().flows().opened()).isEqualTo(1);
    assertThat(backend(0).view().unreachable()).isEqualTo(1);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void whoIsPushedOutHoldsNothingAndIsNotRescued() throws Exception {
    Client first = served.client();
    EchoServer b = served.echo();
    InetSocketAddress at =
        served.limits(ServedFront.limits(100, 1, 100)).serve(first.address(), b.address());
    List<Client> clients = new ArrayList<>(served.clients(2, 0));
    clients.get(0).send(at, (byte) 1);
    first.receive();
    clients.get(1).send(at, (byte) 2, (byte) 3);
    first.receive();
    awaitClosed(CloseReason.EVICTED, 1);
    assertThat(heldBytes()).isEqualTo(2);
    served.advance(Duration.ofSeconds(7));
    awaitClosed(CloseReason.UNASSURED, 1);
    assertNothingIsHeld();
  }

  /** As usual, but no request may reach two backends. */
  static Pool.Spec notRepeatable(List<Pool.Spec.Server> servers) {
    Pool.Spec as = ServedFront.spec(servers, true);
    return new Pool.Spec(
        as.name(),
        as.policy(),
        as.servers(),
        as.rules(),
        as.silence(),
        as.maxEjected(),
        as.allWhenNoneEligible(),
        false,
        as.slowStart(),
        as.probing());
  }

  private Backend backend(int index) {
    return served.front().pool().backends().get(index);
  }

  private long total(int backend, int counter) {
    served.workers.onEach(worker -> {});
    return IntStream.range(0, served.workers.count())
        .mapToLong(worker -> backend(backend).traffic(worker).get(counter))
        .sum();
  }

  private long repeats(ToLongFunction<Account> what) {
    served.workers.onEach(worker -> {});
    return served.front().lanes().stream().map(Lane::repeats).mapToLong(what).sum();
  }

  private void assertNothingIsHeld() {
    await().untilAsserted(() -> assertThat(heldBytes()).isZero());
  }

  private long heldBytes() {
    served.workers.onEach(worker -> {});
    return served.front().lanes().stream().mapToLong(l -> l.flows().get(Lane.HELD_BYTES)).sum();
  }

  private void awaitClosed(CloseReason reason, long count) {
    await().until(() -> served.front().flows().closed(reason) == count);
  }
}
