package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.EchoServer;
import io.sluice.filter.Chain;
import io.sluice.filter.Filters;
import io.sluice.filter.Network;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Course;
import io.sluice.flow.Flow;
import io.sluice.flow.Lane;
import io.sluice.flow.Limits;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.OsException;
import io.sluice.pool.Pool;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A front that becomes another while datagrams move: what is the same is not disturbed. */
class ReconfigureTest {
  private final ServedFront served = new ServedFront();

  @AfterEach
  void close() {
    served.close();
  }

  @Test
  void anAddressThatStaysKeepsItsSocketsAndFlows() throws Exception {
    InetSocketAddress at = served.serve(served.echo(), served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1);
    Flow flow = served.flow();
    List<Lane> lanes = served.front().lanes();

    served.become(listening(ServedFront.any("127.0.0.1"), ServedFront.any("127.0.0.2")));

    InetSocketAddress added = served.front().bound().getLast().toInetSocketAddress();
    assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    assertThat(served.client("127.0.0.2").ask(added, (byte) 3)).containsExactly(3);
    assertThat(served.front().lanes()).startsWith(lanes.toArray(Lane[]::new));
    assertThat(served.front().flows().all()).contains(flow);
    assertThat(served.front().flows().opened()).isEqualTo(2);
  }

  @Test
  void aChangeThatIsGivenUpLeavesClientsWithTheWorkersTheyHad() throws Throwable {
    InetSocketAddress at = served.serve(served.echo());
    served.steer(1);

    served.prepare(course(last -> withPeerSockets(last, true))).close();

    for (Client client : served.clients(20)) {
      client.ask(at, (byte) 1);
    }
    served.workers.onEach(worker -> {});
    assertThat(served.front().lanes().getFirst().requests().received()).isZero();
  }

  @Test
  void anAddressThatGoesEndsItsFlowsAndNoOthersAndIsFreeThen() throws Exception {
    EchoServer echo = served.echo();
    Address first = ServedFront.any("127.0.0.1");
    Address second = ServedFront.any("127.0.0.2");
    InetSocketAddress stays = served.listen(first, second).serve(echo);
    InetSocketAddress goes = served.front().bound().getLast().toInetSocketAddress();
    Client one = served.client();
    Client two = served.client("127.0.0.2");
    one.ask(stays, (byte) 1);
    two.ask(goes, (byte) 1);

    served.become(listening(first));

    assertThat(served.front().flows().closed(CloseReason.STOPPED)).isEqualTo(1);
    assertThat(served.front().flows().count()).isEqualTo(1);
    assertThat(one.ask(stays, (byte) 2)).containsExactly(2);
    served.add(new Client("127.0.0.2", goes.getPort())); // or it could not be bound
    assertThat(served.requests(Account::received)).as("what it counted").isEqualTo(3);
  }

