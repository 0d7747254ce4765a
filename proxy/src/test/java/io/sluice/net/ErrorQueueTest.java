package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.metrics.Account;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Links to loopback ports at which nobody listens: the kernel refuses while it still sends. */
class ErrorQueueTest {
  private final Workers workers = Workers.start(1);
  private final Dialer dialer =
      new Ports(KernelFeatures.localPorts(), new Fds(10)).dialer(List.of(), List.of());
  private final Account account = new Account();
  private final AtomicInteger readable = new AtomicInteger();
  private final AtomicInteger refused = new AtomicInteger();

  private final UdpSocket.Owner owner =
      new UdpSocket.Owner() {
        @Override
        public void readable() {
          readable.incrementAndGet();
        }

        @Override
        public void failed(int errno) {
          assertThat(errno).isEqualTo(Errno.ECONNREFUSED);
          refused.incrementAndGet();
        }
      };

  @AfterEach
  void close() {
    workers.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void everyErrorIsToldOnceWhicheverCallMeetsIt(String ip) throws Exception {
    UdpSocket link = dialer.dial(refusing(ip));
    link.own(owner);
    Batch batch = new Batch();
    for (int i = 1; i <= 5; i++) {
      batch.load(new byte[i], 0);
      link.send(batch, 0, 1, account); // the error of the one before makes it try twice
      assertThat(refused.get()).isEqualTo(i - 1);
      assertThat(account.forwarded()).isEqualTo(i);
    }
    batch.clear();
    assertThat(link.receive(batch)).isZero();
    assertThat(refused.get()).isEqualTo(5);
    assertThat(link.receive(batch)).isZero();
    assertThat(refused.get()).isEqualTo(5);
    link.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void epollTellsOfAnErrorOnceAndNotForEver(String ip) throws Exception {
    UdpSocket link = dialer.dial(refusing(ip));
    workers.onEach(
        worker -> {
          try {
            link.register(worker, owner);
          } catch (OsException e) {
            throw new AssertionError(e);
          }
          worker.batch().load(new byte[1], 0);
          link.send(worker.batch(), 0, 1, account);
        });
    await().until(() -> refused.get() == 1);
    for (int turn = 0; turn < 100; turn++) {
      workers.onEach(worker -> {});
    }
    assertThat(readable.get()).isEqualTo(1);
    assertThat(refused.get()).isEqualTo(1);
    workers.onEach(worker -> link.close());
  }

  private static Address refusing(String ip) throws Exception {
    try (Client gone = new Client(ip)) {
      InetSocketAddress address = gone.address();
      return Address.of(address);
    }
  }
}
