package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.SluiceConfig;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EchoesTest {
  private static final int ANSWER_WITHIN_MS = 5_000;

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "::1"})
  void every_datagram_comes_back_byte_for_byte(String host) throws Exception {
    try (Echoes echoes = Echoes.open(List.of(echo("a", host, 0)));
        DatagramSocket client = client()) {
      for (int length : new int[] {0, 1, 1_200, 65_507}) {
        byte[] sent = new byte[length];
        new Random(length).nextBytes(sent);
        client.send(new DatagramPacket(sent, length, echoes.addresses().getFirst()));
        assertThat(receive(client)).isEqualTo(sent);
      }
    }
  }

  @Test
  void each_has_an_address_of_its_own() throws Exception {
    try (Echoes echoes =
        Echoes.open(List.of(echo("a", "127.0.0.1", 0), echo("b", "127.0.0.1", 0)))) {
      assertThat(echoes.size()).isEqualTo(2);
      assertThat(echoes.addresses()).doesNotHaveDuplicates().noneMatch(at -> at.getPort() == 0);
    }
  }

  @Test
  void close_returns_once_the_address_is_free() throws Exception {
    for (int round = 0; round < 50; round++) {
      Echoes echoes = Echoes.open(List.of(echo("a", "127.0.0.1", 0)));
      InetSocketAddress at = echoes.addresses().getFirst();
      echoes.close();
      try (var again = new DatagramSocket(at)) {
        assertThat(again.isBound()).isTrue();
      }
    }
  }

  @Test
  void an_address_in_use_fails_with_what_to_do_and_leaves_nothing_open() throws Exception {
    int free;
    try (var probe = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      free = probe.getLocalPort();
    }
    try (var taken = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      int port = taken.getLocalPort();
      assertThatThrownBy(
              () ->
                  Echoes.open(List.of(echo("a", "127.0.0.1", free), echo("b", "127.0.0.1", port))))
          .isInstanceOf(StartFailure.class)
          .hasMessageContainingAll(
              "echo backend 'b'", "127.0.0.1 port " + port + "/udp", "ss -lnup 'sport = :" + port);
    }
    try (var again = new DatagramSocket(free, InetAddress.getLoopbackAddress())) {
      assertThat(again.isBound()).isTrue();
    }
  }

  private static SluiceConfig.Echo echo(String name, String host, int port) throws Exception {
    return new SluiceConfig.Echo(
        name, new InetSocketAddress(InetAddress.getAllByName(host)[0], port));
  }

  private static DatagramSocket client() throws SocketException {
    var client = new DatagramSocket();
    client.setSoTimeout(ANSWER_WITHIN_MS);
    return client;
  }

  private static byte[] receive(DatagramSocket client) throws Exception {
    var packet = new DatagramPacket(new byte[65_535], 65_535);
    client.receive(packet);
    return Arrays.copyOf(packet.getData(), packet.getLength());
  }
}
