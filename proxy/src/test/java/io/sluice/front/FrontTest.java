package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.affinity.KeyExtractor;
import io.sluice.flow.Flow;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.OsException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The way of datagrams through a front, with real sockets on loopback, exact counters and a clock
 * that moves when told to.
 */
@EitherSocket
class FrontTest {
  @AutoClose private final ServedFront served;

  FrontTest(boolean connected) {
    served = new ServedFront().connected(connected);
  }

  @ParameterizedTest
  @CsvSource({"127.0.0.1, 127.0.0.1", "::1, ::1", "::1, 127.0.0.1", "127.0.0.1, ::1"})
  void relaysEverySizeByteForByteBothWays(String frontIp, String backendIp) throws Exception {
    InetSocketAddress at =
        served.listen(ServedFront.any(frontIp)).maxDatagram(65_507).serve(served.echo(backendIp));
    Client client = served.client(frontIp);
    Random random = new Random(7);
    int[] sizes = {0, 1, 2, 100, 1_472, 1_500, 9_000, 65_507};
    for (int size : sizes) {
      byte[] payload = new byte[size];
      random.nextBytes(payload);
      client.send(at, payload);
      Client.Received reply = client.receive();
      assertThat(reply.payload()).as("%d bytes", size).isEqualTo(payload);
      assertThat(reply.from()).isEqualTo(at);
    }
    assertThat(served.requests(Account::forwarded)).isEqualTo(sizes.length);
    assertThat(served.replies(Account::forwarded)).isEqualTo(sizes.length);
    assertThat(served.requests(Account::bytes)).isEqualTo(Arrays.stream(sizes).sum());
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void whatIsLongerThanTheFrontAllowsIsDroppedAndCounted() throws Exception {
    EchoServer echo = served.echo();
    InetSocketAddress at = served.maxDatagram(100).serve(echo);
    Client client = served.client();
    client.send(at, new byte[101]);
    client.send(at, new byte[65_507]);
    assertThat(client.ask(at, new byte[100])).hasSize(100);
    assertThat(echo.received()).isEqualTo(1);
    assertThat(served.drops()).containsExactly(Map.entry(Drop.OVERSIZE, 2L));
    assertThat(served.requests(Account::received)).isEqualTo(3);
  }

  @Test
  void aReplyThatIsTooLongIsDroppedAloneOfItsBatch() throws Exception {
    Client backend = served.client();
    InetSocketAddress at = served.maxDatagram(100).serve(backend.address());
    Client client = served.client();
    client.send(at, (byte) 1);
    InetSocketAddress link = backend.receive().from();
    for (int size : new int[] {1, 101, 2, 65_507, 3}) {
      backend.send(link, new byte[size]);
    }
    assertThat(client.receive().payload()).hasSize(1);
    assertThat(client.receive().payload()).hasSize(2);
    assertThat(client.receive().payload()).hasSize(3);
    assertThat(served.drops()).containsExactly(Map.entry(Drop.OVERSIZE, 2L));
    assertThat(served.replies(Account::received)).isEqualTo(5);
  }

  @Test
  void keepsTheOrderOfEveryFlowThroughBatchesOfMany() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      Client client = served.client();
      client.ask(at, (byte) -1);
      served.awaitPeerSockets(i + 1); // who has none yet may be passed while others' open (ADR 9)
      clients.add(client);
    }
    for (byte i = 0; i < 100; i++) {
      for (Client client : clients) {
        for (int twice = 0; twice < 2; twice++) { // runs within a batch
          client.send(at, i, (byte) twice);
        }
      }
      served.awaitArrivals(40 * (i - 1)); // a hundred ahead
    }
    for (Client client : clients) {
      for (byte i = 0; i < 100; i++) {
        assertThat(client.receive().payload()).containsExactly(i, 0);
        assertThat(client.receive().payload()).containsExactly(i, 1);
      }
    }
    assertThat(served.requests(Account::forwarded)).isEqualTo(20 + 20 * 100 * 2);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void aClientStaysOnItsBackendAndHasOneFlow() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    Client client = served.client();
    for (int i = 0; i < 50; i++) {
      client.ask(at, (byte) i);
    }
    assertThat(List.of(a.received(), b.received())).containsExactlyInAnyOrder(50L, 0L);
    assertThat(served.front().flows().opened()).isEqualTo(1);
    Flow flow = served.flow();
    assertThat(flow.requests()).isEqualTo(50);
    assertThat(flow.replies()).isEqualTo(50);
    assertThat(flow.isAssured()).isTrue();
    assertThat(flow.key().client().toInetSocketAddress()).isEqualTo(client.address());
  }

  @Test
  void wildcardFrontsAnswerFromTheAddressTheClientUsed() throws Exception {
    int port = served.listen(ServedFront.any("0.0.0.0")).serve(served.echo()).getPort();
    Client client = served.client();
    for (String ip : List.of("127.0.0.1", "127.0.0.2", "127.1.2.3")) {
      InetSocketAddress asked = new InetSocketAddress(InetAddress.ofLiteral(ip), port);
      client.send(asked, (byte) 1);
      assertThat(client.receive().from()).isEqualTo(asked);
    }
    assertThat(served.front().flows().opened()).isEqualTo(3);
  }

  @Test
  void twoListenAddressesOfOneFrontAreTwoFlows() throws Exception {
    Address any = ServedFront.any("127.0.0.1");
    served.listen(any, any).serve(served.echo());
    Client client = served.client();
    for (Address at : served.front().bound()) {
      client.send(at.toInetSocketAddress(), (byte) 1);
      assertThat(client.receive().from()).isEqualTo(at.toInetSocketAddress());
    }
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  @ParameterizedTest
  @ValueSource(
      classes = {IllegalStateException.class, StackOverflowError.class, AssertionError.class})
  void aBugInAPlugInCostsTheDatagramAndIsCounted(Class<? extends Throwable> bug) throws Exception {
    KeyExtractor broken =
        (client, payload) -> {
          if (payload.getByte(0) == 66) {
            throw sneaky(bug);
          }
          return 0;
        };
    InetSocketAddress at = served.key(broken).serve(served.echo());
    served.client().send(at, (byte) 66);
    await().until(() -> served.drops().equals(Map.of(Drop.FAULT, 1L)));
    assertThat(served.client().ask(at, (byte) 65)).containsExactly(65);
  }

  @Test
  void anAddressInUseIsAnErrorAndLeavesNothingOpen() throws Exception {
    Client taken = served.client();
    served.listen(Address.of(taken.address()));
    EchoServer echo = served.echo();
    assertThatThrownBy(() -> served.serve(echo))
        .isInstanceOf(OsException.class)
        .hasMessageContaining("EADDRINUSE");
  }

  private static RuntimeException sneaky(Class<? extends Throwable> bug) {
    try {
      throw bug.getConstructor().newInstance();
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalArgumentException(e);
    }
  }
}