  @Test
  void anotherAddressTakesThePlaceAndTheBooksOfOneThatIsGone() throws Exception {
    EchoServer echo = served.echo();
    Address first = ServedFront.any("127.0.0.1");
    InetSocketAddress at = served.listen(first, ServedFront.any("127.0.0.2")).serve(echo);
    served.client().ask(at, (byte) 1);
    int places = served.front().lanes().size();
    for (int i = 3; i < 8; i++) {
      served.become(listening(first));
      Address next = ServedFront.any("127.0.0." + i);
      served.become(listening(first, next));
      InetSocketAddress there = served.front().bound().getLast().toInetSocketAddress();
      assertThat(there.getAddress()).isEqualTo(next.toInetSocketAddress().getAddress());
      assertThat(served.client("127.0.0.1").ask(there, (byte) i)).containsExactly(i);
    }
    assertThat(served.front().lanes()).hasSize(places);
    assertThat(served.requests(Account::received)).isEqualTo(6);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void withAnotherPoolEachFlowGoesThereWithItsNextDatagramAndTheLateReplyStillComes()
      throws Exception {
    List<EchoServer.Answer> late = new ArrayList<>();
    EchoServer slow =
        served.add(
            new EchoServer(
                "127.0.0.1",
                (payload, answer) -> {
                  if (payload.get(0) == 2) {
                    late.add(answer);
                  } else {
                    answer.send(payload);
                  }
                }));
    InetSocketAddress at = served.serve(slow.address());
    EchoServer other = served.echo();
    Client client = served.client();
    Client quiet = served.client();
    client.ask(at, (byte) 1);
    quiet.ask(at, (byte) 1);
    client.send(at, (byte) 2);
    await().until(() -> late.size() == 1);

    served.become(course(last -> withPool(last, pool(other))));
    assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    assertThat(other.received()).isEqualTo(1);
    late.getFirst().send(java.nio.ByteBuffer.wrap(new byte[] {2}));
    assertThat(client.receive().payload()).containsExactly(2);

    await().until(() -> served.front().flows().closed(CloseReason.REHOMED) == 1);
    assertThat(served.front().flows().count()).as("who says nothing stays").isEqualTo(2);
    assertThat(quiet.ask(at, (byte) 4)).containsExactly(4);
    assertThat(other.received()).isEqualTo(2);
    assertThat(served.drops()).isEmpty();
  }

  @Test
  void backAtItsOldPoolAFlowThatHasSaidNothingHasNotMoved() throws Exception {
    EchoServer own = served.echo();
    InetSocketAddress at = served.serve(own);
    Client client = served.client();
    client.ask(at, (byte) 1);
    Pool first = served.front().pool();
    Pool other = pool(served.echo());
    served.become(course(last -> withPool(last, other)));
    served.become(course(last -> withPool(last, first)));
    assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    assertThat(own.received()).isEqualTo(2);
    assertThat(served.front().flows().opened()).isEqualTo(1);
  }

  @Test
  void aFlowKeepsItsBackendWhenAnotherKeyWouldDecideOnAnotherOne() throws Exception {
    EchoServer a = served.echo();
    EchoServer b = served.echo();
    InetSocketAddress at = served.serve(a, b);
    Client client = served.client("127.0.0.1", 0);
    client.ask(at, (byte) 1);
    served.become(
        course(
            last ->
                new Course(
                    last.pool(),
                    last.dialer(),
                    (from, payload) -> 1,
                    last.maxDatagramBytes(),
                    false)));
    client.ask(at, (byte) 2);
    assertThat(a.received()).isEqualTo(2);
    served.client("127.0.0.1", 0).ask(at, (byte) 3);
    assertThat(b.received()).isEqualTo(1);
  }

  @Test
  void flowsThatThereAreAnswerToOtherFiltersToo() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client one = served.client();
    Client two = served.client("127.0.0.2");
    one.ask(at, (byte) 1);
    two.ask(at, (byte) 1);
    var denied = Filters.accessList(List.of(), List.of(Network.of(address(two), 32)));
    served.become(course(last -> withFilters(last, new Chain.Step("denied", denied))));
    assertThat(one.ask(at, (byte) 2)).containsExactly(2);
    for (int i = 0; i < 2; i++) {
      two.send(at, (byte) 2);
    }
    await().until(() -> served.drops().equals(Map.of(Drop.FILTER, 2L)));
    await().until(() -> served.front().flows().closed(CloseReason.FILTERED) == 1);
    assertThat(served.front().filterDrops()).isEqualTo(Map.of("denied", 2L));
    served.become(course(last -> withMaxDatagram(last, 9)));
    two.send(at, (byte) 3);
    await().until(() -> served.front().filterDrops().equals(Map.of("denied", 3L)));
    served.become(course(ReconfigureTest::withFilters));
    assertThat(two.ask(at, (byte) 4)).containsExactly(4);
    assertThat(served.front().flows().opened()).isEqualTo(3);
  }

  private static InetAddress address(Client client) {
    return client.address().getAddress();
  }

  @Test
  void theLongestDatagramIsAnotherFromOneToTheNext() throws Exception {
    InetSocketAddress at = served.maxDatagram(10).serve(served.echo());
    Client client = served.client();
    client.send(at, new byte[11]);
    await().until(() -> served.drops().equals(Map.of(Drop.OVERSIZE, 1L)));
    served.become(course(last -> withMaxDatagram(last, 11)));
    assertThat(client.ask(at, new byte[11])).hasSize(11);
    served.become(course(last -> withMaxDatagram(last, 5)));
    client.send(at, new byte[6]);
    await().until(() -> served.drops().equals(Map.of(Drop.OVERSIZE, 2L)));
  }

