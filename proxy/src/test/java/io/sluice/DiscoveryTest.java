package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Appliance.BackendStatus;
import io.sluice.Appliance.PoolStatus;
import io.sluice.config.SluiceConfig;
import io.sluice.metrics.Drop;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A running appliance whose backends stand in a file. */
class DiscoveryTest {
  @AutoClose private final Deployment deployed;
  private final Path found;
  private final EchoServer one;
  private final EchoServer two;
  private final Client client;

  DiscoveryTest(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
    found = dir.resolve("backends");
    one = deployed.one();
    two = deployed.two();
    client = deployed.client();
  }

  private void start(String drain) throws Exception {
    deployed.start(config(drain));
  }

  private String config(String drain) {
    return """
    sluice {
      fronts.echo { listen = ["127.0.0.1:0"], pool = echoes }
      pools.echoes.discovery { drain = %s, file.path = "%s" }
      workers { min = 1, max = 1 }
      admin { listen = "127.0.0.1:0", state-file = "%s" }
    }
    """
        .formatted(drain, found, deployed.state());
  }

  private void there(Map<String, EchoServer> servers) throws Exception {
    StringBuilder list = new StringBuilder("backends = [");
    servers.forEach(
        (name, server) ->
            list.append(
                "{ name = %s, address = \"127.0.0.1:%d\" }\n"
                    .formatted(name, server.address().getPort())));
    Files.writeString(found, list.append("]"));
  }

  private PoolStatus pool() {
    return deployed.appliance().pools().getFirst();
  }

  private void awaitBackends(String... states) {
    await()
        .untilAsserted(
            () ->
                assertThat(pool().backends().stream().map(each -> each.name() + " " + each.state()))
                    .containsExactly(states));
  }

  private @Nullable Long dropped() {
    return deployed.appliance().drops().getFirst().request().dropped().get(Drop.NO_BACKEND);
  }

  @Test
  void aPoolThatHasFoundNobodyYetDropsAndIsNotReady() throws Exception {
    start("5m");
    assertThat(deployed.appliance().ready()).isFalse();
    client.send(deployed.front(), (byte) 1);
    await().until(() -> Objects.equals(dropped(), 1L));
    await().until(() -> pool().discovery().orElseThrow().error().isPresent());
    assertThat(pool().discovery().orElseThrow().error().orElseThrow()).contains("no such file");
    there(Map.of("a", one));
    awaitBackends("a UP");
    await().until(() -> deployed.appliance().ready()); // once the backends are in place
    assertThat(client.ask(deployed.front(), (byte) 2)).containsExactly(2);
    assertThat(pool().backends()).extracting(BackendStatus::origin).containsExactly("file");
    await().until(() -> pool().discovery().orElseThrow().error().isEmpty());
    assertThat(deployed.appliance().config().effective().toString())
        .doesNotContain("127.0.0.1:" + one.address().getPort());
  }

  @Test
  void whoIsFoundNoLongerKeepsItsFlowsForAWhile() throws Exception {
    there(Map.of("a", one));
    start("5m");
    awaitBackends("a UP");
    client.ask(deployed.front(), (byte) 1);
    there(Map.of("b", two));
    awaitBackends("a DRAINING", "b UP");
    assertThat(pool().backends().getFirst().reason())
        .startsWith("draining: file finds it no longer");
    client.ask(deployed.front(), (byte) 2);
    assertThat(one.received()).isEqualTo(2);
    deployed.keep(new Client("127.0.0.1")).ask(deployed.front(), (byte) 3);
    assertThat(two.received()).isEqualTo(1);
    assertThat(deployed.appliance().end(deployed.flows().getFirst().id())).isTrue();
    awaitBackends("b UP"); // nobody is left
    client.ask(deployed.front(), (byte) 4);
    assertThat(two.received()).isEqualTo(2);
  }

