package io.sluice.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.net.Address;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class CaptureTest {
  private static final List<String> SIDES = List.of("front/dns", "pool/resolvers");

  private final AtomicLong clock = new AtomicLong(1_000);
  private final Captures captures = new Captures("test", clock::get);
  private final ByteArrayOutputStream file = new ByteArrayOutputStream();

  @Test
  void endsAtItsLimitAndSaysSo() {
    Capture capture = begin(5, Duration.ofMinutes(1), 1);
    for (int i = 0; i < 8; i++) {
      capture.feed(i % 2).offer(seen(i));
    }
    CapturedFile read = read(capture);
    assertThat(capture.isEnded()).isTrue();
    assertThat(read.packets).hasSize(5);
    assertThat(read.statistics)
        .containsExactly(
            new CapturedFile.Statistics("front/dns", 5, 0, "5 of at most 5, 0 lost"),
            new CapturedFile.Statistics("pool/resolvers", 0, 0, "5 of at most 5, 0 lost"));
    assertThat(capture.feed(0).wants(client(1), 1)).as("more").isFalse();
    assertThat(capture.next()).isEmpty();
  }

  @Test
  void endsWhenItsTimeIsOverWithAllThatWasSeen() {
    Capture capture = begin(100, Duration.ofSeconds(3), 1);
    capture.feed(1).offer(seen(2));
    capture.feed(0).offer(seen(1));
    clock.addAndGet(Duration.ofSeconds(3).toNanos() - 1);
    append(capture);
    assertThat(capture.isEnded()).isFalse();
    clock.incrementAndGet();
    CapturedFile read = read(capture);
    assertThat(capture.isEnded()).isTrue();
    assertThat(read.packets)
        .extracting(packet -> packet.payload()[0])
        .containsExactly((byte) 1, (byte) 2);
  }

  @Test
  void whatThereIsNoRoomForIsCountedByItsSide() {
    Capture capture = begin(100_000, Duration.ofSeconds(1), 1);
    for (int i = 0; i < 5_000; i++) {
      capture.feed(0).offer(seen(i));
    }
    assertThat(captures.lost()).isEqualTo(5_000 - 4_096);
    clock.addAndGet(Duration.ofSeconds(1).toNanos());
    CapturedFile read = read(capture);
    assertThat(read.packets).hasSize(4_096);
    assertThat(read.statistics.getFirst())
        .isEqualTo(
            new CapturedFile.Statistics(
                "front/dns", 5_000, 904, "4096 of at most 100000, 904 lost"));
    capture.close();
    assertThat(captures.lost()).isEqualTo(904);
  }

  @Test
  void aQueueOfLargeDatagramsIsBoundedByItsBytes() {
    Capture capture = begin(100_000, Duration.ofSeconds(1), 1);
    byte[] large = new byte[60_000];
    for (int i = 0; i < 100; i++) {
      capture
          .feed(0)
          .offer(
              new Sighting(
                  0, "front/dns", true, client(1), client(2), 60_000, large, 1, null, 0, null));
    }
    assertThat(captures.lost()).isEqualTo(100 - (4 << 20) / 60_000);
  }

  @Test
  void onlyTheClientAskedForIsWanted() {
    InetAddress ip = InetAddress.ofLiteral("192.0.2.1");
    Capture host = begin(spec(Optional.of(new Capture.Client(ip, 0)), 1));
    assertThat(host.feed(0).wants(at("192.0.2.1", 7), 1)).isTrue();
    assertThat(host.feed(0).wants(at("192.0.2.2", 7), 1)).isFalse();
    Capture socket = begin(spec(Optional.of(new Capture.Client(ip, 9)), 1));
    assertThat(socket.feed(0).wants(at("192.0.2.1", 7), 1)).isFalse();
    assertThat(socket.feed(0).wants(at("192.0.2.1", 9), 1)).isTrue();
  }

  @Test
  void aSampleIsOfClientsEachWholly() {
    Capture capture = begin(spec(Optional.empty(), 0.25));
    int wanted = 0;
    for (int hash = 0; hash < 10_000; hash++) {
      boolean first = capture.feed(0).wants(client(1), hash);
      assertThat(capture.feed(1).wants(client(1), hash)).isEqualTo(first);
      wanted += first ? 1 : 0;
    }
    assertThat(wanted).isBetween(2_000, 3_000);
  }

  @Test
  void whileNothingIsSeenItSaysThatItIsThere() {
    Capture capture = begin(10, Duration.ofMinutes(1), 1);
    append(capture);
    int before = file.size();
    clock.addAndGet(Duration.ofSeconds(6).toNanos());
    assertThat(read(capture).statistics).hasSize(1);
    assertThat(file.size()).isGreaterThan(before);
    append(capture);
    assertThat(read(capture).statistics).hasSize(1);
  }

  @Test
  void atMostTwoRunAtATime() {
    Capture first = begin(1, Duration.ofMinutes(1), 1);
    begin(1, Duration.ofMinutes(1), 1);
    assertThatThrownBy(() -> begin(1, Duration.ofMinutes(1), 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("2 captures run already; wait until one has ended");
    first.close();
    first.close();
    assertThat(captures.running()).isEqualTo(1);
    begin(1, Duration.ofMinutes(1), 1);
  }

  private Capture begin(int limit, Duration duration, double sample) {
    return begin(
        new Capture.Spec(
            Optional.empty(), Optional.empty(), limit, duration, sample, Capture.SNAPLEN_MAX));
  }

  private static Capture.Spec spec(Optional<Capture.Client> client, double sample) {
    return new Capture.Spec(Optional.empty(), client, 10, Duration.ofMinutes(1), sample, 100);
  }

  private Capture begin(Capture.Spec spec) {
    return captures.begin(spec, SIDES, 2, ended -> {});
  }

  private void append(Capture capture) {
    file.writeBytes(capture.next());
  }

  private CapturedFile read(Capture capture) {
    for (int chunks = 0; chunks < 20; chunks++) {
      append(capture);
    }
    return new CapturedFile(file.toByteArray());
  }

  private static Sighting seen(int number) {
    byte[] payload = {(byte) number};
    return new Sighting(
        number, "front/dns", true, client(number), client(0), 1, payload, 1, null, 0, null);
  }

  private static Address client(int number) {
    return at("192.0.2.1", 1_024 + number % 10_000);
  }

  private static Address at(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
