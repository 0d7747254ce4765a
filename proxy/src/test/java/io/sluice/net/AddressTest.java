package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressTest {
  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 53",
    "0.0.0.0, 0",
    "255.255.255.255, 65535",
    "127.0.0.1, 32768",
    "2001:db8::1, 53",
    "::, 0",
    "::1, 65535",
    "ff02::fb, 5353"
  })
  void survivesTheWayToKernelWordsAndBack(String ip, int port) {
    InetSocketAddress address = new InetSocketAddress(InetAddress.ofLiteral(ip), port);

    Address words = Address.of(address);

    assertThat(words.toInetSocketAddress()).isEqualTo(address);
    assertThat(words.port()).isEqualTo(port);
    assertThat(words.isIpv6()).isEqualTo(ip.contains(":"));
  }

  @Test
  void keepsAScopeAndAMappedAddress() throws Exception {
    byte[] linkLocal = InetAddress.ofLiteral("fe80::1").getAddress();
    Address scoped =
        Address.of(new InetSocketAddress(Inet6Address.getByAddress(null, linkLocal, 7), 1));
    assertThat(scoped.scope()).isEqualTo(7);
    assertThat(((Inet6Address) scoped.toInetSocketAddress().getAddress()).getScopeId())
        .isEqualTo(7);

    byte[] mapped = new byte[16];
    mapped[10] = mapped[11] = (byte) 0xFF;
    mapped[12] = 127;
    mapped[15] = 1;
    Inet6Address v6 = Inet6Address.getByAddress(null, mapped, 0);
    assertThat(Address.of(new InetSocketAddress(v6, 1)).toInetSocketAddress().getAddress())
        .isInstanceOf(Inet6Address.class);
  }

  @Test
  void knowsWildcards() {
    assertThat(address("0.0.0.0", 53).isWildcard()).isTrue();
    assertThat(address("::", 53).isWildcard()).isTrue();
    assertThat(address("127.0.0.1", 53).isWildcard()).isFalse();
    assertThat(address("::1", 53).isWildcard()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 53, true",
    "0.0.0.1, 53, true",
    "223.255.255.255, 53, true",
    "240.0.0.1, 53, true",
    "255.255.255.254, 53, true",
    "192.0.2.1, 0, false",
    "0.0.0.0, 53, false",
    "224.0.0.1, 53, false",
    "239.255.255.255, 53, false",
    "255.255.255.255, 53, false",
    "2001:db8::1, 53, true",
    "fe80::1, 53, true",
    "::1, 53, true",
    "2001:db8::1, 0, false",
    "::, 53, false",
    "ff02::1, 53, false"
  })
  void knowsWhatCanBeAnswered(String ip, int port, boolean answerable) {
    Address address = address(ip, port);
    assertThat(Address.isAnswerable(address.head(), address.hi(), address.lo()))
        .isEqualTo(answerable);
  }

  @Test
  void readsLikeAnAddress() {
    assertThat(address("192.0.2.1", 53)).hasToString("192.0.2.1:53");
    assertThat(address("2001:db8::1", 53)).hasToString("[2001:db8::1]:53");
  }

  private static Address address(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
