package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.metrics.Drop;
import io.sluice.net.KernelFeatures;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What an operator sees of a configuration that runs: REST's views and Prometheus's numbers,
 * exactly.
 */
class RelayTest {
  @AutoClose private final Deployment deployed;
  private final Appliance appliance;

  RelayTest(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
    deployed.start(config("127.0.0.1:0", ""));
    appliance = deployed.appliance();
  }

  @Test
  void metricsCountWhatHappenedAndNothingElse() throws Exception {
    Client client = deployed.keep(new Client("127.0.0.1"));
    for (int i = 0; i < 5; i++) {
      client.ask(deployed.front(), new byte[10]);
    }
    client.send(deployed.front(), new byte[101]); // max-datagram is 100
    await().until(() -> drops(Drop.OVERSIZE) == 1);
    deployed.keep(new Client("127.0.0.66")).send(deployed.front(), new byte[10]);
    await().until(() -> drops(Drop.FILTER) == 1);

    assertThat(metric("sluice_datagrams_total", "front", "echo", "direction", "request"))
        .isEqualTo(7);
    assertThat(metric("sluice_datagrams_total", "front", "echo", "direction", "reply"))
        .isEqualTo(5);
    assertThat(metric("sluice_datagrams_forwarded_total", "front", "echo", "direction", "request"))
        .isEqualTo(5);
    assertThat(metric("sluice_bytes_total", "front", "echo", "direction", "request"))
        .isEqualTo(161);
    assertThat(metric("sluice_drops_total", "front", "echo", "reason", "OVERSIZE")).isEqualTo(1);
    assertThat(metric("sluice_filter_drops_total", "front", "echo", "filter", "access-list"))
        .isEqualTo(1);
    assertThat(metric("sluice_drops_total", "front", "echo", "reason", "FLOW_LIMIT")).isZero();
    assertThat(metric("sluice_flows", "front", "echo")).isEqualTo(1);
    assertThat(metric("sluice_flows_assured", "front", "echo")).isEqualTo(1);
    assertThat(metric("sluice_flows_opened_total", "front", "echo")).isEqualTo(1);
    assertThat(metric("sluice_flows_closed_total", "front", "echo", "reason", "IDLE")).isZero();
    assertThat(metric("sluice_kernel_drops_total", "front", "echo")).isZero();
    assertThat(metric("sluice_handover_total")).isZero();
    assertThat(metric("sluice_reply_latency_seconds_count", "pool", "echoes")).isEqualTo(5);
    assertThat(metric("sluice_reply_latency_seconds_bucket", "pool", "echoes", "le", "+Inf"))
        .isEqualTo(5);
    double toBoth = 0;
    for (String backend : List.of("one", "two")) {
      assertThat(metric("sluice_backend_up", "pool", "echoes", "backend", backend)).isEqualTo(1);
      toBoth +=
          metric(
              "sluice_backend_datagrams_total",
              "pool",
              "echoes",
              "backend",
              backend,
              "direction",
              "reply");
    }
    assertThat(toBoth).isEqualTo(5);
    assertThat(metric("sluice_workers_active")).isEqualTo(1);
    assertThat(metric("sluice_worker_flows", "worker", "0")).isEqualTo(1);
    assertThat(metric("sluice_worker_flows", "worker", "1")).isZero();
    assertThat(metric("sluice_worker_utilisation", "worker", "0")).isBetween(0.0, 1.0);
    assertThat(metric("sluice_worker_utilisation", "worker", "1")).isZero();
    int ports = KernelFeatures.localPorts().cardinality();
    assertThat(metric("sluice_ports_free", "pool", "echoes", "source", "any")).isEqualTo(ports - 1);
    assertThat(metric("sluice_fds_free")).isBetween(1.0, Supply.fdsMax() - 2.0 - 1 - 1);
    assertThat(
            metric(
                "sluice_build_info",
                "version",
                Build.version(),
                "java",
                Build.java(),
                "netty",
                Build.netty()))
        .isEqualTo(1);
  }

