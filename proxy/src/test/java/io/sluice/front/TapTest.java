package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.buffer.ByteBuf;
import io.sluice.Client;
import io.sluice.filter.DatagramFilter;
import io.sluice.flow.CloseReason;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.TrainSocket;
import io.sluice.trace.AccessLog;
import io.sluice.trace.Capture;
import io.sluice.trace.CapturedFile;
import io.sluice.trace.CapturedFile.Packet;
import io.sluice.trace.Captures;
import io.sluice.trace.Recorder;
import io.sluice.trace.Sighting;
import io.sluice.trace.Traces;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a front leaves behind for people agrees with its books. */
@Timeout(60)
@EitherSocket
class TapTest {
  private static final String FRONT = "front/test";
  private static final String POOL = "pool/pool";

  private final Captures captures = new Captures("test", System::nanoTime);
  private final Traces traces = new Traces(captures, 100, 2, null);
  @AutoClose private final ServedFront served;

  TapTest(boolean connected) {
    served = new ServedFront().inRealTime().connected(connected).traces(traces);
  }

  @Test
  void everyDatagramIsSeenOnBothSidesWithWhatBecameOfIt() throws Exception {
    InetSocketAddress at =
        served.maxDatagram(1_000).limits(ServedFront.noLimits(100)).serve(served.echo());
    Capture capture = begin(Optional.empty());
    Random random = new Random(3);
    List<Client> clients = served.clients(5);
    for (int i = 0; i < 200; i++) {
      byte[] payload = new byte[random.nextInt(1_000)];
      random.nextBytes(payload);
      assertThat(clients.get(i % 5).ask(at, payload)).isEqualTo(payload);
      clients.get(i % 5).send(at, new byte[1_001 + random.nextInt(500)]);
    }
    await().until(() -> served.requests(Account::received) == 400);

    CapturedFile file = end(capture);

    assertAgrees(file);
    assertThat(file.packets).filteredOn(packet -> packet.drop().equals("OVERSIZE")).hasSize(200);
    for (Packet packet : file.packets) {
      assertThat(packet.comments())
          .anyMatch(comment -> comment.startsWith("flow ") || !packet.drop().isEmpty());
    }
  }

