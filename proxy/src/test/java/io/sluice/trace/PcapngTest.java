package io.sluice.trace;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PcapngTest {
  private static final List<String> SIDES = List.of("front/dns", "pool/resolvers");

  @Test
  void aPacketSaysAllThatWasSeen() {
    Pcapng out = new Pcapng("test", SIDES, Pcapng.LONGEST, 1_000_000_000_000_000_000L);
    out.write(
        new Sighting(
            123_456_789,
            "pool/resolvers",
            false,
            at("192.0.2.1", 5_353),
            at("198.51.100.7", 53),
            3,
            "abc".getBytes(UTF_8),
            1,
            Drop.BACKPRESSURE,
            17,
            "a"));

    CapturedFile file = new CapturedFile(out.take());

    assertThat(file.sides).isEqualTo(SIDES);
    CapturedFile.Packet packet = file.packets.getFirst();
    assertThat(packet.side()).isEqualTo("pool/resolvers");
    assertThat(packet.epochNanos()).isEqualTo(1_000_000_000_123_456_789L);
    assertThat(packet.isInbound()).isFalse();
    assertThat(packet.comments()).containsExactly("dropped: BACKPRESSURE", "flow 17, backend a");
    assertThat(packet.originalBytes()).isEqualTo(31);
    // The header checksum, 4e92, and the UDP checksum, 3a1b, by another program.
    assertThat(HexFormat.of().formatHex(packet.bytes()))
        .isEqualTo("4500001f0000400040114e92c0000201c633640714e90035000b3a1b" + "616263");
  }

  @ParameterizedTest
  @ValueSource(strings = {"192.0.2.1", "2001:db8::1"})
  void checksumsAreThoseAReceiverWouldExpect(String ip) {
    Random random = new Random(7);
    for (int bytes : new int[] {0, 1, 2, 3, 100, 1_471, 65_507}) {
      byte[] payload = new byte[bytes];
      random.nextBytes(payload);
      Pcapng out = new Pcapng("test", SIDES, Pcapng.LONGEST, 0);
      out.write(seen(ip, bytes, payload));
      byte[] packet = new CapturedFile(out.take()).packets.getFirst().bytes();
      boolean ipv6 = packet[0] >> 4 == 6;
      int header = ipv6 ? 40 : 20;
      int udp = packet.length - header;
      long pseudo = sum(packet, ipv6 ? 8 : 12, header) + 17 + udp;
      assertThat(fold(pseudo + sum(packet, header, packet.length)))
          .as("UDP checksum of %d bytes", bytes)
          .isEqualTo(0xFFFF);
      if (!ipv6) {
        assertThat(fold(sum(packet, 0, 20))).as("header checksum").isEqualTo(0xFFFF);
      }
    }
  }

  @Test
  void whatIsCutSaysHowLongItWasAndHasNoChecksum() {
    Pcapng out = new Pcapng("test", SIDES, 60, 0);
    out.write(seen("192.0.2.1", 1_000, new byte[60]));
    CapturedFile.Packet packet = new CapturedFile(out.take()).packets.getFirst();
    assertThat(packet.bytes()).hasSize(60);
    assertThat(packet.originalBytes()).isEqualTo(1_028);
    assertThat(Arrays.copyOfRange(packet.bytes(), 26, 28)).containsExactly(0, 0);
  }

  @Test
  void statisticsSayWhatIsMissing() {
    Pcapng out = new Pcapng("test", SIDES, 60, 0);
    out.statistics("front/dns", 5, 10, 3, "why");
    assertThat(new CapturedFile(out.take()).statistics)
        .containsExactly(new CapturedFile.Statistics("front/dns", 10, 3, "why"));
  }

  private static Sighting seen(String ip, int bytes, byte[] payload) {
    return new Sighting(
        0, "front/dns", true, at(ip, 1_024), at(ip, 53), bytes, payload, 1, null, 0, null);
  }

  private static Address at(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }

  private static long sum(byte[] bytes, int from, int end) {
    long sum = 0;
    for (int i = from; i < end; i++) {
      sum += (long) (bytes[i] & 0xFF) << ((i - from) % 2 == 0 ? 8 : 0);
    }
    return sum;
  }

  private static long fold(long sum) {
    long folded = sum;
    while (folded > 0xFFFF) {
      folded = (folded & 0xFFFF) + (folded >>> 16);
    }
    return folded;
  }
}
