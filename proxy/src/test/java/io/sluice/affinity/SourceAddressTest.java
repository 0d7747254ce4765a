package io.sluice.affinity;

import static io.sluice.affinity.KeyExtractorContract.client;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

class SourceAddressTest implements KeyExtractorContract {
  @Override
  public KeyExtractor extractor() {
    return Keys.sourceAddress();
  }

  @Test
  void keysNeverChangeBetweenReleases() {
    assertThat(keyOf("192.0.2.1", 53)).isEqualTo(0x2feedf4088f92d84L);
    assertThat(keyOf("192.0.2.1", 65_535)).isEqualTo(0xce1e4da88c22cb22L);
    assertThat(keyOf("2001:db8::1", 53)).isEqualTo(0x63d187187f23eff6L);
    assertThat(keyOf("::", 0)).isEqualTo(0x365afc61535b3920L);
  }

  @Test
  void payloadDoesNotCount() {
    assertThat(
            extractor().keyOf(client("192.0.2.1", 53), Unpooled.wrappedBuffer(new byte[] {1, 2})))
        .isEqualTo(keyOf("192.0.2.1", 53));
  }

  @Test
  void everyBitOfAddressAndPortFlipsHalfTheKey() {
    assertAvalanche(bytes -> keyOf(bytes, 4), 4 + 2, 0, 48);
    assertAvalanche(bytes -> keyOf(bytes, 16), 16 + 2, 0, 144);
  }

  /** The key of {@code ipBytes} bytes of address, then two of port. */
  private long keyOf(byte[] bytes, int ipBytes) {
    byte[] ip = java.util.Arrays.copyOf(bytes, ipBytes);
    int port = Short.toUnsignedInt(ByteBuffer.wrap(bytes).getShort(ipBytes));
    return extractor().keyOf(client(ip, port), Unpooled.EMPTY_BUFFER);
  }

  private long keyOf(String ip, int port) {
    return extractor().keyOf(client(ip, port), Unpooled.EMPTY_BUFFER);
  }
}
