package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.metrics.Drop;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of flows whose backend is not there. */
@EitherSocket
@Timeout(60)
class BackendsTest {
  @AutoClose private final ServedFront served;

  BackendsTest(boolean connected) {
    served = new ServedFront().connected(connected);
  }

  @Test
  void aRefusingBackendIsLeftForAnotherAndTheFlowOfAnotherStays() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.pool(RescueTest::notRepeatable).serve(a, b);
    Client onA = served.client("127.0.0.1", 0);
    Client onB = served.client("127.0.0.1", 1);
    onA.ask(at, (byte) 1);
    onB.ask(at, (byte) 1);
    a.close();
    int refused = 0;
    for (; served.front().pool().backends().getFirst().eligible(); refused++) {
      onA.send(at, (byte) 2);
      assertThat(onA.receive(20)).isNull();
    }
    assertThat(refused).isGreaterThanOrEqualTo(3); // and some until another thread has decided
    assertThat(onA.ask(at, (byte) 3)).containsExactly(3);
    assertThat(onB.ask(at, (byte) 4)).containsExactly(4);
    // Each refusal ended the flow, so that the next datagram's was that of another one.
    await()
        .until(
            () ->
                served.front().flows().opened() - served.front().flows().count()
                    == served.front().flows().closed(CloseReason.REFUSED));
    assertThat(served.front().flows().closed(CloseReason.REFUSED)).isBetween(3L, refused + 1L);
    assertThat(served.front().pool().backends().getFirst().view().unreachable())
        .isGreaterThanOrEqualTo(3);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void withoutAnEligibleBackendDatagramsAreDroppedWhereThePoolSaysSo() throws Exception {
    EchoServer a = served.echo();
    InetSocketAddress at = served.pool(servers -> ServedFront.spec(servers, false)).serve(a);
    Client client = served.client();
    client.ask(at, (byte) 1);
    a.close();
    while (served.front().pool().backends().getFirst().eligible()) {
      client.send(at, (byte) 2);
      assertThat(client.receive(20)).isNull();
    }
    Map<Drop, Long> before = served.drops(); // the ejection may have come before the last of those
    client.send(at, (byte) 3);
    long dropped = before.getOrDefault(Drop.NO_BACKEND, 0L);
    await().until(() -> served.drops().equals(Map.of(Drop.NO_BACKEND, dropped + 1)));
  }

  @Test
  void aBackendNobodyHasARouteToIsUnreachable() throws Exception {
    InetSocketAddress broadcast =
        new InetSocketAddress(InetAddress.ofLiteral("255.255.255.255"), 9);
    InetSocketAddress at = served.serve(broadcast);
    served.client().send(at, (byte) 1);
    await().until(() -> served.drops().equals(Map.of(Drop.UNREACHABLE, 1L)));
    assertThat(served.front().flows().opened()).isZero();
  }
}
