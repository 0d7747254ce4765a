package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.Appliance.Applied;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.metrics.Journal;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The one door by which another configuration comes into force, while datagrams move. */
class ReloadTest {
  private final List<AutoCloseable> open = new ArrayList<>();

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path dir;

  @SuppressWarnings("NullAway.Init")
  private EchoServer one;

  @SuppressWarnings("NullAway.Init")
  private EchoServer two;

  @SuppressWarnings("NullAway.Init")
  private Datapath datapath;

  @SuppressWarnings("NullAway.Init")
  private Appliance appliance;

  @SuppressWarnings("NullAway.Init")
  private Client client;

  @BeforeEach
  void open() throws Exception {
    one = keep(new EchoServer("127.0.0.1"));
    two = keep(new EchoServer("127.0.0.1"));
    client = keep(new Client("127.0.0.1"));
    start(config(""));
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  @Test
  void theSameFileAgainChangesNothing() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    assertThat(appliance.reload()).isEqualTo(new Applied(before.version(), List.of()));
    assertThat(appliance.config()).isEqualTo(before);
    assertThat(results()).containsExactly(0, 1, 0, 0);
    assertThat(configEvents()).isEmpty();
  }

  @Test
  void whatTheFileSaysAnewIsInForceAndFlowsStay() throws Exception {
    ask(1);
    long flow = flows().getFirst().id();
    write(config("max-datagram = 10, flows.max = 7").replace("weight = 1", "weight = 5"));

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
    ask(2);
    assertThat(flows()).extracting(Appliance.FlowStatus::id).containsExactly(flow);
    assertThat(results()).containsExactly(1, 0, 0, 0);
    Journal.Event event = configEvents().getFirst();
    assertThat(event.what()).isEqualTo("APPLIED");
    assertThat(event.subject()).isEqualTo(file().toString());
    assertThat(event.why()).startsWith("fronts.echo.max-datagram: 1500 -> 10; ");
  }

