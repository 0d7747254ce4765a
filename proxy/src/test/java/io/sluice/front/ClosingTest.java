package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.KeyExtractor;
import io.sluice.flow.CloseReason;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.io.File;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** How flows, and all that they hold, end with their front. */
@EitherSocket
class ClosingTest {
  @AutoClose private final ServedFront served;

  ClosingTest(boolean connected) {
    served = new ServedFront().connected(connected);
  }

  @Test
  void closingEndsFlowsWhoseTimeIsOverToo() throws Exception {
    InetSocketAddress at = served.maxDatagram(100).serve(served.echo());
    served.client().ask(at, (byte) 1);
    served.pass(Duration.ofSeconds(70)); // no tidying has seen it yet
    served.front().close();
    assertThat(served.front().flows().count()).isZero();
  }

  @Test
  void whileDrainingOldFlowsGoOnAndNewOnesAreRefused() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client old = served.client();
    old.ask(at, (byte) 1);
    served.front().drain();
    assertThat(old.ask(at, (byte) 2)).containsExactly(2);
    served.client().send(at, (byte) 3);
    await().until(() -> served.drops().equals(Map.of(Drop.DRAINING, 1L)));
    served.advance(Duration.ofMillis(999));
    assertThat(served.front().flows().count()).isEqualTo(1);
    served.advance(Duration.ofMillis(1));
    await().until(() -> served.front().flows().closed(CloseReason.STOPPED) == 1);
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
    EchoServer echo = served.echo();
    InetSocketAddress at = served.key(slow).serve(echo);
    Client client = served.client();
    client.send(at, (byte) 1);
    opening.await();
    Thread closing = Thread.ofPlatform().start(served.front()::close);
    await().until(() -> closing.getState() == Thread.State.WAITING);
    goOn.countDown();
    closing.join();
    assertThat(served.front().flows().count()).isZero();
    assertThat(served.front().flows().closed(CloseReason.STOPPED)).isEqualTo(1);
    assertThat(served.front().pool().backends().getFirst().load()).isZero();
  }

  @Test
  void whatABackendHadSentWhenItsFlowEndedIsRelayedHoweverItsLinkIsRead() throws Exception {
    Client backend = served.client();
    InetSocketAddress at = served.serve(backend.address());
    Client client = served.client();
    InetSocketAddress link = null;
    for (int i = 0; i < 5; i++) { // asked and answered: its link is read one datagram at a time
      client.send(at, (byte) 1);
      link = backend.receive().from();
      backend.send(link, (byte) 2);
      client.receive();
    }
    CountDownLatch goOn = new CountDownLatch(1);
    served.workers.forEach(worker -> worker.execute(() -> awaitUninterruptibly(goOn)));
    for (int i = 0; i < 30; i++) {
      backend.send(Objects.requireNonNull(link), (byte) i);
    }
    served.front().flows().closeAll();
    goOn.countDown();
    for (int i = 0; i < 30; i++) {
      assertThat(client.receive().payload()).containsExactly(i);
    }
    assertThat(served.replies(Account::forwarded)).isEqualTo(35);
  }

  @Test
  void closingGivesBackEverySocket() throws Exception {
    EchoServer echo = served.echo();
    long before = fds();
    InetSocketAddress at = served.serve(echo);
    List<Client> clients = served.clients(100);
    for (Client client : clients) {
      client.ask(at, (byte) 1);
    }
    assertThat(fds()).isGreaterThanOrEqualTo(before + 100 + 100 + 2);
    served.front().close();
    for (Client client : clients) {
      client.close();
    }
    assertThat(fds()).isEqualTo(before);
    assertThat(served.front().flows().closed(CloseReason.STOPPED)).isEqualTo(100);
  }

  private static long fds() {
    return Objects.requireNonNull(new File("/proc/self/fd").list()).length;
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
