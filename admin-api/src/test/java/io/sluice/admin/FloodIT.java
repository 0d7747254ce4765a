package io.sluice.admin;

import static io.sluice.admin.Lab.at;
import static io.sluice.admin.Lab.awaitLedger;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Up to a million datagrams of random sources, while 1,000 clients that were there before go on.
 *
 * <p>How many a second a machine takes in is its own affair, and that of whoever else uses it.
 * Below that the clients lose nothing; at whatever rate, what is lost is counted to the last
 * datagram.
 */
@Timeout(300)
class FloodIT {
  private static final int CLIENTS = 1_000;
  private static final long ASKED_PER_SECOND = 5_000;
  private static final int FLOOD_SECONDS = 20;

  /** Halved until the machine keeps up; what this takes on ours is in docs/evidence.md. */
  private static final long FLOOD_PER_SECOND = Long.getLong("flood.per-second", 50_000);

  private static final long LEAST_PER_SECOND = FLOOD_PER_SECOND / 4;

  private static final int UNASSURED_MAX = 2_000;
  private static final int MAX = 5_000;

  @TempDir Path folder;

  private record Most(long fds, long unassured) {}

  /**
   * A flood that the machine kept up with, and what came of it.
   *
   * @param fds before it
   * @param asked by the regulars
   */
  private record Flooded(ApplianceProcess sluice, long fds, Most most, long asked) {}

  private interface Check {
    void on(Flooded flooded) throws Exception;
  }

  /** A service that speaks a protocol does not answer garbage. */
  @Test
  void a_flood_that_no_backend_answers_costs_the_assured_nothing() throws Exception {
    floodAtARateThisMachineKeepsUpWith(
        "unassured-max = 2000, unassured-timeout = 2s, new-per-second = 5000",
        payload -> Regulars.knows(payload) ? payload : null,
        flooded -> {
          ApplianceProcess sluice = flooded.sluice;
          assertThat(drops(sluice, "FLOW_LIMIT")).isZero();
          assertThat(drops(sluice, "FLOW_RATE")).isPositive();
          awaitLedger(
              sluice, "flooded", "reply", "received %1$d, forwarded %1$d".formatted(flooded.asked));
          assertThat(closed(sluice, "EVICTED")).isPositive();
          // Those that are on their way out count as well, and hold their descriptors.
          assertThat(flooded.most.unassured).isBetween(UNASSURED_MAX / 2L, UNASSURED_MAX * 5L / 4);
          assertThat(flooded.most.fds).isLessThan(flooded.fds + UNASSURED_MAX * 5L / 4 + 20);
          await()
              .atMost(Duration.ofSeconds(30))
              .until(() -> Lab.front(sluice, "flooded").getInteger("flows") == CLIENTS);
          assertThat(fds(sluice)).isBetween(flooded.fds - 20, flooded.fds + 20);
        });
  }

  /** Where a backend answers anybody, spoofed flows are assured too: the limits are what holds. */
  @Test
  void a_flood_that_the_backend_answers_costs_the_assured_nothing() throws Exception {
    floodAtARateThisMachineKeepsUpWith(
        "max = 5000, new-per-second = 1000",
        payload -> payload,
        flooded -> {
          ApplianceProcess sluice = flooded.sluice;
          assertThat(drops(sluice, "FLOW_LIMIT")).isPositive();
          assertThat(drops(sluice, "FLOW_RATE")).isPositive();
          assertThat(Lab.front(sluice, "flooded").getInteger("assuredFlows")).isEqualTo(MAX);
          // Opened before the last place was taken, not answered yet then: a second's worth.
          assertThat(flooded.most.fds).isLessThan(flooded.fds - CLIENTS + MAX + 1_000 + 20);
        });
  }

  private void floodAtARateThisMachineKeepsUpWith(
      String flows, Function<byte[], byte @Nullable []> answer, Check check) throws Exception {
    long perSecond = FLOOD_PER_SECOND;
    while (!isKeptUpWith(perSecond, flows, answer, check)) {
      assertThat(perSecond).as("a rate too high for this machine").isGreaterThan(LEAST_PER_SECOND);
      perSecond /= 2;
    }
  }

  /** Floods a fresh appliance. Whether it lost anything: its books are exact in either case. */
  private boolean isKeptUpWith(
      long perSecond, String flows, Function<byte[], byte @Nullable []> answer, Check check)
      throws Exception {
    try (Lab lab = new Lab()) {
      ApplianceProcess sluice = start(lab, flows, answer);
      Regulars regulars = regulars(lab, sluice);
      long fds = fds(sluice);
      Most most = flood(lab, sluice, perSecond);
      Regulars.Talk talk = regulars.stop();

      long lost = lab.lost();
      long unanswered = talk.asked() - talk.answered();
      System.out.printf("flood: lost %d, %d of them of %s%n", lost, unanswered, talk);
      assertRequestsBooked(lab, sluice, perSecond * FLOOD_SECONDS + talk.asked());
      assertRepliesBooked(sluice);
      assertThat(unanswered).isLessThanOrEqualTo(lost);
      if (lost == 0) {
        check.on(new Flooded(sluice, fds, most, talk.asked()));
      }
      return lost == 0;
    }
  }

