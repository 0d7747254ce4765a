package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.Client;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The program that deals clients to a reuseport group's first sockets, run by the kernel. */
class DealerTest {
  private static final int SOCKETS = 4;
  private static final int CLIENTS = 400;

  private final Workers workers = Workers.start(1);
  private final List<AutoCloseable> open = new ArrayList<>();
  private final List<UdpSocket> group = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open) {
      each.close();
    }
    workers.onEach(worker -> group.forEach(UdpSocket::close));
    workers.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void dealsEvenlyAndStaysTheSameThoughOthersJoinAndLeave(String ip) throws Exception {
    Address at =
        FrontSockets.claim(Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0)));
    for (int i = 0; i < SOCKETS; i++) {
      group.add(FrontSockets.listen(at, 1 << 20));
    }
    FrontSockets.dealToFirst(SOCKETS, group.getFirst());
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      Client client = new Client(ip);
      clients.add(client);
      open.add(client);
    }
    List<Integer> before = deal(clients, at);
    for (int socket = 0; socket < SOCKETS; socket++) {
      int index = socket;
      // 100 +- 8.7, so that six standard deviations happen once in 500 million runs
      assertThat(before.stream().filter(got -> got == index).count()).isBetween(48L, 152L);
    }
    List<UdpSocket> joined = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      joined.add(FrontSockets.listen(at, 1 << 20));
    }
    assertThat(deal(clients, at)).isEqualTo(before);
    joined.forEach(UdpSocket::close);
    assertThat(deal(clients, at)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void aSocketOfOneClientHearsItAloneUntilItIsTurnedAway(String ip) throws Exception {
    Address at =
        FrontSockets.claim(Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), 0)));
    UdpSocket listener = FrontSockets.listen(at, 1 << 20);
    group.add(listener);
    FrontSockets.dealToFirst(1, listener);
    Client client = new Client(ip);
    Client stranger = new Client(ip);
    open.addAll(List.of(client, stranger));
    workers.onEach(
        worker -> {
          try {
            UdpSocket own =
                FrontSockets.accept(at, Address.of(client.address()), 1 << 20, worker, NOBODY);
            group.add(own);
            client.send(at.toInetSocketAddress(), (byte) 1);
            stranger.send(at.toInetSocketAddress(), (byte) 2);
            own.turnAway();
            client.send(at.toInetSocketAddress(), (byte) 3);
            assertThat(receive(own, worker)).isEqualTo(1);
            assertThat(worker.batch().payload(0).getByte(0)).isEqualTo((byte) 1);
            assertThat(receive(listener, worker)).isEqualTo(2);
            assertThat(worker.batch().payload(0).getByte(0)).isEqualTo((byte) 2);
            assertThat(worker.batch().payload(1).getByte(0)).isEqualTo((byte) 3);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /** Which socket of the group each client's datagram comes to. */
  private List<Integer> deal(List<Client> clients, Address at) throws Exception {
    List<Integer> got = new ArrayList<>();
    for (Client client : clients) {
      client.send(at.toInetSocketAddress(), (byte) 1);
      workers.onEach(
          worker -> {
            for (int i = 0; i < group.size(); i++) {
              if (receive(group.get(i), worker) == 1) {
                got.add(i);
              }
            }
          });
    }
    assertThat(got).hasSameSizeAs(clients);
    return got;
  }

  private static final UdpSocket.Owner NOBODY =
      new UdpSocket.Owner() {
        @Override
        public void readable() {}

        @Override
        public void failed(int errno) {}
      };

  private static int receive(UdpSocket socket, Worker worker) {
    worker.batch().clear();
    return socket.receive(worker.batch());
  }
}
