package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.config.InvalidConfig;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * One random reload after the other under load, a third of them of configurations that are wrong or
 * cannot be had: nothing is lost, out of order or sent twice, no flow moves whose backend stays,
 * those of an untouched front and pool never notice, and nothing leaks.
 *
 * <p>{@code -Dsluice.reloads=500} for the long version, {@code -Dsluice.seed=N} for the same again.
 */
class ReloadIT {
  private static final int RELOADS = Integer.getInteger("sluice.reloads", 40);

  /** By then Java has opened what it opens but once. */
  private static final int WARM_UP = Math.min(100, RELOADS / 2);

  /** Carriers of virtual threads and what they poll with come and go with the probes. */
  private static final Set<String> JAVAS_OWN =
      Set.of("ForkJoinPool-#-worker-#", "anon_inode:[eventpoll]", "anon_inode:[eventfd]");

  private static final int CLIENTS = 24;
  private static final int SERVERS = 6;

  /** Heap after a full collection comes and goes by so much on its own. */
  private static final long HEAP_SLACK_BYTES = 8 << 20;

  private final long seed = Long.getLong("sluice.seed", 41_829_241_100_772L);
  private final Random random = new Random(seed);
  private final List<Long> tookMicros = new ArrayList<>();
  @AutoClose private final Deployment deployed;
  private int moved;

  @SuppressWarnings("NullAway.Init")
  private Numbered servers;

  ReloadIT(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
  }

  @Test
  @Timeout(900)
  void whoIsNotMeantByAReloadDoesNotNotice() throws Exception {
    System.out.printf("ReloadIT: %d reloads, -Dsluice.seed=%d%n", RELOADS, seed);
    servers = deployed.keep(new Numbered(SERVERS, 2 * CLIENTS));
    Client taken = deployed.keep(new Client("127.0.0.1"));
    RandomConfig config = new RandomConfig(random, servers.addresses(), taken.address());
    String calm = config.text();
    deployed.start(calm);
    Asking asking =
        deployed.keep(new Asking(2 * CLIENTS, CLIENTS, at("main"), at("steady"), servers));
    asking.round();
    Set<Long> steady = flowIds("steady");

    Usage first = Usage.now();
    config.useAll();
    apply(config.text());
    asking.round();
    await().until(this::hasProbed);
    Usage before = first;
    for (int i = 0; i < RELOADS; i++) {
      if (i == WARM_UP) {
        before = settle(config, calm, asking);
        System.out.println("ReloadIT: what came by then: " + first.until(before));
      }
      if (random.nextInt(3) == 0) {
        reloadInvalid(config, asking);
      } else {
        reloadValid(config, asking);
      }
    }
    Usage after = settle(config, calm, asking);
    asking.stop();

    assertThat(flowIds("steady")).as("flows of an untouched front").isEqualTo(steady);
    assertThat(drops()).as("drops").isZero();
    report(asking, before, after);
    assertThat(after.heap() - before.heap()).as("heap grown").isLessThan(HEAP_SLACK_BYTES);
  }

  private boolean hasProbed() {
    return deployed.appliance().pools().stream()
        .flatMap(pool -> pool.backends().stream())
        .anyMatch(backend -> backend.dossier().probesPassed() > 0);
  }

  private void reloadValid(RandomConfig config, Asking asking) throws Exception {
    int[] was = asking.whereTheyAre(CLIENTS);
    RandomConfig.Place placeBefore = config.place();
    config.mutate();
    apply(config.text());
    asking.round();
    int[] now = asking.whereTheyAre(CLIENTS);
    for (int client = 0; client < CLIENTS; client++) {
      if (now[client] != was[client]) {
        moved++;
        assertThat(placeBefore.stays(was[client], config.place()))
            .as("client %d moved from %d to %d", client, was[client], now[client])
            .isFalse();
      }
    }
    for (InetSocketAddress extra : config.extras()) {
      try (Client client = new Client("127.0.0.1")) {
        for (int i = 0; i < 3; i++) {
          assertThat(client.ask(extra, (byte) i)).containsExactly(i);
        }
      }
    }
  }

  /** By the file, or in its place. */
  private void apply(String text) throws Exception {
    long start = System.nanoTime();
    if (random.nextInt(4) == 0) {
      deployed.appliance().configure(text, was -> {});
    } else {
      deployed.write(text);
      deployed.appliance().reload();
    }
    tookMicros.add((System.nanoTime() - start) / 1_000);
  }