  /** What did not reach the front's socket, or found it full, is the kernel's; the rest is ours. */
  private static void assertRequestsBooked(Lab lab, ApplianceProcess sluice, long sent)
      throws Exception {
    long kernelDrops = Lab.front(sluice, "flooded").getLong("kernelDrops");
    long received = sent - lab.client.lostFrom("eth0") - kernelDrops;
    long limited = drops(sluice, "FLOW_LIMIT");
    long refused = drops(sluice, "FLOW_RATE");
    String books = "received %d, forwarded %d".formatted(received, received - limited - refused);
    awaitLedger(
        sluice,
        "flooded",
        "request",
        books
            + (limited > 0 ? ", FLOW_LIMIT " + limited : "")
            + (refused > 0 ? ", FLOW_RATE " + refused : ""));
  }

  private static void assertRepliesBooked(ApplianceProcess sluice) throws Exception {
    JsonObject side = Lab.side(sluice, "flooded", "reply");
    long dropped =
        side.getJsonObject("dropped").stream()
            .mapToLong(drop -> ((Number) drop.getValue()).longValue())
            .sum();
    assertThat(side.getLong("received"))
        .as(side.encode())
        .isEqualTo(side.getLong("forwarded") + dropped);
  }

  private ApplianceProcess start(Lab lab, String flows, Function<byte[], byte @Nullable []> answer)
      throws Exception {
    lab.appliance.ip("route", "add", "default", "via", "10.1.0.2"); // replies to the spoofed
    lab.add(UdpServer.start(lab.a, at("10.2.0.2", 7), answer));
    return lab.start(
        Files.createTempDirectory(folder, "run"),
        """
        sluice {
          fronts.flooded { listen = ["10.1.0.1:5000"], pool = a, flows { %s } }
          pools.a.backends.a.address = "10.2.0.2:7"
          admin.listen = "127.0.0.1:0"
        }
        """
            .formatted(System.getProperty("flood.limits", flows)),
        Stream.concat(Stream.of(Realtime.PREFIX), Stream.of("env", "JAVA_TOOL_OPTIONS=-Xmx256m"))
            .toArray(String[]::new));
  }

  private static Regulars regulars(Lab lab, ApplianceProcess sluice) throws Exception {
    Regulars regulars =
        lab.add(Regulars.open(lab.client, at("10.1.0.1", 5000), CLIENTS, ASKED_PER_SECOND));
    regulars.start();
    await()
        .atMost(Duration.ofSeconds(30))
        .until(() -> Lab.front(sluice, "flooded").getInteger("assuredFlows") == CLIENTS);
    return regulars;
  }

  private static Most flood(Lab lab, ApplianceProcess sluice, long perSecond) throws Exception {
    long count = perSecond * FLOOD_SECONDS;
    RawSocket raw = lab.add(RawSocket.open(lab.client));
    byte[] packet = Packets.udp(at("10.1.0.2", 1), at("10.1.0.1", 5000), new byte[16]);
    long seed = System.nanoTime();
    long begun = System.nanoTime();
    var flood =
        CompletableFuture.supplyAsync(
            () -> raw.flood(packet, count, perSecond, spoofed(seed)), Realtime::start);
    Most most = new Most(0, 0);
    while (!flood.isDone()) {
      long unassured = Lab.front(sluice, "flooded").getLong("unassuredFlows");
      most = new Most(Math.max(most.fds, fds(sluice)), Math.max(most.unassured, unassured));
      Thread.sleep(100);
    }
    double seconds = (System.nanoTime() - begun) / 1e9;
    System.out.printf(
        "flood: seed %d: %d sent, %.0f a second; at most %s; then %s; memory %d KiB; worker CPU"
            + " %.1f s%n",
        seed,
        count,
        count / seconds,
        most,
        Lab.front(sluice, "flooded"),
        residentKiB(sluice),
        workerCpuSeconds(sluice));
    assertThat(flood.get()).isEqualTo(count);
    assertThat(residentKiB(sluice)).isLessThan(400 << 10);
    return most;
  }

  /** Any address but the private and the special ones, any port but 0. */
  private static BiConsumer<Long, ByteBuffer> spoofed(long seed) {
    var random = new SplittableRandom(seed);
    return (n, packet) -> {
      packet.putInt(Packets.SOURCE_ADDRESS, random.nextInt(20 << 24, 120 << 24));
      packet.putShort(Packets.SOURCE_PORT, (short) random.nextInt(1, 65_536));
    };
  }

  private static long drops(ApplianceProcess sluice, String reason) throws Exception {
    return (long)
        sluice.metric("sluice_drops_total{front=\"flooded\",reason=\"%s\",}".formatted(reason));
  }

  private static long closed(ApplianceProcess sluice, String reason) throws Exception {
    return (long)
        sluice.metric(
            "sluice_flows_closed_total{front=\"flooded\",reason=\"%s\",}".formatted(reason));
  }

  private static long fds(ApplianceProcess sluice) throws Exception {
    return sluice.json("/v1/status").getLong("fdsOpen");
  }

  private static long residentKiB(ApplianceProcess sluice) throws Exception {
    return Files.readAllLines(Path.of("/proc", Long.toString(sluice.pid()), "status")).stream()
        .filter(line -> line.startsWith("VmHWM:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }

  /** User and system time of the event loops, in the kernel's ticks of 10 ms (proc(5)). */
  private static double workerCpuSeconds(ApplianceProcess sluice) throws Exception {
    double ticks = 0;
    try (var tasks = Files.list(Path.of("/proc", Long.toString(sluice.pid()), "task"))) {
      for (Path task : tasks.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        if (stat.contains("(sluice-worker")) {
          String[] fields = stat.substring(stat.indexOf(')') + 2).split(" ", -1);
          ticks += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
        }
      }
    }
    return ticks / 100;
  }
}
