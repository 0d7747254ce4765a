package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A real name server whose zone changes, under load: nothing is lost or out of order, no flow moves
 * whose backend is still there, and while the server is silent nothing changes.
 *
 * <p>{@code -Dsluice.zones=100} for the long version, {@code -Dsluice.seed=N} for the same again.
 */
class DiscoveryIT {
  private static final int ZONES = Integer.getInteger("sluice.zones", 3);
  private static final int CLIENTS = 24;
  private static final int SERVERS = 6;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final long seed = Long.getLong("sluice.seed", 90_114_720_553L);
  private final Random random = new Random(seed);
  private final List<Long> tookMillis = new ArrayList<>();
  private final Path dir;
  @AutoClose private final Deployment deployed;

  DiscoveryIT(@TempDir Path dir) throws Exception {
    this.dir = dir;
    deployed = new Deployment(dir);
  }

  @Test
  @Timeout(900)
  void nothingIsLostWhileTheZoneChanges() throws Exception {
    System.out.printf("DiscoveryIT: %d zones, -Dsluice.seed=%d%n", ZONES, seed);
    Numbered servers = deployed.keep(new Numbered(SERVERS, CLIENTS));
    Set<Integer> there = Set.of(0, 1, 2);
    assertThat(dir.toFile().setExecutable(true, false)).isTrue(); // NSD may give up root
    Nsd nsd = deployed.keep(new Nsd(dir, zone(servers, there)));
    start(nsd.address());
    awaitDealt(servers, there);
    InetSocketAddress front = deployed.front();
    Asking asking = deployed.keep(new Asking(CLIENTS, CLIENTS, front, front, servers));
    asking.round();
    int moved = 0;
    for (int i = 0; i < ZONES; i++) {
      Set<Integer> next = other(there);
      int[] was = asking.whereTheyAre(CLIENTS);
      long begun = System.nanoTime();
      nsd.becomes(zone(servers, next));
      awaitDealt(servers, next);
      tookMillis.add((System.nanoTime() - begun) / 1_000_000);
      awaitGone(servers, next);
      asking.round();
      int[] now = asking.whereTheyAre(CLIENTS);
      for (int client = 0; client < CLIENTS; client++) {
        if (next.contains(was[client])) {
          assertThat(now[client]).as("client %d in zone %d", client, i).isEqualTo(was[client]);
        } else {
          assertThat(next).contains(now[client]);
          moved++;
        }
      }
      there = next;
    }
    nsd.stands();
    await().atMost(PATIENCE).until(() -> discovery().error().isPresent());
    asking.round();
    assertThat(dealt()).isEqualTo(addresses(servers, there));
    nsd.goesOn();
    await().atMost(PATIENCE).until(() -> discovery().error().isEmpty());
    asking.round();
    asking.stop();

    assertThat(drops()).as("drops").isZero();
    assertThat(events()).contains("CHANGED", "FAILED", "RECOVERED").doesNotContain("REFUSED");
    long[] took = tookMillis.stream().mapToLong(Long::longValue).sorted().toArray();
    System.out.printf(
        "DiscoveryIT: seed %d: %d zones, %d answers, 0 lost, 0 out of order; %d moves, all of flows"
            + " whose backend went; seen after %d ms (median), %d ms (longest)%n",
        seed, ZONES, asking.answers(), moved, took[took.length / 2], took[took.length - 1]);
  }

  private Set<Integer> other(Set<Integer> than) {
    Set<Integer> next = new TreeSet<>();
    while (next.isEmpty() || next.equals(than)) {
      next.clear();
      for (int i = 0; i < SERVERS; i++) {
        if (random.nextBoolean()) {
          next.add(i);
        }
      }
    }
    return next;
  }

  private static String zone(Numbered servers, Set<Integer> there) {
    return there.stream()
        .map(i -> "_echo._udp SRV 10 10 " + servers.addresses().get(i).getPort() + " ns\n")
        .collect(Collectors.joining());
  }

  private void start(InetSocketAddress nameServer) throws Exception {
    deployed.start(
        """
        sluice {
          fronts.echo { listen = ["127.0.0.1:0"], pool = echoes }
          pools.echoes.discovery {
            drain = 1s
            dns {
              name = "_echo._udp.sluice.test", type = SRV, resolvers = ["127.0.0.1:%d"]
              min-ttl = 1s, timeout = 1s
            }
          }
          admin.listen = "127.0.0.1:0"
        }
        """
            .formatted(nameServer.getPort()));
  }

  private void awaitDealt(Numbered servers, Set<Integer> there) {
    await().atMost(PATIENCE).until(() -> dealt().equals(addresses(servers, there)));
  }

  /** Until also those are gone that were leaving. */
  private void awaitGone(Numbered servers, Set<Integer> there) {
    await()
        .atMost(PATIENCE)
        .until(() -> deployed.appliance().pools().getFirst().backends().size() == there.size());
    awaitDealt(servers, there);
  }

  private Set<InetSocketAddress> dealt() {
    return deployed.appliance().pools().getFirst().backends().stream()
        .filter(Appliance.BackendStatus::eligible)
        .map(Appliance.BackendStatus::address)
        .collect(Collectors.toSet());
  }

  private static Set<InetSocketAddress> addresses(Numbered servers, Set<Integer> there) {
    return there.stream().map(servers.addresses()::get).collect(Collectors.toSet());
  }

  private Appliance.DiscoveryStatus discovery() {
    return deployed.appliance().pools().getFirst().discovery().orElseThrow();
  }

  private List<String> events() {
    return deployed.appliance().journal().after(0).stream()
        .filter(event -> event.kind() == Journal.Kind.DISCOVERY)
        .map(Journal.Event::what)
        .toList();
  }

  private long drops() {
    return deployed.appliance().drops().stream()
        .flatMap(ledger -> List.of(ledger.request(), ledger.reply()).stream())
        .flatMapToLong(side -> side.dropped().values().stream().mapToLong(Long::longValue))
        .sum();
  }
}
