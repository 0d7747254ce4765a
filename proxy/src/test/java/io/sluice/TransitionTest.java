package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.Document;
import io.sluice.config.SluiceConfig;
import io.sluice.metrics.Journal;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.Workers;
import io.sluice.trace.Traces;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** From one configuration to the next, or back before anything has changed. */
class TransitionTest {
  private final ScheduledThreadPoolExecutor control = new ScheduledThreadPoolExecutor(1);

  @SuppressWarnings("NullAway.Init")
  private EchoServer echo;

  @SuppressWarnings("NullAway.Init")
  private Client client;

  @SuppressWarnings("NullAway.Init")
  private Plugins plugins;

  @SuppressWarnings("NullAway.Init")
  private Plant plant;

  @SuppressWarnings("NullAway.Init")
  private SluiceConfig was;

  @BeforeEach
  void open() throws Exception {
    control.setRemoveOnCancelPolicy(true);
    echo = new EchoServer("127.0.0.1");
    client = new Client("127.0.0.1");
    plugins = Plugins.load(getClass().getClassLoader());
    was = config("listen = [\"127.0.0.1:0\"]", "", "");
    plant =
        new Plant(
            was.workers(),
            plugins,
            Workers.start(1, 2),
            control,
            new Ports(KernelFeatures.localPorts(), new Fds(1_000)),
            Traces.none(),
            new Journal(InstantSource.system()));
    plant.become(aim(was));
  }

  @AfterEach
  void close() throws Exception {
    plant.close();
    client.close();
    echo.close();
  }

  @Test
  void whatWasOpenedInVainIsClosedAndWhatRunsHasNotNoticed() throws Exception {
    InetSocketAddress at = plant.fronts.getFirst().bound().getFirst().toInetSocketAddress();
    assertThat(client.ask(at, (byte) 1)).containsExactly(1);
    SluiceConfig next =
        config(
            "listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"], peer-sockets = connected",
            "g { listen = [\"127.0.0.3:0\"], pool = q }",
            "q { source-addresses = [\"127.0.0.1\"], backends { b { address = \"127.0.0.1:9\" } }"
                + " }");
    long fds = Supply.fdsOpen();
    int timers = control.getQueue().size();
    var pools = Map.copyOf(plant.pools);
    var dialers = Map.copyOf(plant.dialers);
    var fronts = List.copyOf(plant.fronts);

    try (Transition transition = new Transition(plant, Optional.of(aim(was)), aim(next))) {
      transition.open();
      assertThat(Supply.fdsOpen()).as("it opens something").isEqualTo(fds + 4);
      assertThat(control.getQueue()).hasSize(timers + 1);
    }

    assertThat(Supply.fdsOpen()).isEqualTo(fds);
    assertThat(control.getQueue()).hasSize(timers);
    assertThat(plant.pools).isEqualTo(pools);
    assertThat(plant.dialers).isEqualTo(dialers);
    assertThat(plant.fronts).isEqualTo(fronts);
    assertThat(client.ask(at, (byte) 2)).containsExactly(2);
    assertThat(plant.flowCount()).isEqualTo(1);
    assertThat(plant.fronts.getFirst().flows().opened()).isEqualTo(1);
  }

  @Test
  void whatIsAppliedStaysOpen() throws Exception {
    SluiceConfig next =
        config(
            "listen = [\"127.0.0.1:0\", \"127.0.0.2:0\"]",
            "",
            "q { backends { b { address = \"127.0.0.1:9\" } } }");
    plant.become(aim(next));
    assertThat(plant.pools).containsOnlyKeys("p", "q");
    InetSocketAddress added = plant.fronts.getFirst().bound().getLast().toInetSocketAddress();
    assertThat(client.ask(added, (byte) 1)).containsExactly(1);
  }

  @Test
  void moreBackendsThanThereIsHeapForAreRefusedBeforeAnyOfItIsTaken() throws Exception {
    long most = Runtime.getRuntime().maxMemory() / 4;
    int tooMany = (int) (most / (4L * plant.ports.count())) + 1;
    String backends =
        IntStream.range(0, tooMany)
            .mapToObj(i -> "b%d { address = \"127.1.%d.%d:9\" }".formatted(i, i >> 8, i & 255))
            .collect(Collectors.joining(", "));
    Aim next =
        aim(config("listen = [\"127.0.0.1:0\"]", "", "q { backends { %s } }".formatted(backends)));
    assertThatThrownBy(() -> plant.become(next))
        .isInstanceOf(StartFailure.class)
        .hasMessageContaining("a quarter of it, are for them: fewer backends");
    assertThat(plant.pools).containsOnlyKeys("p");
  }

  private static Aim aim(SluiceConfig config) {
    return Findings.NONE.over(config, Set.of());
  }

  private SluiceConfig config(String ofFront, String moreFronts, String morePools)
      throws Exception {
    String text =
        """
        sluice {
          workers { min = 1, max = 2 }
          fronts { f { %s, pool = p }, %s }
          pools { p { backends { a { address = "127.0.0.1:%d" } } }, %s }
        }
        """
            .formatted(ofFront, moreFronts, echo.address().getPort(), morePools);
    return Document.parse("test", text, plugins.names(), Optional.empty()).config();
  }
}