  @Test
  void whoHasAnotherNameHereKeepsItsFlowsToo() throws Exception {
    EchoServer idle = deployed.keep(new EchoServer("127.0.0.1"));
    int port = two.address().getPort();
    deployed.start(
        config("5m")
            + "sluice.pools.echoes.backends.a.address = \"127.0.0.1:%d\"\n".formatted(port));
    there(Map.of("a", one, "b", idle));
    String renamed = "127.0.0.1_" + one.address().getPort();
    awaitBackends(renamed + " UP", "a UP", "b UP");
    while (one.received() == 0) {
      deployed.keep(new Client("127.0.0.1")).ask(deployed.front(), (byte) 1);
    }
    deployed.flows().stream()
        .filter(flow -> !flow.backend().equals(renamed))
        .forEach(flow -> deployed.appliance().end(flow.id()));
    there(Map.of("c", two));
    awaitBackends(renamed + " DRAINING", "a UP"); // b has been swept
  }

  @Test
  void withoutDrainItsFlowsLeaveAtTheirNextDatagrams() throws Exception {
    there(Map.of("a", one));
    start("0s");
    awaitBackends("a UP");
    client.ask(deployed.front(), (byte) 1);
    there(Map.of("b", two));
    awaitBackends("b UP");
    assertThat(client.ask(deployed.front(), (byte) 2)).containsExactly(2);
    assertThat(two.received()).isEqualTo(1);
  }

  @Test
  void whatIsWrongChangesNothingAndReloadsKeepWhatWasFound() throws Exception {
    there(Map.of("a", one));
    start("5m");
    awaitBackends("a UP");
    client.ask(deployed.front(), (byte) 1);
    Files.writeString(found, "backends = [ { address = nowhere } ]");
    await().until(() -> pool().discovery().orElseThrow().error().isPresent());
    deployed.write(config("7m"));
    assertThat(deployed.appliance().reload().changes())
        .containsExactly("pools.echoes.discovery: changed");
    awaitBackends("a UP");
    client.ask(deployed.front(), (byte) 2);
    assertThat(deployed.flows()).hasSize(1);
    assertThat(one.received()).isEqualTo(2);
  }

  @Test
  void ofThoseThatAreNotThereAThousandStayDrained() throws Exception {
    StateFile kept = new StateFile(deployed.state(), InstantSource.system());
    SortedSet<StateFile.Ref> drained = new TreeSet<>();
    for (int i = 0; i < 1_005; i++) {
      drained.add(new StateFile.Ref("echoes", "pod-" + (10_000 + i)));
    }
    kept.write(new StateFile.State(Optional.empty(), Overlay.NONE, drained));
    there(Map.of("pod-99999", one));
    start("5m");
    awaitBackends("pod-99999 UP");
    deployed.appliance().drain("echoes", "pod-99999", Optional.empty());
    assertThat(kept.read().drained())
        .hasSize(1_001)
        .contains(new StateFile.Ref("echoes", "pod-99999"));
  }

  @Test
  void whoWasFoundCanBeDrainedButNotChanged() throws Exception {
    there(Map.of("a", one, "b", two));
    start("5m");
    awaitBackends("a UP", "b UP");
    assertThatThrownBy(() -> deployed.appliance().change("echoes", "a", is -> Optional.empty()))
        .isInstanceOf(Refused.class)
        .hasMessage(
            "'a' is not configured, but was found: change it where it was found, drain it, or"
                + " configure one with its address under another name");
    deployed.appliance().drain("echoes", "a", Optional.empty());
    awaitBackends("a DRAINING", "b UP");
    there(Map.of("b", two));
    awaitBackends("b UP");
    there(Map.of("a", one, "b", two)); // and stays so when it comes back
    awaitBackends("a DRAINING", "b UP");
    there(Map.of("b", two));
    awaitBackends("b UP");
    deployed.appliance().enable("echoes", "a"); // may come back as any other then
    assertThatThrownBy(() -> deployed.appliance().enable("echoes", "a"))
        .isInstanceOf(IllegalArgumentException.class);
    there(Map.of("a", one, "b", two));
    awaitBackends("a UP", "b UP");
    var added =
        new SluiceConfig.Backend(
            "c", new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 9), 1);
    deployed.appliance().change("echoes", "c", is -> Optional.of(added));
    awaitBackends("a UP", "b UP", "c UP");
    assertThat(pool().backends())
        .extracting(BackendStatus::origin)
        .containsExactly("file", "file", "configured");
  }
}