  @Test
  void theViewsAgreeWithWhatHappened() throws Exception {
    Client client = deployed.keep(new Client("127.0.0.1"));
    client.ask(deployed.front(), new byte[10]);

    assertThat(appliance.ready()).isTrue();
    Appliance.Status status = appliance.status();
    assertThat(status.phase()).isEqualTo(Appliance.Phase.RUNNING);
    assertThat(status.flows()).isEqualTo(1);
    assertThat(status.workers()).isEqualTo(1);
    Appliance.FrontStatus front = appliance.fronts().getFirst();
    assertThat(front.flows()).isEqualTo(1);
    assertThat(front.assuredFlows()).isEqualTo(1);
    assertThat(front.maxFlows()).isEqualTo(1_000);
    Appliance.PoolStatus pool = appliance.pools().getFirst();
    assertThat(pool.policy()).isEqualTo("maglev");
    assertThat(pool.affinity()).isEqualTo("source-address");
    assertThat(pool.backends())
        .extracting(Appliance.BackendStatus::name)
        .containsExactly("one", "two");
    assertThat(pool.backends()).extracting(Appliance.BackendStatus::state).containsOnly("UP");
    Appliance.FlowStatus flow = page(10, 0).flows().getFirst();
    assertThat(flow.client()).isEqualTo(client.address());
    assertThat(flow.local()).isEqualTo(deployed.front());
    assertThat(flow.backend()).isIn("one", "two");
    assertThat(flow.requestBytes()).isEqualTo(10);
    assertThat(flow.idle()).isLessThan(Duration.ofSeconds(5));
  }

  @Test
  void anOperatorFixesHowManyWorkersAreActiveAndLetsGo() throws Exception {
    Client client = deployed.keep(new Client("127.0.0.1"));
    client.ask(deployed.front(), (byte) 1);
    assertWorkers(1, Appliance.Scaling.AUTOMATIC, 2, 0);

    appliance.scale(2);
    assertWorkers(2, Appliance.Scaling.FIXED, 1, 1);
    assertThat(appliance.status().workers()).isEqualTo(2);
    assertThat(client.ask(deployed.front(), (byte) 2)).containsExactly(2);

    appliance.scale(1);
    assertWorkers(1, Appliance.Scaling.FIXED, 2, 0);
    assertThat(client.ask(deployed.front(), (byte) 3)).containsExactly(3);

    appliance.scale(0);
    assertWorkers(1, Appliance.Scaling.AUTOMATIC, 2, 0);
    assertThat(appliance.workers().workers().getFirst().flows()).isEqualTo(1);
    // One datagram came while both were active: at the listener that had moved, or at the other.
    assertThat(metric("sluice_handover_total")).isIn(0.0, 1.0);
    for (int count : new int[] {-1, 3}) {
      assertThatThrownBy(() -> appliance.scale(count))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("must be 1 to 2 (workers.max), or 0 for automatic, not " + count);
    }
  }

  private void assertWorkers(int count, Appliance.Scaling scaling, long... listeners) {
    Appliance.WorkersStatus status = appliance.workers();
    assertThat(status.count()).isEqualTo(count);
    assertThat(status.scaling()).isEqualTo(scaling);
    assertThat(List.of(status.min(), status.max())).containsExactly(1, 2);
    assertThat(status.workers())
        .extracting(Appliance.WorkerStatus::active)
        .containsExactly(true, count > 1);
    assertThat(status.workers().stream().mapToLong(Appliance.WorkerStatus::listeners))
        .containsExactly(LongStream.of(listeners).boxed().toArray(Long[]::new));
  }

  @Test
  void pagesOfFlowsHoldEachFlowOnceInTheOrderOfIds() throws Exception {
    List<Client> clients = new ArrayList<>();
    for (int i = 0; i < 25; i++) {
      Client client = deployed.keep(new Client("127.0.0.1"));
      client.ask(deployed.front(), (byte) i);
      clients.add(client);
    }
    List<Appliance.FlowStatus> all = new ArrayList<>();
    Optional<Long> after = Optional.of(0L);
    int pages = 0;
    for (; after.isPresent(); pages++) {
      Appliance.FlowPage page = page(10, after.get());
      all.addAll(page.flows());
      after = page.next();
    }
    assertThat(pages).isEqualTo(3);
    assertThat(all).extracting(Appliance.FlowStatus::id).isSorted().doesNotHaveDuplicates();
    assertThat(all)
        .extracting(Appliance.FlowStatus::client)
        .containsExactlyInAnyOrderElementsOf(clients.stream().map(Client::address).toList());

    assertThat(page(25, 0).next()).isEmpty(); // a full page can be the last
  }

  @Test
  void flowsAreFoundByFrontBackendAndClient() throws Exception {
    Client client = deployed.keep(new Client("127.0.0.1"));
    Client other = deployed.keep(new Client("127.0.0.2"));
    client.ask(deployed.front(), (byte) 1);
    other.ask(deployed.front(), (byte) 1);
    InetAddress ip = client.address().getAddress();

    assertThat(find(null, null, new Appliance.Client(ip, 0))).hasSize(1);
    assertThat(find(null, null, new Appliance.Client(ip, client.address().getPort()))).hasSize(1);
    assertThat(find(null, null, new Appliance.Client(ip, other.address().getPort()))).isEmpty();
    assertThat(find("echo", null, null)).hasSize(2);
    assertThat(find("nobody", null, null)).isEmpty();
    assertThat(find(null, "one", null).size() + find(null, "two", null).size()).isEqualTo(2);
  }