  @Test
  void datagramsOfTrainsAreSeenOneByOne() throws Exception {
    TrainSocket backend =
        served.add(TrainSocket.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)));
    InetSocketAddress at =
        served.maxDatagram(600).limits(ServedFront.noLimits(100)).serve(backend.address());
    TrainSocket client = served.add(TrainSocket.to(at));
    Capture capture = begin(Optional.empty());
    client.send(new byte[20 * 500 + 100], 500);
    int echoed = 0;
    while (echoed < 21) {
      echoed += backend.echo();
    }
    assertThat(client.receive(21)).hasSize(21);
    client.send(new byte[10 * 700 + 100], 700);
    await().until(() -> served.requests(account -> account.dropped(Drop.OVERSIZE)) == 10);

    CapturedFile file = end(capture);

    assertAgrees(file);
    assertThat(file.packets)
        .filteredOn(packet -> packet.side().equals(POOL) && packet.isInbound())
        .extracting(packet -> packet.payload().length)
        .contains(500, 100);
  }

  @Test
  void aRefusalIsSeenWithTheReasonOfTheBooks() throws Exception {
    InetSocketAddress at = served.limits(ServedFront.limits(1_000, 1_000, 1)).serve(served.echo());
    Capture capture = begin(Optional.empty());
    Client client = served.client();
    client.ask(at, (byte) 1);
    Client other = served.client();
    other.send(at, (byte) 2);
    await().until(() -> served.requests(account -> account.dropped(Drop.FLOW_RATE)) == 1);

    CapturedFile file = end(capture);

    assertAgrees(file);
    Packet refused =
        file.packets.stream()
            .filter(packet -> packet.drop().equals("FLOW_RATE"))
            .findFirst()
            .orElseThrow();
    assertThat(refused.side()).isEqualTo(FRONT);
    assertThat(refused.isInbound()).isTrue();
    assertThat(refused.payload()).containsExactly(2);
  }

  @Test
  void anAddressThatComesLaterIsSeenToo() throws Exception {
    Address first = ServedFront.any("127.0.0.1");
    InetSocketAddress at = served.listen(first).serve(served.echo());
    Capture capture = begin(Optional.empty());
    served.client().ask(at, (byte) 1);
    served.become(
        last ->
            new Front.Spec(
                last.name(),
                List.of(first, ServedFront.any("127.0.0.2")),
                last.limits(),
                last.course()));
    InetSocketAddress added = served.front().bound().getLast().toInetSocketAddress();
    served.client("127.0.0.2").ask(added, (byte) 2);

    CapturedFile file = end(capture);

    assertAgrees(file);
    assertThat(file.packets).filteredOn(packet -> packet.payload()[0] == 2).hasSize(4);
  }

  @Test
  void whatAFilterRefusesOfATrainIsSeenAsItWas() throws Exception {
    DatagramFilter noSevens =
        new DatagramFilter() {
          @Override
          public boolean onRequest(ByteBuf payload, long nowNs) {
            return payload.getByte(payload.readerIndex()) != 7;
          }

          @Override
          public boolean onReply(ByteBuf payload, long nowNs) {
            return payload.getByte(payload.readerIndex()) != 5;
          }
        };
    TrainSocket backend =
        served.add(TrainSocket.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0)));
    InetSocketAddress at =
        served
            .limits(ServedFront.noLimits(100))
            .filters(request -> noSevens)
            .serve(backend.address());
    TrainSocket client = served.add(TrainSocket.to(at));
    Capture capture = begin(Optional.empty());
    byte[] train = new byte[10 * 200];
    for (int i = 0; i < 10; i++) {
      Arrays.fill(train, i * 200, (i + 1) * 200, (byte) i);
    }
    client.send(train, 200);
    int echoed = 0;
    while (echoed < 9) {
      echoed += backend.echo();
    }
    assertThat(client.receive(8)).hasSize(8);

    CapturedFile file = end(capture);

    assertAgrees(file);
    assertThat(file.packets)
        .filteredOn(packet -> packet.drop().equals("FILTER"))
        .extracting(packet -> packet.isInbound() + " " + packet.payload()[199])
        .containsExactlyInAnyOrder("true 7", "false 5");
  }

  @Test
  void onlyTheClientAskedForIsSeen() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client wanted = served.client();
    Client other = served.client();
    Capture capture =
        begin(
            Optional.of(
                new Capture.Client(wanted.address().getAddress(), wanted.address().getPort())));
    wanted.ask(at, (byte) 1);
    other.ask(at, (byte) 2);
    wanted.ask(at, (byte) 3);

    CapturedFile file = end(capture);

    assertThat(file.packets).hasSize(8).noneMatch(packet -> packet.payload()[0] == 2);
  }

  @Test
  void theRecorderHasTheLastOfAll() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client client = served.client();
    for (int i = 0; i < 150; i++) {
      client.ask(at, (byte) i);
    }
    client.send(at, new byte[1_501]);
    await().until(() -> served.requests(account -> account.dropped(Drop.OVERSIZE)) == 1);
    Recorder recorder = Objects.requireNonNull(traces.recorder(served.flow().worker().index()));
    Recorder other = Objects.requireNonNull(traces.recorder(1 - served.flow().worker().index()));
    List<Sighting> entries = new CopyOnWriteArrayList<>();
    served.workers.onEach(
        worker ->
            entries.addAll(
                worker == served.flow().worker() ? recorder.entries() : other.entries()));
    Sighting last =
        entries.stream().filter(entry -> entry.drop() == Drop.OVERSIZE).findFirst().orElseThrow();
    assertThat(last.bytes()).isEqualTo(1_501);
    assertThat(last.payload()).hasSize(Recorder.PAYLOAD_BYTES);
    assertThat(entries.stream().filter(Sighting::inbound).filter(entry -> entry.drop() == null))
        .hasSizeGreaterThanOrEqualTo(49)
        .allSatisfy(
            entry -> {
              assertThat(entry.from().toInetSocketAddress()).isEqualTo(client.address());
              assertThat(entry.to().toInetSocketAddress()).isEqualTo(at);
              assertThat(entry.backend()).isEqualTo("b0");
            });
  }

  private Capture begin(Optional<Capture.Client> client) {
    Capture.Spec spec =
        new Capture.Spec(
            Optional.empty(), client, 1_000_000, Duration.ofHours(1), 1, Capture.SNAPLEN_MAX);
    Capture capture =
        captures.begin(spec, List.of(FRONT, POOL), 2, ended -> served.front().hide(ended));
    served.front().show(capture);
    served.workers.onEach(worker -> {});
    return capture;
  }

  private CapturedFile end(Capture capture) {
    served.workers.onEach(worker -> {});
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    byte[] chunk = capture.next();
    while (chunk.length > 0) {
      file.writeBytes(chunk);
      chunk = capture.next();
    }
    capture.close();
    assertThat(captures.lost()).isZero();
    return new CapturedFile(file.toByteArray());
  }

  private void assertAgrees(CapturedFile file) {
    var seen =
        file.packets.stream()
            .collect(
                Collectors.groupingBy(
                    packet ->
                        packet.side() + (packet.isInbound() ? " in " : " out ") + packet.drop(),
                    TreeMap::new,
                    Collectors.counting()));
    var booked = new TreeMap<String, Long>();
    for (Drop drop : Drop.values()) {
      booked.put(FRONT + " in " + drop, served.requests(account -> account.dropped(drop)));
      booked.put(FRONT + " out " + drop, served.replies(account -> account.dropped(drop)));
    }
    booked.put(FRONT + " in ", served.requests(Account::forwarded));
    booked.put(POOL + " out ", served.requests(Account::forwarded));
    booked.put(POOL + " in ", served.replies(Account::received));
    booked.put(FRONT + " out ", served.replies(Account::forwarded));
    booked.values().removeIf(count -> count == 0);
    assertThat(seen).isEqualTo(booked);
  }

  @Test
  void aFlowThatEndsIsInTheAccessLog(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("access.log");
    AccessLog log = AccessLog.open(new AccessLog.Spec(file.toString(), 1, 1 << 30, 7, 1 << 30), 2);
    InetSocketAddress at = served.traces(new Traces(captures, 0, 2, log)).serve(served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1, (byte) 2);
    client.ask(at, (byte) 3);
    served.awaitPeerSockets(1);
    served.flow().close(CloseReason.IDLE);
    await().until(() -> log.lines() == 1);
    log.close();
    assertThat(Files.readString(file))
        .contains(
            "\"front\":\"test\"", "\"pool\":\"pool\"", "\"backend\":\"b0\"", "\"reason\":\"IDLE\"")
        .contains("\"client\":\"127.0.0.1:" + client.address().getPort() + "\"")
        .contains("\"local\":\"127.0.0.1:" + at.getPort() + "\"")
        .contains("\"requests\":2,\"replies\":2,\"requestBytes\":3,\"replyBytes\":3,")
        .contains("\"firstReplySeconds\":")
        .endsWith("}\n");
  }
}
