package io.sluice.affinity;

import static io.sluice.affinity.KeyExtractorContract.client;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PayloadBytesTest implements KeyExtractorContract {
  private static final InetSocketAddress CLIENT = client("192.0.2.1", 53);

  @Override
  public KeyExtractor extractor() {
    return Keys.payload(3, 20);
  }

  @Test
  void keysNeverChangeBetweenReleases() {
    byte[] bytes = counting(64);
    assertThat(keyOf(Keys.payload(0, 1), bytes)).isEqualTo(0x9ca066f1a4ab2eeaL);
    assertThat(keyOf(Keys.payload(0, 8), bytes)).isEqualTo(0x76d92ee30befbb74L);
    assertThat(keyOf(Keys.payload(4, 13), bytes)).isEqualTo(0x094eb927b8bb4b92L);
    assertThat(keyOf(Keys.payload(0, 64), bytes)).isEqualTo(0x0000250080f4ff0eL);
    assertThat(keyOf(Keys.payload(0, 8), new byte[8])).isEqualTo(0x9ca066f1a4ab2eeaL);
  }

  @Test
  void clientDoesNotCount() {
    ByteBuf payload = Unpooled.wrappedBuffer(counting(23));
    assertThat(extractor().keyOf(client("2001:db8::1", 7), payload))
        .isEqualTo(extractor().keyOf(CLIENT, payload));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 8, 9, 16, 63, 64})
  void exactlyTheNamedBytesCount(int length) {
    KeyExtractor extractor = Keys.payload(5, length);
    assertAvalanche(bytes -> keyOf(extractor, bytes), 5 + length + 2, 5 * 8, length * 8);
  }

  @Test
  void datagramOneByteTooShortFallsBackToTheSourceAddress() {
    long fallback = Keys.sourceAddress().keyOf(CLIENT, Unpooled.EMPTY_BUFFER);
    for (int length = 0; length < 23; length++) {
      assertThat(keyOf(extractor(), counting(length))).as("%d bytes", length).isEqualTo(fallback);
    }
    assertThat(keyOf(extractor(), counting(23))).isNotEqualTo(fallback);
  }

  @Test
  void offsetsBeyondAnyDatagramFallBackToo() {
    long fallback = Keys.sourceAddress().keyOf(CLIENT, Unpooled.EMPTY_BUFFER);
    assertThat(keyOf(Keys.payload(Integer.MAX_VALUE, 64), counting(64))).isEqualTo(fallback);
    assertThat(keyOf(Keys.payload(64, 1), counting(64))).isEqualTo(fallback);
  }

  @Test
  void everyByteValueMakesAKeyOfItsOwn() {
    Set<Long> keys = new HashSet<>();
    for (int b = 0; b < 256; b++) {
      keys.add(keyOf(Keys.payload(0, 1), new byte[] {(byte) b}));
    }
    assertThat(keys).hasSize(256);
  }

  @Test
  void keysWithoutAllocating() {
    ByteBuf payload = Unpooled.wrappedBuffer(counting(64));
    KeyExtractor extractor = Keys.payload(0, 64);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long key = extractor.keyOf(CLIENT, payload); // loads classes
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 10_000; i++) {
      key ^= extractor.keyOf(CLIENT, payload);
    }
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(key).isNotZero();
    assertThat(bytes).as("bytes for 10,000 keys").isLessThan(10_000);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "-1 | 8 | offset -1 is negative",
        "0 | 0 | length 0 is not within 1 to 64 bytes",
        "0 | 65 | length 65 is not within 1 to 64 bytes"
      })
  void impossiblePlacesAreRefused(int offset, int length, String message) {
    assertThatThrownBy(() -> Keys.payload(offset, length))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  private static long keyOf(KeyExtractor extractor, byte[] payload) {
    return extractor.keyOf(CLIENT, Unpooled.wrappedBuffer(payload));
  }

  /** 0, 1, 2, ... */
  private static byte[] counting(int length) {
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = (byte) i;
    }
    return Arrays.copyOf(bytes, length);
  }
}
