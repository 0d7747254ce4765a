package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Client;
import io.sluice.affinity.Keys;
import io.sluice.balance.Policies;
import io.sluice.filter.Filters;
import io.sluice.flow.FlowTable;
import io.sluice.front.Explanation.Outcome;
import io.sluice.front.Explanation.Stage;
import io.sluice.front.Explanation.Step;
import io.sluice.front.Explanation.Verdict;
import io.sluice.metrics.Account;
import io.sluice.metrics.Drop;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.State;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What explain says, of each step. */
@Timeout(120)
class ExplainTest {
  @AutoClose private final ServedFront served = new ServedFront();

  @Test
  void aFlowOfABackendThatIsOutIsSaidToMoveAndWhy() throws Exception {
    InetSocketAddress at =
        served.key(Keys.sourceAddress()).pool(this::maglev).serve(served.echo(), served.echo());
    Client client = served.client();
    client.ask(at, (byte) 1);
    Backend own = Optional.ofNullable(served.flow(client)).orElseThrow().backend();
    eject(own);
    Explanation explained = served.explain(client, at);
    assertThat(explained.outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(explained.backend()).isPresent().isNotEqualTo(Optional.of(own.name()));
    assertThat(step(explained, Stage.REHOME).verdict()).isEqualTo(Verdict.MOVE);
    assertThat(step(explained, Stage.REHOME).why())
        .startsWith(own.name() + " is EJECTED (")
        .endsWith("goes to " + explained.backend().orElseThrow());
    Explanation newcomer = served.explain(served.client(), at);
    assertThat(step(newcomer, Stage.MEMBERS).why()).contains("; not " + own.name() + " EJECTED (");
  }

  private Pool.Spec maglev(List<Pool.Spec.Server> servers) {
    return new Pool.Spec("pool", Policies.maglev(), servers, ServedFront.RULES, false);
  }

  private void eject(Backend backend) {
    for (int i = 0; i < 3; i++) {
      backend.refused(FlowTable.nextId());
    }
    await().until(() -> backend.view().state() == State.EJECTED && !backend.eligible());
  }

  @Test
  void aNewcomersWayIsToldInTheOrderOfTheDatapath() throws Exception {
    InetSocketAddress at =
        served
            .key(Keys.sourceAddress())
            .pool(this::maglev)
            .filters(Filters.rateLimit(Filters.Per.SOURCE_IP, 10, 5, 0))
            .serve(served.echo());
    Explanation explained = served.explain(served.client(), at);
    assertThat(explained.outcome()).isEqualTo(Outcome.FORWARD);
    assertThat(explained.backend()).hasValue("b0");
    assertThat(explained.pool()).isEqualTo("pool");
    assertThat(explained.steps())
        .extracting(Step::stage)
        .containsExactly(
            Stage.LISTEN,
            Stage.SIZE,
            Stage.SOURCE,
            Stage.FLOW,
            Stage.LIMIT,
            Stage.BUDGET,
            Stage.FILTER,
            Stage.KEY,
            Stage.MEMBERS,
            Stage.CHOICE,
            Stage.LINK);
    assertThat(step(explained, Stage.MEMBERS).why()).isEqualTo("b0 (weight 1, UP)");
    assertThat(step(explained, Stage.FILTER).why())
        .isEqualTo("f0: all left of a limit of 10 a second, in bursts of 5, per source-ip");
    assertThat(served.requests(Account::received)).isZero();
    assertThat(served.front().flows().opened()).isZero();
  }

  @Test
  void whatIsTooLongOrCannotBeAnsweredEndsThere() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    Front front = served.front();
    var client = new InetSocketAddress(ip("192.0.2.1"), 7);
    assertThat(front.explain(client, Optional.empty(), new byte[1_501]).reason())
        .hasValue(Drop.OVERSIZE);
    for (String nobody : List.of("0.0.0.0", "255.255.255.255", "224.0.0.1")) {
      var from = new InetSocketAddress(ip(nobody), 7);
      assertThat(front.explain(from, Optional.of(at), new byte[0]).reason())
          .hasValue(Drop.BAD_SOURCE);
    }
    assertThat(
            front
                .explain(new InetSocketAddress(ip("192.0.2.1"), 0), Optional.empty(), new byte[0])
                .reason())
        .hasValue(Drop.BAD_SOURCE);
    front.drain();
    assertThat(front.explain(client, Optional.empty(), new byte[0]).reason())
        .hasValue(Drop.DRAINING);
  }

  @Test
  void onAWildcardTheFlowIsFoundByTheAddressItsClientUsed() throws Exception {
    InetSocketAddress at = served.listen(ServedFront.any("0.0.0.0")).serve(served.echo());
    var one = new InetSocketAddress(ip("127.0.0.1"), at.getPort());
    var other = new InetSocketAddress(ip("127.0.0.2"), at.getPort());
    Client client = served.client("127.0.0.9");
    client.ask(one, (byte) 1);
    assertThat(served.explain(client, one).outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(served.explain(client, other).outcome()).isEqualTo(Outcome.FORWARD);
    Explanation somewhere = served.front().explain(client.address(), Optional.empty(), new byte[0]);
    assertThat(somewhere.outcome()).isEqualTo(Outcome.EXISTING_FLOW);
    assertThat(step(somewhere, Stage.LISTEN).why()).startsWith("sent to " + "127.0.0.1:");
  }

  @Test
  void whereTheFrontDoesNotListenIsSaid() throws Exception {
    InetSocketAddress at = served.serve(served.echo());
    var client = new InetSocketAddress(ip("::1"), 7);
    assertThatThrownBy(() -> served.front().explain(client, Optional.empty(), new byte[0]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "front 'test' listens at [127.0.0.1:%d]: a datagram of [::1]:7 does not get there"
                .formatted(at.getPort()));
    var elsewhere = new InetSocketAddress(ip("127.0.0.1"), at.getPort() == 9 ? 10 : 9);
    var v4 = new InetSocketAddress(ip("127.0.0.1"), 7);
    assertThatThrownBy(() -> served.front().explain(v4, Optional.of(elsewhere), new byte[0]))
        .hasMessageContaining("to 127.0.0.1:" + elsewhere.getPort());
  }

  @Test
  void chanceIsSaidToBeChance() throws Exception {
    served
        .pool(
            servers -> new Pool.Spec("pool", Policies.random(), servers, ServedFront.RULES, false))
        .serve(served.echo(), served.echo());
    Explanation explained =
        served.front().explain(served.client().address(), Optional.empty(), new byte[0]);
    assertThat(explained.outcome()).isEqualTo(Outcome.FORWARD);
    assertThat(explained.backend()).isEmpty();
    assertThat(step(explained, Stage.CHOICE))
        .isEqualTo(
            new Step(
                Stage.CHOICE,
                Verdict.UNKNOWN,
                "chance decides between equals, in proportion to weight"));
  }

  private static Step step(Explanation of, Stage stage) {
    return of.steps().stream().filter(step -> step.stage() == stage).findFirst().orElseThrow();
  }

  private static InetAddress ip(String text) {
    return InetAddress.ofLiteral(text);
  }
}
