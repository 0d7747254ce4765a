package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.config.Document;
import io.sluice.config.SluiceConfig;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** An appliance as it is deployed: with a file, two echo backends and a client. */
final class Deployment {
  private final List<AutoCloseable> open = new ArrayList<>();
  private final Path dir;
  private Balancer.Factory whim = Policies.maglev();
  private final EchoServer one = keep(new EchoServer("127.0.0.1"));
  private final EchoServer two = keep(new EchoServer("127.0.0.1"));
  private final Client client = keep(new Client("127.0.0.1"));

  @SuppressWarnings("NullAway.Init")
  private Datapath datapath;

  Deployment(Path dir) throws Exception {
    this.dir = dir;
    Files.createDirectory(dir.resolve("kept"));
  }

  /** Offers a policy as {@code balance.policy = whim} from the next start on. */
  void offer(Balancer.Factory policy) {
    whim = policy;
  }

  void close() throws Exception {
    for (AutoCloseable each : open.reversed()) {
      each.close();
    }
  }

  Datapath datapath() {
    return datapath;
  }

  Appliance appliance() {
    return datapath.appliance();
  }

  EchoServer one() {
    return one;
  }

  EchoServer two() {
    return two;
  }

  Client client() {
    return client;
  }

  String config(String ofFront) {
    return """
    sluice {
      workers { min = 1, max = 2 }
      fronts { echo { listen = ["127.0.0.1:0"], pool = echoes, %s } }
      pools { echoes { backends { one { address = "127.0.0.1:%d", weight = 1 }, two { address = "127.0.0.1:%d" } } } }
    }
    """
        .formatted(ofFront, one.address().getPort(), two.address().getPort());
  }

  String stateful(String ofFront) {
    return config(ofFront) + "sluice.admin.state-file = \"" + state() + "\"\n";
  }

  Path file() {
    return dir.resolve("sluice.conf");
  }

  Path state() {
    return dir.resolve("kept").resolve("state.json");
  }

  void write(String text) throws Exception {
    Files.writeString(file(), text);
  }

  void start(String text) throws Exception {
    write(text);
    Plugins plugins = Plugins.load(getClass().getClassLoader()).balancer("whim", whim);
    datapath = new EpollTransport().open(Document.read(file(), plugins.names()), plugins);
    open.add(datapath);
  }

  void restart(String text) throws Exception {
    datapath.close();
    open.remove(datapath);
    start(text);
  }

  void weigh(String backend, int weight) throws Exception {
    appliance()
        .change(
            "echoes",
            backend,
            was ->
                Optional.of(
                    new SluiceConfig.Backend(backend, was.orElseThrow().address(), weight)));
  }

  List<Integer> weights() {
    return backends().stream().map(Appliance.BackendStatus::weight).toList();
  }

  List<String> states() {
    return backends().stream().map(Appliance.BackendStatus::state).toList();
  }

  List<Appliance.BackendStatus> backends() {
    return appliance().pools().getFirst().backends();
  }

  void ask(int n) throws Exception {
    assertThat(client.ask(front(), (byte) n)).containsExactly(n);
  }

  InetSocketAddress front() {
    return appliance().fronts().getFirst().listen().getFirst();
  }

  List<Appliance.FlowStatus> flows() {
    return appliance()
        .flows(
            new Appliance.FlowQuery(Optional.empty(), Optional.empty(), Optional.empty(), 100, 0))
        .flows();
  }

  long lost() {
    return appliance().drops().getFirst().request().dropped().values().stream()
        .mapToLong(Long::longValue)
        .sum();
  }

  static int freePort() throws Exception {
    try (Client free = new Client("127.0.0.2")) {
      return free.address().getPort();
    }
  }

  List<Journal.Event> configEvents() {
    return appliance().journal().after(0).stream()
        .filter(event -> event.kind() == Journal.Kind.CONFIG)
        .toList();
  }

  /** Applied, unchanged, invalid, refused. */
  List<Integer> results() {
    return Stream.of("applied", "unchanged", "invalid", "refused")
        .map(
            result ->
                Objects.requireNonNull(
                        appliance()
                            .metrics()
                            .getSampleValue(
                                "sluice_config_reloads_total",
                                new String[] {"result"},
                                new String[] {result}))
                    .intValue())
        .toList();
  }

  <T extends AutoCloseable> T keep(T closeable) {
    open.add(closeable);
    return closeable;
  }
}
