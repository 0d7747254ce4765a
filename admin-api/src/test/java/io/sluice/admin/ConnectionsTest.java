package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import java.net.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who has to go; that those who have proven something stay is ConnectionTest's. */
class ConnectionsTest {
  private long now;
  private final Connections connections = new Connections(() -> now);

  /** A connection from somewhere. */
  private static final class From extends EmbeddedChannel {
    private final String host;
    private final int port;

    From(int port) {
      this("192.0.2.1", port);
    }

    From(String host, int port) {
      this.host = host;
      this.port = port;
    }

    @Override
    protected SocketAddress remoteAddress0() {
      return CannedAppliance.address(host, port);
    }
  }

  @Test
  void aNewcomerTakesThePlaceOfTheOldestThatHasProvenNothing() {
    List<From> all = open(1, Connections.MAX);
    assertThat(all).allMatch(From::isOpen);
    From late = new From(1_000);
    assertThat(connections.admit(late)).isTrue();
    assertThat(all.removeFirst().isOpen()).isFalse();
    assertThat(all).allMatch(From::isOpen);
    assertThat(late.isOpen()).isTrue();
  }

  @Test
  void whoHasTheMostConnectionsLosesOneOfThemAndNobodyElse() {
    List<From> few = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      few.add(new From("198.51.100." + i, 1));
      assertThat(connections.admit(few.getLast())).isTrue();
    }
    List<From> many = open(1, Connections.MAX - few.size());
    for (int i = 0; i < Connections.MAX - 10; i++) {
      few.add(new From("203.0.113." + i, 1));
      assertThat(connections.admit(few.getLast())).isTrue();
      assertThat(many.removeFirst().isOpen()).isFalse();
    }
    assertThat(few).allMatch(From::isOpen);
    assertThat(many).allMatch(From::isOpen);
  }

  @Test
  void oneThatLeavesMakesRoom() {
    List<From> all = open(1, Connections.MAX);
    var _ = all.removeLast().close();
    assertThat(connections.admit(new From(1_000))).isTrue();
    assertThat(all).allMatch(From::isOpen);
  }

  @Test
  void oneThatSaysNothingIsEndedAndNoSooner() {
    From early = open(1, 1).getFirst();
    now += Connections.HEAD_NS / 2;
    From late = open(2, 1).getFirst();
    now += Connections.HEAD_NS / 2 - 1;
    connections.sweep();
    assertThat(early.isOpen()).isTrue();
    now += 1;
    connections.sweep();
    assertThat(early.isOpen()).isFalse();
    assertThat(late.isOpen()).isTrue();
  }

  @Test
  void theyComeNoFasterThanSoManyASecond() {
    int admitted = 0;
    for (int i = 0; i < 3_000; i++) {
      From one = new From(1 + i);
      admitted += connections.admit(one) ? 1 : 0;
      var _ = one.close();
    }
    assertThat(admitted).isEqualTo(1_000);
  }

  @Test
  void oneThatIsGoneAlreadyIsNoConnection() {
    assertThat(connections.admit(new EmbeddedChannel())).isFalse();
  }

  private List<From> open(int firstPort, int count) {
    List<From> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      From one = new From(firstPort + i);
      assertThat(connections.admit(one)).isTrue();
      all.add(one);
    }
    return all;
  }
}
