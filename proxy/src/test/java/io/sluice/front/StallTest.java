package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.flow.CloseReason;
import io.sluice.net.Fds;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Silence;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A backend that says nothing while others of its pool answer loses the flows that wait for it. */
@Timeout(60)
class StallTest {
  private static final int FLOWS = 12;

  private final Fds fds = new Fds(100);
  @AutoClose private final ServedFront served = new ServedFront().fds(fds).inRealTime();

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void flowsThatWaitInVainLeaveAndStayAssured(boolean connected) throws Exception {
    Client silent = served.client();
    EchoServer echo = served.echo();
    InetSocketAddress at =
        served
            .connected(connected)
            .pool(StallTest::impatient)
            .serve(silent.address(), echo.address());
    List<Client> stalled = served.clients(FLOWS, 0);
    List<Client> others = served.clients(FLOWS, 1);
    for (Client client : stalled) { // all are assured
      client.send(at, (byte) 1);
      silent.send(silent.receive().from(), (byte) 1);
      client.receive();
    }
    Backend backend = served.front().pool().backends().getFirst();
    await()
        .until(
            () -> {
              for (Client client : stalled) {
                client.send(at, (byte) 2);
              }
              for (Client client : others) {
                client.ask(at, (byte) 2);
              }
              return backend.patienceNs() < Long.MAX_VALUE;
            });
    await()
        .untilAsserted(
            () -> {
              for (Client client : stalled) {
                client.send(at, (byte) 3);
              }
              assertThat(served.front().flows().closed(CloseReason.REHOMED)).isEqualTo(FLOWS);
            });
    for (Client client : stalled) {
      while (client.receive().payload()[0] != 4) {
        client.send(at, (byte) 4);
      }
    }
    assertThat(served.front().flows().assuredCount()).isEqualTo(2 * FLOWS);
    assertThat(served.front().flows().opened()).isEqualTo(3 * FLOWS);
    assertThat(served.drops()).isEmpty();
  }

  private static Pool.Spec impatient(List<Pool.Spec.Server> servers) {
    Pool.Spec as = ServedFront.spec(servers, true);
    return new Pool.Spec(
        as.name(),
        as.policy(),
        as.servers(),
        as.rules(),
        new Silence(true, FLOWS, Duration.ofMillis(500)),
        as.maxEjected(),
        as.allWhenNoneEligible(),
        as.repeatable(),
        as.slowStart(),
        as.probing());
  }
}