  @Test
  void otherLimitsHoldForFlowsThatThereAre() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1);
    served.become(limits(ServedFront.limits(1, 1, 100)));
    served.client().send(at, (byte) 2);
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_LIMIT, 1L)));
    Limits brief = new Limits(10, Duration.ofSeconds(2), Duration.ofSeconds(1), 10, 100_000, false);
    served.advance(Duration.ofSeconds(3));
    assertThat(served.front().flows().all()).hasSize(1);
    served.become(limits(brief));
    served.advance(Duration.ofSeconds(1));
    await().until(() -> served.front().flows().closed(CloseReason.IDLE) == 1);
    assertThat(client.ask(at, (byte) 3)).containsExactly(3);
    served.become(limits(ServedFront.LIMITS));
    served.advance(Duration.ofSeconds(50));
    assertThat(served.front().flows().all()).as("and for longer, too").hasSize(1);
  }

  @Test
  void theBudgetOfNewFlowsIsAnother() throws Exception {
    InetSocketAddress at = served.limits(ServedFront.limits(100, 100, 1)).serve(served.echo());
    served.client().ask(at, (byte) 1);
    served.client().send(at, (byte) 1);
    await().until(() -> served.drops().equals(Map.of(Drop.FLOW_RATE, 1L)));
    served.become(limits(ServedFront.limits(100, 100, 1_000)));
    for (int i = 0; i < 20; i++) {
      assertThat(served.client().ask(at, (byte) i)).containsExactly(i);
    }
  }

  @Test
  void flowsAreAnsweredByPeerSocketsFromTheTimeOnWhenTheFrontHasThem() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Client before = served.client();
    before.ask(at, (byte) 1);
    served.become(course(last -> withPeerSockets(last, true)));
    Client after = served.client();
    after.ask(at, (byte) 1);
    await().until(() -> served.front().peerSockets() == 1);
    assertThat(before.ask(at, (byte) 2)).containsExactly(2);
    assertThat(after.ask(at, (byte) 2)).containsExactly(2);
    served.become(course(last -> withPeerSockets(last, false)));
    assertThat(after.ask(at, (byte) 3)).containsExactly(3);
    assertThat(served.client().ask(at, (byte) 3)).containsExactly(3);
    assertThat(served.front().peerSockets()).isEqualTo(1);
  }

  @Test
  void whereOneAddressCannotBeHadNothingChangesAndNothingIsLeftOpen() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Address free = freeAddress();
    Address taken = Address.of(served.client("127.0.0.3").address());
    List<Address> listen = List.of(ServedFront.any("127.0.0.1"), free, taken);
    assertThatThrownBy(() -> served.become(listening(listen.toArray(Address[]::new))))
        .isInstanceOf(OsException.class)
        .hasMessageContaining(taken.toString());
    assertThat(served.front().bound()).hasSize(1);
    assertThat(served.client().ask(at, (byte) 1)).containsExactly(1);
    served.add(new Client("127.0.0.2", free.port()));
  }

  @Test
  void aChangeThatIsNotAppliedLeavesNothingOpen() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Address free = freeAddress();
    Course course = new Course(pool(served.echo()), dialer(), (from, payload) -> 0, 1_500, false);
    Front.Spec next = new Front.Spec("test", List.of(free), ServedFront.LIMITS, course);
    served.front().prepare(next, List.of()).close();
    served.add(new Client("127.0.0.2", free.port()));
    assertThat(served.client().ask(at, (byte) 1)).containsExactly(1);
  }

  private io.sluice.net.Dialer dialer() {
    return new io.sluice.net.Ports(
            io.sluice.net.KernelFeatures.localPorts(), new io.sluice.net.Fds(10))
        .dialer(List.of(), List.of());
  }

  private Address freeAddress() throws Exception {
    try (Client client = new Client("127.0.0.2")) {
      return Address.of(client.address());
    }
  }

  private Pool pool(EchoServer backend) {
    return served.open(
        ServedFront.spec(List.of(new Pool.Spec.Server("other", backend.address(), 1)), true));
  }

  private static UnaryOperator<Front.Spec> listening(Address... addresses) {
    return last -> new Front.Spec(last.name(), List.of(addresses), last.limits(), last.course());
  }

  private static UnaryOperator<Front.Spec> limits(Limits limits) {
    return last -> new Front.Spec(last.name(), last.listen(), limits, last.course());
  }

  private static UnaryOperator<Front.Spec> course(UnaryOperator<Course> next) {
    return last ->
        new Front.Spec(last.name(), last.listen(), last.limits(), next.apply(last.course()));
  }

  private static Course withPool(Course last, Pool pool) {
    return new Course(
        pool, last.dialer(), last.affinity(), last.maxDatagramBytes(), last.peerSockets());
  }

  private static Course withFilters(Course last, Chain.Step... filters) {
    return new Course(
        last.pool(),
        last.dialer(),
        last.affinity(),
        last.maxDatagramBytes(),
        last.peerSockets(),
        List.of(filters));
  }

  private static Course withMaxDatagram(Course last, int bytes) {
    return new Course(
        last.pool(), last.dialer(), last.affinity(), bytes, last.peerSockets(), last.filters());
  }

  private static Course withPeerSockets(Course last, boolean really) {
    return new Course(last.pool(), last.dialer(), last.affinity(), last.maxDatagramBytes(), really);
  }
}
