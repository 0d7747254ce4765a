package io.sluice.trace;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RecorderTest {
  private static final Address CLIENT = at("192.0.2.1", 5_353);

  private final Recorder recorder = new Recorder(3);

  @Test
  void theOldestGoFirst() {
    assertThat(recorder.entries()).isEmpty();
    for (int i = 1; i <= 2; i++) {
      enter(i, at("198.51.100.7", 53), null);
    }
    assertThat(recorder.entries()).extracting(Sighting::atNanos).containsExactly(1L, 2L);
    for (int i = 3; i <= 7; i++) {
      enter(i, at("198.51.100.7", 53), null);
    }
    assertThat(recorder.entries()).extracting(Sighting::atNanos).containsExactly(5L, 6L, 7L);
  }

  @Test
  void anEntryIsWhatWasSeen() {
    enter(1, at("198.51.100.7", 53), Drop.FLOW_RATE);
    Sighting seen = recorder.entries().getFirst();
    assertThat(seen.side()).isEqualTo("front/dns");
    assertThat(seen.inbound()).isTrue();
    assertThat(seen.from()).isEqualTo(CLIENT);
    assertThat(seen.to()).isEqualTo(at("198.51.100.7", 53));
    assertThat(seen.bytes()).isEqualTo(1_200);
    assertThat(seen.payload()).hasSize(64).startsWith(1, 0).endsWith(0, 9);
    assertThat(seen.drop()).isEqualTo(Drop.FLOW_RATE);
    assertThat(seen.note()).isEqualTo("flow 17, backend a, the first of a train of 44");
  }

  @Test
  void onAWildcardItKnowsTheAddressThatWasUsed() {
    enter(1, at("0.0.0.0", 53), null);
    assertThat(recorder.entries().getFirst().to()).isEqualTo(at("198.51.100.7", 53));
  }

  @Test
  void aCopyStaysAsItWas() {
    enter(1, at("198.51.100.7", 53), null);
    Recorder copy = recorder.copy();
    for (int i = 2; i <= 7; i++) {
      enter(i, at("198.51.100.7", 53), Drop.FLOW_RATE);
    }
    assertThat(copy.entries()).extracting(Sighting::atNanos).containsExactly(1L);
    assertThat(copy.entries().getFirst().drop()).isNull();
    assertThat(copy.entries().getFirst().payload()).startsWith(1);
  }

  private void enter(long at, Address listen, @Nullable Drop drop) {
    Recorder.Place place = new Recorder.Place("front/dns", listen);
    int entry = recorder.enter(at, place, true, drop, 17, "a", 1_200, 44);
    long[] words = recorder.words();
    int first = recorder.wordsAt(entry);
    words[first] = CLIENT.head();
    words[first + 4] = at("198.51.100.7", 53).head() >>> 32;
    recorder.payloads()[recorder.payloadAt(entry)] = (byte) at;
    recorder.payloads()[recorder.payloadAt(entry) + 63] = 9;
  }

  private static Address at(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