  @Test
  void whatIsWrongChangesNothingAndAllOfItIsTold() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    write(config("max-datagram = 0, pool-of = x"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOfSatisfying(
            InvalidConfig.class,
            e ->
                assertThat(e.problems())
                    .extracting(Problem::path)
                    .contains("sluice.fronts.echo.max-datagram", "sluice.fronts.echo.pool-of"));
    assertThat(appliance.config()).isEqualTo(before);
    ask(1);
    assertThat(results()).containsExactly(0, 0, 1, 0);
    assertThat(configEvents()).extracting(Journal.Event::what).containsExactly("INVALID");
  }

  @Test
  void whatTakesARestartIsRefusedWithTheRest() throws Exception {
    Appliance.ConfigStatus before = appliance.config();
    write(config("max-datagram = 10").replace("max = 2", "max = 3"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(Refused.class)
        .hasMessage(
            "cannot change while running: workers.max: 2 -> 3: restart Sluice for that, or leave"
                + " it as it was");
    assertThat(appliance.config()).isEqualTo(before);
    assertThat(client.ask(front(), new byte[11])).hasSize(11);
    assertThat(results()).containsExactly(0, 0, 0, 1);
    assertThat(configEvents()).extracting(Journal.Event::what).containsExactly("REFUSED");
  }

  @Test
  void whatCannotBeOpenedIsRefusedAndNothingStaysOpen() throws Exception {
    ask(1);
    Client taken = keep(new Client("127.0.0.2"));
    int free = freePort();
    long fds = Supply.fdsOpen();
    write(
        config("")
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
    keep(new Client("127.0.0.2", free));
    ask(2);
  }

  @Test
  void frontsAndPoolsComeAndGo() throws Exception {
    ask(1);
    int port = freePort();
    String more =
        config("")
            .replace(
                "fronts {",
                "fronts { more { listen = [\"127.0.0.2:%d\"], pool = more },".formatted(port))
            .replace(
                "pools {",
                "pools { more { backends { a { address = \"127.0.0.1:%d\" } } },"
                    .formatted(two.address().getPort()));
    write(more);
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.more: added", "pools.more: added");
    InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.2"), port);
    Client other = keep(new Client("127.0.0.1"));
    assertThat(other.ask(at, (byte) 9)).containsExactly(9);
    assertThat(appliance.pools()).extracting(Appliance.PoolStatus::name).contains("more");

    write(config(""));
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.more: removed", "pools.more: removed");
    assertThat(appliance.status().flows()).isEqualTo(1);
    keep(new Client("127.0.0.2", port)); // or it could not be bound
    ask(2);
  }

  @Test
  void anAddressGoesFromOneFrontToAnother() throws Exception {
    int port = freePort();
    write(config("").replace("127.0.0.1:0", "127.0.0.1:" + port));
    appliance.reload();
    ask(1);
    for (String name : List.of("renamed", "echo")) {
      write(config("").replace("127.0.0.1:0", "127.0.0.1:" + port).replace("echo {", name + " {"));
      assertThat(appliance.reload().changes())
          .containsExactlyInAnyOrder(
              "fronts.echo: " + (name.equals("echo") ? "added" : "removed"),
              "fronts.renamed: " + (name.equals("echo") ? "removed" : "added"));
      assertThat(appliance.fronts()).extracting(Appliance.FrontStatus::name).containsExactly(name);
      ask(2);
    }
  }

  @Test
  void aFlowLeavesABackendThatIsTakenOutAndOnlyThat() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      clients.add(keep(new Client("127.0.0.1")));
      clients.getLast().ask(front(), (byte) 1);
    }
    List<Long> stay =
        flows().stream()
            .filter(flow -> flow.backend().equals("two"))
            .map(Appliance.FlowStatus::id)
            .toList();
    appliance.change("echoes", "one", was -> Optional.empty());
    int leaving = clients.size() - stay.size();
    assertThat(appliance.pools().getFirst().leaving())
        .containsExactly(new Appliance.LeavingStatus("one", one.address(), leaving));
    assertThat(leavingFlows()).isEqualTo(leaving);
    for (Client each : clients) {
      assertThat(each.ask(front(), (byte) 2)).containsExactly(2);
    }
    await().until(() -> appliance.pools().getFirst().leaving().isEmpty());
    assertThat(leavingFlows()).isZero();
    assertThat(flows()).extracting(Appliance.FlowStatus::backend).containsOnly("two");
    assertThat(flows()).extracting(Appliance.FlowStatus::id).containsAll(stay);
    assertThat(lost()).isZero();
  }

  @Test
  void whatWasChangedOfABackendStaysUnlessTheFileSaysAnotherThingOfIt() throws Exception {
    weigh("one", 7);
    weigh("two", 8);
    write(config("max-datagram = 10").replace("weight = 1", "weight = 3")); // of one
    assertThat(appliance.reload().changes())
        .containsExactly(
            "fronts.echo.max-datagram: 1500 -> 10",
            "pools.echoes.backends.one.weight: 7 -> 3",
            "pools.echoes.backends.one: what was changed is given up, the configuration has changed"
                + " there");
    assertThat(weights()).containsExactly(3, 8);
    weigh("two", 1); // as the file says
    write(config("").replace("weight = 1", "weight = 3"));
    assertThat(appliance.reload().changes())
        .containsExactly("fronts.echo.max-datagram: 10 -> 1500");
  }

  @Test
  void whatIsPutTakesThePlaceOfTheFileUntilThatIsReloaded() throws Exception {
    weigh("two", 8);
    Applied applied = appliance.configure(config("max-datagram = 10"), was -> {});
    assertThat(applied.changes())
        .containsExactly(
            "fronts.echo.max-datagram: 1500 -> 10", "pools.echoes.backends.two.weight: 8 -> 1");
    assertThat(appliance.config().source()).isEqualTo("PUT");
    List<String> changes = appliance.reload().changes();
    assertThat(changes).first().isEqualTo("fronts.echo.max-datagram: 10 -> 1500");
    assertThat(changes).last().asString().startsWith("what was put at ").endsWith(" for the file");
    assertThat(appliance.config().source()).isEqualTo(file().toString());
  }

  @Test
  void whoMeantAnotherConfigurationChangesNothing() {
    Appliance.ConfigStatus before = appliance.config();
    assertThatThrownBy(
            () ->
                appliance.configure(
                    config("max-datagram = 10"),
                    was -> {
                      assertThat(was).isEqualTo(before);
                      throw new IllegalStateException("another one");
                    }))
        .isInstanceOf(IllegalStateException.class);
    assertThat(appliance.config()).isEqualTo(before);
  }

  @Test
  void nothingIsOpenedToValidate() throws Exception {
    assertThat(appliance.validate(config("").replace("127.0.0.1:0", "192.0.2.1:53"))).isEmpty();
    assertThat(appliance.validate("sluice { x = 1 }")).isNotEmpty();
    assertThat(results()).containsExactly(0, 0, 0, 0);
  }

  @Test
  void thereIsNoPoolAndNoFileOfThatName() throws Exception {
    assertThatThrownBy(() -> appliance.change("nobody", "one", was -> was))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("no pool 'nobody'");
    Files.delete(file());
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(InvalidConfig.class)
        .hasMessageContaining("there is no such file");
  }

  @Test
  void changesOutliveAProcessWithAStateFile() throws Exception {
    restart(stateful(""));
    weigh("one", 7);
    appliance.change("echoes", "two", was -> Optional.empty());
    appliance.change(
        "echoes", "three", was -> Optional.of(new SluiceConfig.Backend("three", two.address(), 2)));
    appliance.drain("echoes", "one", Optional.of(Duration.ofHours(1)));
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(state())))
        .isEqualTo("rw-------");

    restart(stateful(""));
    assertThat(weights()).containsExactly(7, 2);
    await().until(() -> states().equals(List.of("DRAINING", "UP")));
    appliance.enable("echoes", "one");

    restart(stateful(""));
    assertThat(states()).containsExactly("UP", "UP");
    try (Stream<Path> files = Files.list(dir)) {
      assertThat(files).containsExactlyInAnyOrder(file(), state());
    }
  }

