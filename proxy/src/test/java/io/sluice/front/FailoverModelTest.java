package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Fds;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.DatagramChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random histories of backends that go, come back, fall silent and speak again, under clients that
 * go on sending: whatever becomes of a flow, no backend gets a datagram twice or before an older
 * one, and nothing is lost count of.
 */
@Timeout(120)
class FailoverModelTest {
  private static final int CLIENTS = 6;
  private static final int STEPS = 400;

  private final Fds fds = new Fds(1_000);
  @AutoClose private final ServedFront served = new ServedFront().fds(fds);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6})
  void noBackendGetsADatagramTwiceOrOutOfOrder(long seed) throws Exception {
    Random random = new Random(seed);
    List<Server> servers = List.of(server(), server(), server());
    Limits limits =
        new Limits(
            100,
            Duration.ofHours(1),
            Duration.ofHours(1),
            random.nextInt(1, 10),
            100_000,
            false,
            random.nextInt(1, 1_000),
            random.nextBoolean());
    boolean connected = random.nextBoolean();
    InetSocketAddress at =
        served
            .limits(limits)
            .connected(connected)
            .serve(servers.stream().map(Server::address).toArray(InetSocketAddress[]::new));
    List<Client> clients = served.clients(CLIENTS);
    int[] sent = new int[CLIENTS];
    for (int step = 0; step < STEPS; step++) {
      int client = random.nextInt(CLIENTS);
      Server server = servers.get(random.nextInt(servers.size()));
      switch (random.nextInt(20)) {
        case 0, 1 -> server.stop();
        case 2, 3 -> server.start();
        case 4 -> server.answers = false;
        case 5 -> server.answers = true;
        case 6 -> served.advance(Duration.ofMillis(random.nextInt(3_000)));
        case 7 -> served.workers.onEach(worker -> {});
        default -> {
          for (int burst = random.nextInt(3); burst >= 0; burst--) {
            clients
                .get(client)
                .send(at, (byte) client, (byte) (sent[client] >> 8), (byte) sent[client]);
            sent[client]++;
          }
        }
      }
    }
    for (Server server : servers) {
      server.answers = true;
      server.start();
    }
    for (int i = 0; i < CLIENTS; i++) { // who has waited in vain is answered again
      awaitAnswer(clients.get(i), i, sent, at);
    }
    long all = Arrays.stream(sent).sum();
    await().until(() -> served.requests(Account::received) == all);
    for (Server server : servers) {
      for (int i = 0; i < CLIENTS; i++) {
        List<Integer> arrivals = server.arrivals(i);
        assertThat(arrivals).as("seed %d, client %d", seed, i).doesNotHaveDuplicates();
        if (!connected) { // where a socket that opens may hold a stranger up (ADR 9)
          assertThat(arrivals).as("seed %d, client %d", seed, i).isSorted();
        }
      }
    }
    assertThat(served.requests(Account::forwarded) + dropped()).isEqualTo(all);
    served.front().close();
    assertThat(sum(l -> l.flows().get(Lane.HELD_BYTES))).isZero();
    assertThat(sum(l -> l.repeats().received()))
        .isEqualTo(sum(l -> l.repeats().forwarded() + drops(l.repeats())));
    assertThat(served.front().flows().closed(CloseReason.RESCUED)).as("seed %d", seed).isPositive();
    assertThat(served.front().pool().backends()).allSatisfy(b -> assertThat(b.load()).isZero());
    assertThat(fds.free()).isEqualTo(1_000);
  }

  private void awaitAnswer(Client client, int index, int[] sent, InetSocketAddress at)
      throws IOException {
    while (client.receive(1) != null) {
      // answers of before
    }
    await()
        .until(
            () -> {
              client.send(at, (byte) index, (byte) (sent[index] >> 8), (byte) sent[index]);
              sent[index]++;
              served.pass(Duration.ofMillis(100));
              return client.receive(50) != null;
            });
  }

  private long sum(ToLongFunction<Lane> what) {
    served.workers.onEach(worker -> {});
    return served.front().lanes().stream().mapToLong(what).sum();
  }

  private long dropped() {
    return sum(lane -> drops(lane.requests()));
  }

  private static long drops(Account account) {
    return Arrays.stream(Drop.values()).mapToLong(account::dropped).sum();
  }

  private Server server() throws IOException {
    return served.add(new Server());
  }

  /**
   * A backend on a port of its own, whether it is there or not: one that the kernel gives to nobody
   * who asks for any.
   */
  private static final class Server implements AutoCloseable {
    private static final int LOWEST_PORT = 10_000;
    private static final int EPHEMERAL = 32_768;

    private final List<List<Integer>> arrivals = new ArrayList<>();
    private final InetSocketAddress address;
    private DatagramChannel channel = anywhere();
    private Thread thread;
    private volatile boolean answers = true;

    Server() throws IOException {
      address = (InetSocketAddress) channel.getLocalAddress();
      for (int i = 0; i < CLIENTS; i++) {
        arrivals.add(new ArrayList<>());
      }
      thread = Thread.ofPlatform().daemon().start(() -> serve(channel));
    }

    private static DatagramChannel anywhere() throws IOException {
      while (true) {
        int port = ThreadLocalRandom.current().nextInt(LOWEST_PORT, EPHEMERAL);
        DatagramChannel channel = DatagramChannel.open();
        try {
          return channel.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port));
        } catch (BindException taken) {
          channel.close();
        }
      }
    }

    InetSocketAddress address() {
      return address;
    }

    synchronized List<Integer> arrivals(int client) {
      return List.copyOf(arrivals.get(client));
    }

    void start() throws IOException {
      if (!channel.isOpen()) {
        DatagramChannel next = DatagramChannel.open().bind(address);
        channel = next;
        thread = Thread.ofPlatform().daemon().start(() -> serve(next));
      }
    }

    /** Only when its thread has left it is the socket gone. */
    void stop() throws IOException {
      channel.close();
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }

    private void serve(DatagramChannel on) {
      ByteBuffer payload = ByteBuffer.allocate(100);
      try {
        while (true) {
          var link = on.receive(payload.clear());
          payload.flip();
          synchronized (this) {
            arrivals
                .get(payload.get(0))
                .add((payload.get(1) & 0xFF) << 8 | (payload.get(2) & 0xFF));
          }
          if (answers) {
            on.send(payload, link);
          }
        }
      } catch (ClosedChannelException closed) {
        return; // by stop()
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public void close() throws IOException {
      stop();
    }
  }
}
