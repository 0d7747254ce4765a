package io.sluice.filter;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.Unpooled;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AccessListTest implements FilterContract {
  private static final Network TEN = network("10.0.0.0", 8);

  @Override
  public DatagramFilter.Factory factory() {
    return Filters.accessList(
        List.of(network("10.0.0.0", 15)),
        List.of(network("10.0.0.2", 31), network("10.1.0.1", 32)));
  }

  @ParameterizedTest
  @CsvSource({
    "10.1.2.3, true",
    "10.66.255.255, false",
    "11.0.0.0, false",
    "2001:db8::1, true",
    "2001:db9::1, false",
    "::1, false"
  })
  void whatIsDeniedIsDeniedAndOnlyWhatIsAllowedPasses(String client, boolean passes) {
    var list =
        Filters.accessList(
            List.of(TEN, network("10.66.6.6", 32), network("2001:db8::", 32)),
            List.of(network("10.66.0.0", 16)));
    assertThat(list.open(request(ip(client)))).isEqualTo(passes ? Filters.PASS : Filters.DENY);
  }

  @Test
  void withNobodyAllowedByNameEverybodyIsButThoseDenied() {
    var list = Filters.accessList(List.of(), List.of(TEN));
    assertThat(list.open(request(ip("10.1.2.3")))).isEqualTo(Filters.DENY);
    assertThat(list.open(request(ip("192.0.2.1")))).isEqualTo(Filters.PASS);
    assertThat(list.open(request(ip("::1")))).isEqualTo(Filters.PASS);
  }

  @Test
  void anAddressInItsMappedFormIsTheSameAddress() throws Exception {
    byte[] mapped = new byte[16];
    mapped[10] = -1;
    mapped[11] = -1;
    mapped[12] = 10;
    InetAddress client = java.net.Inet6Address.getByAddress(null, mapped, 0);
    var list = Filters.accessList(List.of(), List.of(TEN));
    assertThat(list.open(request(client))).isEqualTo(Filters.DENY);
  }

  @Test
  void noNetworkOfOneFamilyHoldsAnAddressOfTheOther() {
    var none = Filters.accessList(List.of(network("0.0.0.0", 0)), List.of());
    assertThat(none.open(request(ip("::1")))).isEqualTo(Filters.DENY);
    assertThat(none.open(request(ip("255.255.255.255")))).isEqualTo(Filters.PASS);
  }

  @Test
  void theReasonNamesTheNetwork() {
    var list = Filters.accessList(List.of(TEN), List.of(network("10.66.0.0", 16)));
    assertThat(Stream.of("10.1.2.3", "10.66.1.1", "192.0.2.1").map(c -> why(list, c)))
        .containsExactly(
            "10.1.2.3 is in 10.0.0.0/8, which is allowed",
            "10.66.1.1 is in 10.66.0.0/16, which is denied",
            "192.0.2.1 is in none of the 1 networks allowed");
  }

  private static String why(DatagramFilter.Factory list, String client) {
    return list.explain(request(ip(client))).why();
  }

  /** Against big integers, which know nothing of words and masks. */
  @Test
  void aNetworkHoldsTheAddressesThatBeginWithItsBits() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 5_000; i++) {
      int bytes = random.nextBoolean() ? 4 : 16;
      byte[] base = new byte[bytes];
      random.nextBytes(base);
      base[0] = 0x20; // no mapped address
      byte[] client = base.clone();
      for (int flips = random.nextInt(3); flips > 0; flips--) {
        int bit = 8 + random.nextInt(8 * bytes - 8);
        client[bit / 8] ^= (byte) (0x80 >> bit % 8);
      }
      int bits = random.nextInt(8 * bytes + 1);
      int rest = 8 * bytes - bits;
      boolean same =
          new BigInteger(1, base)
              .shiftRight(rest)
              .equals(new BigInteger(1, client).shiftRight(rest));
      var list =
          Filters.accessList(List.of(Network.of(InetAddress.getByAddress(base), bits)), List.of());
      assertThat(list.open(request(InetAddress.getByAddress(client))))
          .as("seed %d, %d", seed, i)
          .isEqualTo(same ? Filters.PASS : Filters.DENY);
    }
  }

  private static InetAddress ip(String text) {
    return InetAddress.ofLiteral(text);
  }

  private static Network network(String address, int bits) {
    return Network.of(ip(address), bits);
  }

  private static FlowRequest request(InetAddress client) {
    var from = new InetSocketAddress(client, 7);
    return new FlowRequest("front", from, from, Unpooled.EMPTY_BUFFER, START_NS);
  }
}