  @Test
  void whatWasPutOutlivesAProcessWithAStateFile() throws Exception {
    restart(stateful(""));
    appliance.configure(stateful("max-datagram = 10"), was -> {});
    restart(stateful("max-datagram = 20"));
    assertThat(datapath.inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(10);
    appliance.reload();
    assertThat(datapath.inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(20);
    restart(stateful("max-datagram = 20"));
    assertThat(datapath.inForce().fronts().getFirst().maxDatagramBytes()).isEqualTo(20);
  }

  @Test
  void aStateFileThatIsNoGoodIsKeptAsideAndIgnored() throws Exception {
    restart(stateful(""));
    weigh("one", 7);
    String good = Files.readString(state());
    appliance.configure(stateful("max-datagram = 10"), was -> {});
    String put = Files.readString(state());
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
      Files.writeString(state(), bad);
      restart(stateful(""));
      assertThat(weights()).as(bad).containsExactly(1, 1);
      assertThat(Files.exists(state())).as(bad).isFalse();
      aside++;
      try (Stream<Path> files = Files.list(dir)) {
        assertThat(files.filter(file -> file.toString().contains("state.json.corrupt-")))
            .as(bad)
            .hasSize(aside);
      }
    }
  }

  @Test
  void whatKeepsTheFileFromStartingLeavesTheStateFileAlone() throws Exception {
    restart(stateful(""));
    weigh("one", 7);
    String kept = Files.readString(state());
    int taken = keep(new Client("127.0.0.1")).address().getPort();
    assertThatThrownBy(() -> restart(stateful("").replace("127.0.0.1:0", "127.0.0.1:" + taken)))
        .isInstanceOf(StartFailure.class);
    assertThat(Files.readString(state())).isEqualTo(kept);
    start(stateful(""));
    assertThat(weights()).containsExactly(7, 1);
  }

  @Test
  void anOperatorEndsAFlowWhoseClientGetsAnother() throws Exception {
    ask(1);
    long flow = flows().getFirst().id();
    assertThat(appliance.end(flow)).isTrue();
    assertThat(appliance.end(flow)).isFalse();
    ask(2);
    assertThat(flows().getFirst().id()).isGreaterThan(flow);
  }

  @Test
  void whoAskedIsToldOfWhatIsInForceNowAndLater() throws Exception {
    List<Duration> told = new ArrayList<>();
    datapath.onApplied(document -> told.add(document.config().drainTimeout()));
    datapath.onApplied(
        document -> {
          throw new IllegalStateException("a bad listener");
        });
    write("sluice.drain-timeout = 3s\n" + config(""));
    appliance.reload();
    assertThat(told).containsExactly(Duration.ofSeconds(10), Duration.ofSeconds(3));
    assertThat(datapath.inForce().drainTimeout()).isEqualTo(Duration.ofSeconds(3));
  }

  @Test
  void nothingComesInOnceItIsStopping() throws Exception {
    datapath.drain(Duration.ofMillis(1));
    write(config("max-datagram = 10"));
    assertThatThrownBy(appliance::reload)
        .isInstanceOf(Refused.class)
        .hasMessage("Sluice is stopping");
  }

  private String config(String ofFront) {
    return """
    sluice {
      workers { min = 1, max = 2 }
      fronts { echo { listen = ["127.0.0.1:0"], pool = echoes, %s } }
      pools { echoes { backends { one { address = "127.0.0.1:%d", weight = 1 }, two { address = "127.0.0.1:%d" } } } }
    }
    """
        .formatted(ofFront, one.address().getPort(), two.address().getPort());
  }

  private String stateful(String ofFront) {
    return config(ofFront) + "sluice.admin.state-file = \"" + state() + "\"\n";
  }

  private Path file() {
    return dir.resolve("sluice.conf");
  }

  private Path state() {
    return dir.resolve("state.json");
  }

  private void write(String text) throws Exception {
    Files.writeString(file(), text);
  }

  private void start(String text) throws Exception {
    write(text);
    Plugins plugins = Plugins.load(getClass().getClassLoader());
    datapath = new EpollTransport().open(Document.read(file(), plugins.names()), plugins);
    appliance = datapath.appliance();
    open.add(datapath);
  }

  private void restart(String text) throws Exception {
    datapath.close();
    open.remove(datapath);
    start(text);
  }

  private void weigh(String backend, int weight) throws Exception {
    appliance.change(
        "echoes",
        backend,
        was -> Optional.of(new SluiceConfig.Backend(backend, was.orElseThrow().address(), weight)));
  }

  private List<Integer> weights() {
    return backends().stream().map(Appliance.BackendStatus::weight).toList();
  }

  private List<String> states() {
    return backends().stream().map(Appliance.BackendStatus::state).toList();
  }

  private List<Appliance.BackendStatus> backends() {
    return appliance.pools().getFirst().backends();
  }

  private double leavingFlows() {
    return appliance
        .metrics()
        .getSampleValue(
            "sluice_pool_leaving_flows", new String[] {"pool"}, new String[] {"echoes"});
  }

  private void ask(int n) throws Exception {
    assertThat(client.ask(front(), (byte) n)).containsExactly(n);
  }

  private InetSocketAddress front() {
    return appliance.fronts().getFirst().listen().getFirst();
  }

  private List<Appliance.FlowStatus> flows() {
    return appliance
        .flows(
            new Appliance.FlowQuery(Optional.empty(), Optional.empty(), Optional.empty(), 100, 0))
        .flows();
  }

  private long lost() {
    return appliance.drops().getFirst().request().dropped().values().stream()
        .mapToLong(Long::longValue)
        .sum();
  }

  private static int freePort() throws Exception {
    try (Client free = new Client("127.0.0.2")) {
      return free.address().getPort();
    }
  }

  private List<Journal.Event> configEvents() {
    return appliance.journal().after(0).stream()
        .filter(event -> event.kind() == Journal.Kind.CONFIG)
        .toList();
  }

  /** Applied, unchanged, invalid, refused. */
  private List<Integer> results() {
    return Stream.of("applied", "unchanged", "invalid", "refused")
        .map(
            result ->
                Objects.requireNonNull(
                        appliance
                            .metrics()
                            .getSampleValue(
                                "sluice_config_reloads_total",
                                new String[] {"result"},
                                new String[] {result}))
                    .intValue())
        .toList();
  }

  private <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }
}