  @Test
  void drainingIsShownAndEndsWithTheLastFlow() throws Exception {
    Client client = deployed.keep(new Client("127.0.0.1"));
    client.ask(deployed.front(), (byte) 1);
    deployed.datapath().drain(Duration.ofMillis(1));
    assertThat(appliance.ready()).isFalse();
    assertThat(appliance.status().phase()).isEqualTo(Appliance.Phase.DRAINING);
    assertThat(client.ask(deployed.front(), (byte) 2)).containsExactly(2);
    deployed.datapath().drain(Duration.ofSeconds(30)); // quiet for a second: done
    assertThat(appliance.status().flows()).isZero();
  }

  @Test
  void anAddressInUseSaysWhoseAndWhatToDo() throws Exception {
    int port = deployed.front().getPort();
    assertThatThrownBy(() -> deployed.start(config("127.0.0.1:" + port, "")))
        .isInstanceOf(StartFailure.class)
        .hasMessage(
            "front 'echo': cannot bind 127.0.0.1 port %1$d/udp: something else has it;"
                    .formatted(port)
                + " `ss -lnup 'sport = :%1$d'` shows what: stop that, or change the port"
                    .formatted(port));
  }

  @Test
  void anAddressOfNobodyHereSaysSo() {
    assertThatThrownBy(() -> deployed.start(config("192.0.2.1:0", "")))
        .isInstanceOf(StartFailure.class)
        .hasMessage(
            "front 'echo': cannot bind 192.0.2.1 port 0/udp: no interface of this machine has that"
                + " address; `ip address` lists those it has");
  }

  @Test
  void aSourceAddressOfNobodyHereSaysSo() {
    assertThatThrownBy(
            () ->
                deployed.start(
                    config("127.0.0.1:0", "source-addresses = [\"127.0.0.7\", \"192.0.2.1\"]")))
        .isInstanceOf(StartFailure.class)
        .hasMessage(
            "pool 'echoes': cannot send from source address 192.0.2.1: no interface of this machine"
                + " has that address; `ip address` lists those it has");
  }

  @Test
  void flowsLeaveFromTheSourceAddressesEvenly() throws Exception {
    deployed.restart(config("127.0.0.1:0", "source-addresses = [\"127.0.0.7\", \"127.0.0.8\"]"));
    for (int i = 0; i < 4; i++) {
      deployed.keep(new Client("127.0.0.1")).ask(deployed.front(), (byte) i);
    }
    int ports = KernelFeatures.localPorts().cardinality();
    for (String source : List.of("127.0.0.7", "127.0.0.8")) {
      // One of two backends has at least two of four flows, from either address one or two.
      assertThat(
              deployed
                  .appliance()
                  .metrics()
                  .getSampleValue(
                      "sluice_ports_free",
                      new String[] {"pool", "source"},
                      new String[] {"echoes", source}))
          .isBetween(ports - 2.0, ports - 1.0);
    }
  }

  private String config(String listen, String ofPool) {
    return """
    sluice {
      workers { min = 1, max = 2 }
      fronts { echo { listen = ["%s"], pool = echoes, max-datagram = 100, flows { max = 1000, unassured-max = 1000 }
        filters = [ { type = access-list, deny = ["127.0.0.66"] } ] } }
      pools { echoes { backends { one { address = "127.0.0.1:%d" }, two { address = "127.0.0.1:%d" } }, %s } }
    }
    """
        .formatted(
            listen, deployed.one().address().getPort(), deployed.two().address().getPort(), ofPool);
  }

  private Appliance.FlowPage page(int limit, long after) {
    return appliance.flows(
        new Appliance.FlowQuery(
            Optional.empty(), Optional.empty(), Optional.empty(), limit, after));
  }

  private List<Appliance.FlowStatus> find(
      @Nullable String front, @Nullable String backend, Appliance.@Nullable Client client) {
    return appliance
        .flows(
            new Appliance.FlowQuery(
                Optional.ofNullable(front),
                Optional.ofNullable(backend),
                Optional.ofNullable(client),
                100,
                0))
        .flows();
  }

  private long drops(Drop reason) {
    return appliance.drops().getFirst().request().dropped().getOrDefault(reason, 0L);
  }

  private double metric(String name, String... labelsAndValues) {
    String[] labels = everySecond(labelsAndValues, 0);
    String[] values = everySecond(labelsAndValues, 1);
    Double value = appliance.metrics().getSampleValue(name, labels, values);
    assertThat(value).as(name).isNotNull();
    return value == null ? Double.NaN : value;
  }

  private static String[] everySecond(String[] of, int from) {
    return IntStream.range(0, of.length / 2).mapToObj(i -> of[2 * i + from]).toArray(String[]::new);
  }
}
