package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.SluiceConfig;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What outlives a process: what was changed, put and drained. */
class StateFileTest {
  @AutoClose private final Deployment deployed;

  StateFileTest(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
    deployed.start(deployed.stateful(""));
  }

  @Test
  void changesOutliveAProcessWithAStateFile() throws Exception {
    deployed.weigh("one", 7);
    deployed.appliance().change("echoes", "two", was -> Optional.empty());
    deployed
        .appliance()
        .change(
            "echoes",
            "three",
            was -> Optional.of(new SluiceConfig.Backend("three", deployed.two().address(), 2)));
    deployed.appliance().drain("echoes", "one", Optional.of(Duration.ofHours(1)));
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(deployed.state())))
        .isEqualTo("rw-------");

    deployed.restart(deployed.stateful(""));
    assertThat(deployed.weights()).containsExactly(7, 2);
    assertThat(deployed.states()).containsExactly("DRAINING", "UP");
    assertDrainedFromTheFirst();
    deployed.appliance().enable("echoes", "one");

    deployed.restart(deployed.stateful(""));
    assertThat(deployed.states()).containsExactly("UP", "UP");
    try (Stream<Path> files = Files.list(deployed.state().getParent())) {
      assertThat(files).containsExactly(deployed.state());
    }
  }

  @Test
  void aDrainedBackendThatMovesIsDrainedFromTheFirst() throws Exception {
    InetSocketAddress elsewhere = deployed.keep(new EchoServer("127.0.0.1")).address();
    deployed.appliance().drain("echoes", "one", Optional.empty());
    deployed
        .appliance()
        .change("echoes", "one", was -> Optional.of(new SluiceConfig.Backend("one", elsewhere, 1)));
    assertDrainedFromTheFirst();
  }

  /** It has never been anything else. */
  private void assertDrainedFromTheFirst() {
    Appliance.BackendStatus one = deployed.backends().getFirst();
    assertThat(one.state()).isEqualTo("DRAINING");
    assertThat(one.dossier().history()).isEmpty();
    assertThat(one.dossier().draining()).isPresent();
  }

  @Test
  void whatWasPutOutlivesAProcessWithAStateFile() throws Exception {
    deployed.appliance().configure(deployed.stateful("max-datagram = 10"), was -> {});
    deployed.restart(deployed.stateful("max-datagram = 20"));
    assertThat(deployed.datapath().inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(10);
    deployed.appliance().reload();
    assertThat(deployed.datapath().inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(20);
    deployed.restart(deployed.stateful("max-datagram = 20"));
    assertThat(deployed.datapath().inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(20);
  }

  @Test
  void aStateFileThatIsNoGoodIsKeptAsideAndIgnored() throws Exception {
    deployed.weigh("one", 7);
    String good = Files.readString(deployed.state());
    deployed.appliance().configure(deployed.stateful("max-datagram = 10"), was -> {});
    String put = Files.readString(deployed.state());
    int aside = 0;
    for (String bad :
        List.of(
            "",
            good.substring(0, good.length() / 2),
            good.replace("7", "\"seven\""),
            good.replace("\"format\" : 1", "\"format\" : 2"),
            put.replace("\"at\" : \"2", "\"at\" : \"x"),
            put.replace("max-datagram", "min-datagram"),
            put.replace("\\\"max\\\":2", "\\\"max\\\":4"))) {
      Files.writeString(deployed.state(), bad);
      deployed.restart(deployed.stateful(""));
      assertThat(deployed.weights()).as(bad).containsExactly(1, 1);
      assertThat(Files.exists(deployed.state())).as(bad).isFalse();
      aside++;
      try (Stream<Path> files = Files.list(deployed.state().getParent())) {
        assertThat(files.filter(file -> file.toString().contains("state.json.corrupt-")))
            .as(bad)
            .hasSize(aside);
      }
    }
  }

  @Test
  void aStateFileThatCannotBeReadIsLeftAlone() throws Exception {
    Path inside = Files.createDirectory(deployed.state()).resolve("precious");
    Files.writeString(inside, "x");
    deployed.restart(deployed.stateful(""));
    assertThat(deployed.appliance().drain("echoes", "one", Optional.empty()))
        .singleElement()
        .asString()
        .contains("will not outlive a restart")
        .contains("could not be read at start");
    assertThat(inside).hasContent("x");
    try (Stream<Path> files = Files.list(deployed.state().getParent())) {
      assertThat(files).containsExactly(deployed.state());
    }
  }

  @Test
  void whoeverChangesSomethingIsToldThatItWillNotOutliveARestart() throws Exception {
    String lost = "in force, but will not outlive a restart: the state file cannot be written: ";
    Files.delete(deployed.state().getParent());
    assertThat(deployed.appliance().drain("echoes", "one", Optional.empty()))
        .singleElement()
        .asString()
        .startsWith(lost);
    assertThat(deployed.states()).containsExactly("DRAINING", "UP");
    assertThat(deployed.appliance().configure(deployed.stateful(""), was -> {}).warnings())
        .singleElement()
        .asString()
        .startsWith(lost);

    Files.createDirectory(deployed.state().getParent());
    assertThat(deployed.appliance().reload().changes()).as("said so").hasSize(1);
    deployed.restart(deployed.stateful(""));
    assertThat(deployed.states()).as("made good since").containsExactly("DRAINING", "UP");
  }

  @Test
  void whatKeepsTheFileFromStartingLeavesTheStateFileAlone() throws Exception {
    deployed.weigh("one", 7);
    String kept = Files.readString(deployed.state());
    int taken = deployed.keep(new Client("127.0.0.1")).address().getPort();
    assertThatThrownBy(
            () ->
                deployed.restart(
                    deployed.stateful("").replace("127.0.0.1:0", "127.0.0.1:" + taken)))
        .isInstanceOf(StartFailure.class);
    assertThat(Files.readString(deployed.state())).isEqualTo(kept);
    deployed.start(deployed.stateful(""));
    assertThat(deployed.weights()).containsExactly(7, 1);
  }
}
