package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Appliance.Applied;
import io.sluice.balance.Policies;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.metrics.Journal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The one door by which another configuration comes into force, while datagrams move. */
class ReloadTest {
  @AutoClose private final Deployment deployed;
  private final Appliance appliance;

  ReloadTest(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
    deployed.start(deployed.config(""));
    appliance = deployed.appliance();
  }

  @Test
  void theSameFileAgainChangesNothing() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    assertThat(appliance.reload()).isEqualTo(new Applied(before.version(), List.of()));
    assertThat(appliance.config()).isEqualTo(before);
    assertThat(deployed.results()).containsExactly(0, 1, 0, 0);
    assertThat(deployed.configEvents()).isEmpty();
  }

  @Test
  void whatTheFileSaysAnewIsInForceAndFlowsStay() throws Exception {
    deployed.ask(1);
    long flow = deployed.flows().getFirst().id();
    deployed.write(
        deployed.config("max-datagram = 10, flows.max = 7").replace("weight = 1", "weight = 5"));

    Applied applied = appliance.reload();

    assertThat(applied.changes())
        .containsExactly(
            "fronts.echo.max-datagram: 1500 -> 10",
            "fronts.echo.flows.max: 100000 -> 7",
            "fronts.echo.flows.unassured-max: 10000 -> 7",
            "pools.echoes.backends.one.weight: 1 -> 5");
    assertThat(appliance.config().version()).isEqualTo(applied.version());
    assertThat(appliance.fronts().getFirst().maxFlows()).isEqualTo(7);
    assertThat(appliance.pools().getFirst().backends().getFirst().weight()).isEqualTo(5);
    deployed.ask(2);
    assertThat(deployed.flows()).extracting(Appliance.FlowStatus::id).containsExactly(flow);
    assertThat(deployed.results()).containsExactly(1, 0, 0, 0);
    Journal.Event event = deployed.configEvents().getFirst();
    assertThat(event.what()).isEqualTo("APPLIED");
    assertThat(event.subject()).isEqualTo(deployed.file().toString());
    assertThat(event.why()).startsWith("fronts.echo.max-datagram: 1500 -> 10; ");
  }

  @Test
  void whatIsWrongChangesNothingAndAllOfItIsTold() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    deployed.write(deployed.config("max-datagram = 0, pool-of = x"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOfSatisfying(
            InvalidConfig.class,
            e ->
                assertThat(e.problems())
                    .extracting(Problem::path)
                    .contains("sluice.fronts.echo.max-datagram", "sluice.fronts.echo.pool-of"));
    assertThat(appliance.config()).isEqualTo(before);
    deployed.ask(1);
    assertThat(deployed.results()).containsExactly(0, 0, 1, 0);
    assertThat(deployed.configEvents()).extracting(Journal.Event::what).containsExactly("INVALID");
  }

  @Test
  void whatTakesARestartIsRefusedWithTheRest() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    deployed.write(deployed.config("max-datagram = 10").replace("max = 2", "max = 3"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(Refused.class)
        .hasMessage(
            "cannot change while running: workers.max: 2 -> 3: restart Sluice for that, or leave"
                + " it as it was");
    assertThat(appliance.config()).isEqualTo(before);
    assertThat(deployed.client().ask(deployed.front(), new byte[11])).hasSize(11);
    assertThat(deployed.results()).containsExactly(0, 0, 0, 1);
    assertThat(deployed.configEvents()).extracting(Journal.Event::what).containsExactly("REFUSED");
  }

  @Test
  void whatCannotBeOpenedIsRefusedAndNothingStaysOpen() throws Exception {
    deployed.ask(1);
    Client taken = deployed.keep(new Client("127.0.0.2"));
    int free = Deployment.freePort();
    long fds = Supply.fdsOpen();
    deployed.write(
        deployed
            .config("")
            .replace(
                "fronts {",
                """
                fronts {
                  more { listen = ["127.0.0.2:%d", "127.0.0.2:%d"], pool = more }
                """
                    .formatted(free, taken.address().getPort()))
            .replace("pools {", "pools { more { backends { a { address = \"127.0.0.1:9\" } } },"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(Refused.class)
        .hasMessageContaining(
            "front 'more': cannot bind 127.0.0.2 port " + taken.address().getPort())
        .hasMessageContaining("something else has it");
    assertThat(appliance.fronts()).hasSize(1);
    assertThat(appliance.pools()).hasSize(1);
    assertThat(Supply.fdsOpen()).isEqualTo(fds);
    deployed.keep(new Client("127.0.0.2", free));
    deployed.ask(2);
  }

  @Test
  void ofSeveralPoolsNoneChangesIfOneCannot() throws Exception {
    AtomicInteger built = new AtomicInteger();
    deployed.offer(
        members -> {
          // Opened by the first, tried by the second, changed by the third.
          if (built.incrementAndGet() == 3) {
            throw new IllegalStateException("a whim");
          }
          return Policies.maglev().over(members);
        });
    String text =
        deployed
            .config("")
            .replace(
                "pools {",
                "pools { z { balance.policy = whim, backends { a { address = \"127.0.0.1:9\","
                    + " weight = 1 } } },");
    deployed.restart(text);
    deployed.appliance().drain("echoes", "one", Optional.empty());
    List<Appliance.BackendStatus> before = deployed.backends();
    long last = deployed.appliance().journal().after(0).getLast().id();
    deployed.write(text.replace("weight = 1", "weight = 2").replace("two {", "three {"));

    assertThatThrownBy(deployed.appliance()::reload)
        .isInstanceOf(Refused.class)
        .hasMessageContaining("pool 'z': balance policy 'whim' failed on its backends")
        .hasMessageContaining("a whim");

    assertThat(deployed.backends()).isEqualTo(before);
    assertThat(deployed.appliance().journal().after(last))
        .extracting(Journal.Event::kind)
        .containsExactly(Journal.Kind.CONFIG);
    assertThat(deployed.appliance().reload().changes()).hasSize(4);
  }

  @Test
  void frontsAndPoolsComeAndGo() throws Exception {
    deployed.ask(1);
    int port = Deployment.freePort();
    String more =
        deployed
            .config("")
            .replace(
                "fronts {",
                "fronts { more { listen = [\"127.0.0.2:%d\"], pool = more },".formatted(port))
            .replace(
                "pools {",
                "pools { more { backends { a { address = \"127.0.0.1:%d\" } } },"
                    .formatted(deployed.two().address().getPort()));
    deployed.write(more);
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.more: added", "pools.more: added");
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.2"), port);
    Client other = deployed.keep(new Client("127.0.0.1"));
    assertThat(other.ask(at, (byte) 9)).containsExactly(9);
    assertThat(appliance.pools()).extracting(Appliance.PoolStatus::name).contains("more");

    deployed.write(deployed.config(""));
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.more: removed", "pools.more: removed");
    assertThat(appliance.status().flows()).isEqualTo(1);
    deployed.keep(new Client("127.0.0.2", port)); // or it could not be bound
    deployed.ask(2);
  }

  @Test
  void anAddressGoesFromOneFrontToAnother() throws Exception {
    int port = Deployment.freePort();
    deployed.write(deployed.config("").replace("127.0.0.1:0", "127.0.0.1:" + port));
    appliance.reload();
    deployed.ask(1);
    for (String name : List.of("renamed", "echo")) {
      deployed.write(
          deployed
              .config("")
              .replace("127.0.0.1:0", "127.0.0.1:" + port)
              .replace("echo {", name + " {"));
      assertThat(appliance.reload().changes())
          .containsExactlyInAnyOrder(
              "fronts.echo: " + (name.equals("echo") ? "added" : "removed"),
              "fronts.renamed: " + (name.equals("echo") ? "removed" : "added"));
      assertThat(appliance.fronts()).extracting(Appliance.FrontStatus::name).containsExactly(name);
      deployed.ask(2);
    }
  }

  @Test
  void aFlowLeavesABackendThatIsTakenOutAndOnlyThat() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      clients.add(deployed.keep(new Client("127.0.0.1")));
      clients.getLast().ask(deployed.front(), (byte) 1);
    }
    List<Long> stay =
        deployed.flows().stream()
            .filter(flow -> flow.backend().equals("two"))
            .map(Appliance.FlowStatus::id)
            .toList();
    appliance.change("echoes", "one", was -> Optional.empty());
    int leaving = clients.size() - stay.size();
    assertThat(appliance.pools().getFirst().leaving())
        .containsExactly(new Appliance.LeavingStatus("one", deployed.one().address(), leaving));
    assertThat(leavingFlows()).isEqualTo(leaving);
    for (Client each : clients) {
      assertThat(each.ask(deployed.front(), (byte) 2)).containsExactly(2);
    }
    await().until(() -> appliance.pools().getFirst().leaving().isEmpty());
    assertThat(leavingFlows()).isZero();
    assertThat(deployed.flows()).extracting(Appliance.FlowStatus::backend).containsOnly("two");
    assertThat(deployed.flows()).extracting(Appliance.FlowStatus::id).containsAll(stay);
    assertThat(deployed.lost()).isZero();
  }

  @Test
  void whatWasChangedOfABackendStaysUnlessTheFileSaysAnotherThingOfIt() throws Exception {
    deployed.weigh("one", 7);
    deployed.weigh("two", 8);
    deployed.write(
        deployed.config("max-datagram = 10").replace("weight = 1", "weight = 3")); // of one
    assertThat(appliance.reload().changes())
        .containsExactly(
            "fronts.echo.max-datagram: 1500 -> 10",
            "pools.echoes.backends.one.weight: 7 -> 3",
            "pools.echoes.backends.one: what was changed is given up, the configuration has changed"
                + " there");
    assertThat(deployed.weights()).containsExactly(3, 8);
    deployed.weigh("two", 1); // as the file says
    deployed.write(deployed.config("").replace("weight = 1", "weight = 3"));
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.echo.max-datagram: 10 -> 1500");
  }

  @Test
  void whatIsPutTakesThePlaceOfTheFileUntilThatIsReloaded() throws Exception {
    deployed.weigh("two", 8);
    Applied applied = appliance.configure(deployed.config("max-datagram = 10"), was -> {});
    assertThat(applied.changes())
        .containsExactly(
            "fronts.echo.max-datagram: 1500 -> 10", "pools.echoes.backends.two.weight: 8 -> 1");
    assertThat(appliance.config().source()).isEqualTo("PUT");
    List<String> changes = appliance.reload().changes();
    assertThat(changes).first().isEqualTo("fronts.echo.max-datagram: 10 -> 1500");
    assertThat(changes).last().asString().startsWith("what was put at ").endsWith(" for the file");
    assertThat(appliance.config().source()).isEqualTo(deployed.file().toString());
  }

  @Test
  void whoMeantAnotherConfigurationChangesNothing() {
    Appliance.ConfigStatus before = appliance.config();
    assertThatThrownBy(
            () ->
                appliance.configure(
                    deployed.config("max-datagram = 10"),
                    was -> {
                      assertThat(was).isEqualTo(before);
                      throw new IllegalStateException("another one");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(appliance.config()).isEqualTo(before);
  }

  @Test
  void nothingIsOpenedToValidate() throws Exception {
    assertThat(appliance.validate(deployed.config("").replace("127.0.0.1:0", "192.0.2.1:53")))
        .isEmpty();
    assertThat(appliance.validate("sluice { x = 1 }")).isNotEmpty();
    assertThat(deployed.results()).containsExactly(0, 0, 0, 0);
  }

  @Test
  void thereIsNoPoolAndNoFileOfThatName() throws Exception {
    assertThatThrownBy(() -> appliance.change("nobody", "one", was -> was))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no pool 'nobody'");
    Files.delete(deployed.file());
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("there is no such file");
  }

  @Test
  void anOperatorEndsAFlowWhoseClientGetsAnother() throws Exception {
    deployed.ask(1);
    long flow = deployed.flows().getFirst().id();
    assertThat(appliance.end(flow)).isTrue();
    assertThat(appliance.end(flow)).isFalse();
    deployed.ask(2);
    assertThat(deployed.flows().getFirst().id()).isGreaterThan(flow);
  }

  @Test
  void whoAskedIsToldOfWhatIsInForceNowAndLater() throws Exception {
    List<Duration> told = new ArrayList<>();
    deployed.datapath().onApplied(document -> told.add(document.config().drainTimeout()));
    deployed
        .datapath()
        .onApplied(
            document -> {
              throw new IllegalStateException("a bad listener");
            });
    deployed.write("sluice.drain-timeout = 3s\n" + deployed.config(""));
    appliance.reload();
    assertThat(told).containsExactly(Duration.ofSeconds(10), Duration.ofSeconds(3));
    assertThat(deployed.datapath().inForce().drainTimeout()).isEqualTo(Duration.ofSeconds(3));
  }

  @Test
  void nothingComesInOnceItIsStopping() throws Exception {
    deployed.datapath().drain(Duration.ofMillis(1));
    deployed.write(deployed.config("max-datagram = 10"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(Refused.class)
        .hasMessage("Sluice is stopping");
  }

  private double leavingFlows() {
    return appliance
        .metrics()
        .getSampleValue(
            "sluice_pool_leaving_flows", new String[] {"pool"}, new String[] {"echoes"});
  }
}
