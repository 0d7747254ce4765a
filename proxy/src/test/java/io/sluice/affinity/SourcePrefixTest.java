package io.sluice.affinity;

import static io.sluice.affinity.KeyExtractorContract.client;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SourcePrefixTest implements KeyExtractorContract {
  @Override
  public KeyExtractor extractor() {
    return Keys.sourcePrefix(24, 56);
  }

  @Test
  void keysNeverChangeBetweenReleases() {
    assertThat(keyOf(extractor(), "192.0.2.1")).isEqualTo(0x57fa38b8bf55cb87L);
    assertThat(keyOf(extractor(), "2001:db8:1:234::1")).isEqualTo(0x883f758a25f74fadL);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 8, 24, 31, 32})
  void onlyTheLeadingBitsOfIpv4Count(int bits) {
    KeyExtractor prefix = Keys.sourcePrefix(bits, 1);
    assertAvalanche(ip -> prefix.keyOf(client(ip, 53), Unpooled.EMPTY_BUFFER), 4, 0, bits);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 48, 63, 64, 65, 127, 128})
  void onlyTheLeadingBitsOfIpv6Count(int bits) {
    KeyExtractor prefix = Keys.sourcePrefix(1, bits);
    assertAvalanche(ip -> prefix.keyOf(client(ip, 53), Unpooled.EMPTY_BUFFER), 16, 0, bits);
  }

  @Test
  void fullPrefixIsTheSourceIp() {
    for (String ip : new String[] {"192.0.2.1", "2001:db8::1"}) {
      assertThat(keyOf(Keys.sourcePrefix(32, 128), ip)).isEqualTo(keyOf(Keys.sourceIp(), ip));
    }
  }

  @Test
  void prefixIsItsFirstAddress() {
    assertThat(keyOf(extractor(), "192.0.2.77")).isEqualTo(keyOf(Keys.sourceIp(), "192.0.2.0"));
    assertThat(keyOf(extractor(), "2001:db8:1:234::1"))
        .isEqualTo(keyOf(Keys.sourceIp(), "2001:db8:1:200::"));
  }

  @ParameterizedTest
  @CsvSource({"0,1,0,32", "33,1,33,32", "-1,1,-1,32", "1,0,0,128", "1,129,129,128"})
  void lengthsOutsideTheAddressAreRefused(int v4Bits, int v6Bits, int wrong, int max) {
    assertThatThrownBy(() -> Keys.sourcePrefix(v4Bits, v6Bits))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a prefix of " + wrong + " bits is not within 1 to " + max);
  }

  private static long keyOf(KeyExtractor extractor, String ip) {
    return extractor.keyOf(client(ip, 53), Unpooled.EMPTY_BUFFER);
  }
}
