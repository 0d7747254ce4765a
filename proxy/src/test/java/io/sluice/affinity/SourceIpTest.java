package io.sluice.affinity;

import static io.sluice.affinity.KeyExtractorContract.client;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class SourceIpTest implements KeyExtractorContract {
  @Override
  public KeyExtractor extractor() {
    return Keys.sourceIp();
  }

  @Test
  void keysNeverChangeBetweenReleases() {
    assertThat(keyOf("192.0.2.1", 53)).isEqualTo(0xc838411ad05f3405L);
    assertThat(keyOf("0.0.0.0", 53)).isEqualTo(0x7bac73c7b797629aL);
    assertThat(keyOf("2001:db8::1", 53)).isEqualTo(0xfd26d1dd9984a4cfL);
    assertThat(keyOf("::", 53)).isEqualTo(0x6393d51c06c618dcL);
  }

  @Test
  void portDoesNotCount() {
    assertThat(keyOf("192.0.2.1", 53)).isEqualTo(keyOf("192.0.2.1", 54));
    assertThat(keyOf("2001:db8::1", 53)).isEqualTo(keyOf("2001:db8::1", 54));
  }

  @Test
  void payloadDoesNotCount() {
    InetSocketAddress client = client("192.0.2.1", 53);
    assertThat(extractor().keyOf(client, Unpooled.wrappedBuffer(new byte[] {1, 2, 3})))
        .isEqualTo(extractor().keyOf(client, Unpooled.EMPTY_BUFFER));
  }

  @Test
  void scopeDoesNotCount() throws UnknownHostException {
    byte[] linkLocal = InetAddress.ofLiteral("fe80::1").getAddress();
    var scoped = new InetSocketAddress(Inet6Address.getByAddress(null, linkLocal, 1), 53);
    assertThat(extractor().keyOf(scoped, Unpooled.EMPTY_BUFFER)).isEqualTo(keyOf("fe80::1", 53));
  }

  @Test
  void ipv4CompatibleIpv6IsNotTheIpv4Address() {
    assertThat(keyOf("::192.0.2.1", 53)).isNotEqualTo(keyOf("192.0.2.1", 53));
  }

  @Test
  void everyBitOfTheAddressFlipsHalfTheKey() {
    assertAvalanche(this::keyOf, 4, 0, 32);
    assertAvalanche(this::keyOf, 16, 0, 128);
  }

  private long keyOf(byte[] ip) {
    return extractor().keyOf(client(ip, 53), Unpooled.EMPTY_BUFFER);
  }

  private long keyOf(String ip, int port) {
    return extractor().keyOf(client(ip, port), Unpooled.EMPTY_BUFFER);
  }
}
