package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.TrainSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Trains (UDP_SEGMENT in, UDP_GRO and UDP_SEGMENT through, UDP_GRO out): whatever the kernel joins
 * and parts on the way, every datagram arrives as it was sent.
 */
@EitherSocket
class TrainTest {
  private static final int MAX_DATAGRAM = 1_500;
  private static final int RUNS = 60;

  private final boolean connected;
  @AutoClose private final ServedFront served;
  private final TrainSocket backend;
  private final TrainSocket client;
  private final InetSocketAddress at;

  TrainTest(boolean connected) throws Exception {
    this.connected = connected;
    served = new ServedFront().inRealTime().connected(connected);
    backend = served.add(TrainSocket.on(loopback()));
    at =
        served.maxDatagram(MAX_DATAGRAM).limits(ServedFront.noLimits(100)).serve(backend.address());
    client = served.add(TrainSocket.to(at));
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void everyDatagramOfEveryTrainArrivesAsItWasSentBothWays(long seed) {
    Random random = new Random(seed);
    for (int run = 0; run < RUNS; run++) {
      List<ByteBuffer> sent = new ArrayList<>();
      int trains = 1 + random.nextInt(4);
      for (int i = 0; i < trains; i++) {
        sent.addAll(sendTrain(random));
      }
      int echoed = 0;
      while (echoed < sent.size()) {
        echoed += backend.echo();
      }
      assertThat(client.receive(sent.size())).as("seed %d, run %d", seed, run).isEqualTo(sent);
    }
    assertThat(served.drops()).isEmpty();
    assertThat(served.front().peerSockets()).isEqualTo(connected ? 1 : 0);
  }

  /** One datagram, equal ones sent singly, or a train. */
  private List<ByteBuffer> sendTrain(Random random) {
    int segment = 1 + random.nextInt(MAX_DATAGRAM);
    byte[] payload =
        new byte[Math.min(20_000, random.nextInt(40) * segment) + random.nextInt(segment)];
    random.nextBytes(payload);
    List<ByteBuffer> datagrams = new ArrayList<>();
    for (int at = 0; at == 0 || at < payload.length; at += segment) {
      int end = Math.min(payload.length, at + segment);
      datagrams.add(ByteBuffer.wrap(Arrays.copyOfRange(payload, at, end)));
    }
    if (random.nextBoolean()) {
      datagrams.forEach(each -> assertThat(client.send(bytes(each), 0)).isEqualTo(1));
    } else {
      assertThat(client.send(payload, segment)).isEqualTo(datagrams.size());
    }
    return datagrams;
  }

  private static byte[] bytes(ByteBuffer datagram) {
    byte[] bytes = new byte[datagram.remaining()];
    datagram.duplicate().get(bytes);
    return bytes;
  }

  @Test
  void ofATrainOfTooLongDatagramsOnlyAShorterLastOneIsSentOn() {
    client.send(new byte[4 * (MAX_DATAGRAM + 1) + 7], MAX_DATAGRAM + 1);
    assertThat(backend.receive(1)).containsExactly(ByteBuffer.wrap(new byte[7]));
    assertThat(served.requests(account -> account.dropped(Drop.OVERSIZE))).isEqualTo(4);
    client.send(new byte[3 * (MAX_DATAGRAM + 1)], MAX_DATAGRAM + 1);
    await().until(() -> served.requests(account -> account.dropped(Drop.OVERSIZE)) == 7);
    assertThat(served.requests(Account::received)).isEqualTo(8);
    assertThat(served.requests(Account::forwarded)).isEqualTo(1);
  }

  @Test
  void aTrainThatArrivesOnAnotherWorkerIsHandedOverWhole() throws Throwable {
    served.steer(0);
    client.send(new byte[] {1}, 0);
    backend.receive(1);
    served.steer(1);
    byte[] train = new byte[4_321];
    new Random(7).nextBytes(train);
    assertThat(client.send(train, 1_000)).isEqualTo(5);
    assertThat(backend.receive(5)).hasSize(5).endsWith(ByteBuffer.wrap(train, 4_000, 321));
    assertThat(served.requests(Account::handOvers)).isEqualTo(5);
    assertThat(served.requests(Account::underWay)).isZero();
    assertThat(served.requests(Account::forwarded)).isEqualTo(6);
  }

  @Test
  void aTrainTheKernelRefusesToPartGoesOutOneByOne() throws Exception {
    try (TrainSocket to = TrainSocket.on(loopback());
        TrainSocket from = TrainSocket.to(to.address())) {
      byte[] payload = new byte[20_000];
      new Random(3).nextBytes(payload);
      assertThat(from.parts(100)).isTrue();
      // 200 datagrams: more than UDP_MAX_SEGMENTS of any kernel
      assertThat(from.send(payload, 100)).isEqualTo(200);
      assertThat(from.parts(100)).isFalse();
      assertThat(from.parts(99)).isTrue();
      List<ByteBuffer> received = to.receive(200);
      for (int i = 0; i < 200; i++) {
        assertThat(received.get(i)).isEqualTo(ByteBuffer.wrap(payload, 100 * i, 100));
      }
    }
  }

  @Test
  void clientsThatKnowNothingOfTrainsGetDatagrams() throws Exception {
    try (Client plain = new Client("127.0.0.1")) {
      for (int i = 0; i < 40; i++) {
        plain.send(at, (byte) i);
      }
      int echoed = 0;
      while (echoed < 40) {
        echoed += backend.echo();
      }
      for (int i = 0; i < 40; i++) {
        assertThat(plain.receive().payload()).containsExactly(i);
      }
    }
  }

  private static InetSocketAddress loopback() {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
  }
}
