package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/**
 * Datagrams that arrive on another worker than their flow's: only at listeners, an assured flow's
 * own front socket is its worker's.
 */
class HandOverTest {
  @AutoClose private final ServedFront served = new ServedFront();

  @Test
  void datagramsThatArriveOnAnotherWorkerAreHandedOverInOrder() throws Throwable {
    InetSocketAddress at = served.serve(served.echo());
    List<Client> clients = served.clients(20);
    served.steer(0);
    for (Client client : clients) {
      client.ask(at, (byte) 0);
    }
    served.steer(1);
    for (byte i = 1; i <= 50; i++) {
      for (Client client : clients) {
        client.send(at, i);
      }
      served.awaitArrivals(20 * (i - 4)); // a hundred ahead
    }
    for (Client client : clients) {
      for (byte i = 1; i <= 50; i++) {
        assertThat(client.receive().payload()).containsExactly(i);
      }
    }
    assertThat(served.requests(Account::handOvers)).isEqualTo(20 * 50);
    assertThat(served.front().lanes().getFirst().requests().forwarded()).isEqualTo(20 * 51);
    assertThat(served.front().flows().opened()).isEqualTo(20);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void aFullHandOverQueueDropsAndCounts() throws Throwable {
    InetSocketAddress at = served.serve(served.echo());
    Client client = served.client();
    served.steer(0);
    client.ask(at, (byte) 0);
    served.steer(1);
    CountDownLatch release = new CountDownLatch(1);
    served.workers.get(0).execute(() -> awaitUninterruptibly(release));
    int sent = 6_000;
    Account arrivals =
        served.front().lanes().getLast().requests(); // worker 1's: not to wait for worker 0 here
    for (int i = 0; i < sent; i++) {
      client.send(at, (byte) 1);
    }
    await().until(() -> arrivals.received() + served.front().kernelDrops() == sent);
    release.countDown();
    await().until(() -> served.requests(Account::forwarded) == 1 + 4_096);
    assertThat(served.drops())
        .containsExactly(Map.entry(Drop.HANDOVER, served.requests(Account::received) - 1 - 4_096));
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