  private void reloadInvalid(RandomConfig config, Asking asking) throws Exception {
    String version = deployed.appliance().config().version();
    int[] was = asking.whereTheyAre(CLIENTS);
    deployed.write(config.wrong());
    assertThatThrownBy(() -> deployed.appliance().reload())
        .isInstanceOfAny(InvalidConfig.class, Refused.class);
    assertThat(deployed.appliance().config().version()).isEqualTo(version);
    asking.round();
    assertThat(asking.whereTheyAre(CLIENTS)).isEqualTo(was);
  }

  /**
   * What the process uses.
   *
   * @param fds by what they are
   * @param threads by name, without numbers
   */
  private record Usage(Map<String, Long> fds, Map<String, Long> threads, long heap) {
    static Usage now() throws Exception {
      List<String> fds = new ArrayList<>();
      try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
        for (Path fd : all) {
          try {
            fds.add(Files.readSymbolicLink(fd).toString().replaceAll("[0-9]+", "#"));
          } catch (NoSuchFileException e) {
            // the stream's own, or closed just now
          }
        }
      }
      Stream<String> threads =
          Thread.getAllStackTraces().keySet().stream()
              .map(thread -> thread.getName().replaceAll("[0-9]+", "#"));
      return new Usage(counted(fds.stream()), counted(threads), leastHeap());
    }

    /** How many more of each kind, or fewer. */
    Map<String, Long> until(Usage after) {
      Map<String, Long> more = new TreeMap<>();
      Stream.of(after.fds, after.threads).forEach(more::putAll);
      Stream.of(fds, threads)
          .forEach(kinds -> kinds.forEach((kind, count) -> more.merge(kind, -count, Long::sum)));
      more.values().removeIf(by -> by == 0);
      return more;
    }

    private static Map<String, Long> counted(Stream<String> names) {
      return names.collect(
          Collectors.groupingBy(name -> name, TreeMap::new, Collectors.counting()));
    }

    private static long sum(Map<String, Long> counts) {
      return counts.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /** Back where everything began, when all that went has gone. */
  private Usage settle(RandomConfig config, String calm, Asking asking) throws Exception {
    config.reset();
    deployed.write(calm);
    deployed.appliance().reload();
    asking.round();
    await().atMost(Duration.ofSeconds(30)).until(() -> Supply.fdsOpen() == fdsWithoutLingering());
    return Usage.now();
  }

  private long fdsWithoutLingering() throws Exception {
    long now = Supply.fdsOpen();
    Thread.sleep(1_500); // longer than a flow that has ended lingers
    return Math.min(now, Supply.fdsOpen());
  }

  private static long leastHeap() throws InterruptedException {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 5; i++) {
      System.gc();
      Thread.sleep(100);
      least = Math.min(least, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
    }
    return least;
  }

  private void report(Asking asking, Usage before, Usage after) {
    long[] took = tookMicros.stream().mapToLong(Long::longValue).sorted().toArray();
    System.out.printf(
        "ReloadIT: seed %d: %d reloads (%d applied), %d answers, 0 lost, 0 out of order; %d moves,"
            + " all of flows whose backend went; applied in %d us (median), %d us (longest);"
            + " descriptors %d -> %d, threads %d -> %d, heap %d -> %d KiB%n",
        seed,
        RELOADS,
        took.length,
        asking.answers(),
        moved,
        took[took.length / 2],
        took[took.length - 1],
        Usage.sum(before.fds()),
        Usage.sum(after.fds()),
        Usage.sum(before.threads()),
        Usage.sum(after.threads()),
        before.heap() >> 10,
        after.heap() >> 10);
    Map<String, Long> more = before.until(after);
    System.out.printf("ReloadIT: more or fewer since reload %d: %s%n", WARM_UP, more);
    more.keySet().removeAll(JAVAS_OWN);
    assertThat(more.values()).as("grown: " + more).allMatch(by -> by <= 0);
  }

  private InetSocketAddress at(String front) {
    return deployed.appliance().fronts().stream()
        .filter(each -> each.name().equals(front))
        .findFirst()
        .orElseThrow()
        .listen()
        .getFirst();
  }

  private Set<Long> flowIds(String front) {
    Appliance.FlowQuery all =
        new Appliance.FlowQuery(Optional.of(front), Optional.empty(), Optional.empty(), 1_000, 0);
    return deployed.appliance().flows(all).flows().stream()
        .map(Appliance.FlowStatus::id)
        .collect(Collectors.toSet());
  }

  /** Of the fronts that are there all the time. */
  private long drops() {
    return deployed.appliance().drops().stream()
        .filter(ledger -> List.of("main", "steady").contains(ledger.front()))
        .flatMap(ledger -> List.of(ledger.request(), ledger.reply()).stream())
        .flatMapToLong(side -> side.dropped().values().stream().mapToLong(Long::longValue))
        .sum();
  }
}
