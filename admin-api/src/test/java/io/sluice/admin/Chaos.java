package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Three real name servers, killed with SIGKILL and started again at random, under dnsperf. */
final class Chaos implements AutoCloseable {
  private static final int SERVERS = 3;
  private static final int CLIENTS = 100;
  private static final int QUERIES_PER_SECOND = 1_000;

  private final Path folder;
  private final Random random;
  private final List<NameServer> servers = new ArrayList<>();
  private final TreeSet<Integer> dead = new TreeSet<>();
  private final Deque<Runnable> running = new ArrayDeque<>();
  private final ApplianceProcess sluice;
  private int kills;

  /**
   * What dnsperf and the ledger say.
   *
   * @param unanswered queries, of those sent
   * @param dropped by Sluice, with a reason, either way
   * @param forwardedInVain queries sent to a server that did not answer
   */
  record Books(
      long seconds,
      int clients,
      int kills,
      long sent,
      long answered,
      long unanswered,
      long dropped,
      long forwardedInVain) {
    JsonObject json() {
      return new JsonObject()
          .put("seconds", seconds)
          .put("clients", clients)
          .put("kills", kills)
          .put("sent", sent)
          .put("answered", answered)
          .put("unanswered", unanswered)
          .put("dropped", dropped)
          .put("forwarded_in_vain", forwardedInVain);
    }
  }

  Chaos(Path folder, long seed) throws Exception {
    this.folder = folder;
    random = new Random(seed);
    try {
      for (int i = 0; i < SERVERS; i++) {
        NameServer server = NameServer.knot(Files.createDirectory(folder.resolve("server" + i)));
        running.push(server::close);
        servers.add(server);
      }
      sluice = ApplianceProcess.start(folder, config());
      running.push(sluice::close);
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  private String config() {
    String backends =
        IntStream.range(0, SERVERS)
            .mapToObj(i -> "s%d.address = \"%s\"".formatted(i, servers.get(i).address()))
            .collect(joining(", "));
    return """
    sluice {
      fronts.dns { listen = ["127.0.0.1:0"], pool = resolvers }
      pools.resolvers {
        backends { %s }
        health {
          probe { type = dns, name = "sluice.test", query-type = SOA, interval = 500ms, timeout = 300ms }
          passive { eject-for = 1s, eject-max = 4s }
        }
      }
      admin.listen = "127.0.0.1:0"
    }
    """
        .formatted(backends);
  }

  /** Returns when the time is over, everybody lives again, and the books have been compared. */
  Books reign(Duration time) throws Exception {
    Process dnsperf = dnsperf(time);
    long until = System.nanoTime() + time.toNanos();
    while (until - System.nanoTime() > 0) {
      Thread.sleep(random.nextInt(300, 2_500));
      int chosen = random.nextInt(SERVERS);
      if (dead.remove(chosen)) {
        servers.get(chosen).restart();
      } else if (somebodyElseServes(chosen)) {
        servers.get(chosen).stop("KILL");
        dead.add(chosen);
        kills++;
      }
    }
    for (int each : dead) {
      servers.get(each).restart();
    }
    assertThat(dnsperf.waitFor(60, SECONDS)).as("dnsperf ends").isTrue();
    assertThat(dnsperf.exitValue()).isZero();
    return books(time, Files.readString(folder.resolve("dnsperf.log")));
  }

  private Process dnsperf(Duration time) throws Exception {
    Path queries = Files.writeString(folder.resolve("queries"), "www.sluice.test A\n");
    String listen = Lab.front(sluice, "dns").getJsonArray("listen").getString(0);
    String port = listen.substring(listen.lastIndexOf(':') + 1);
    String command =
        // As many outstanding as may be: those that are lost must not slow down the others.
        "exec dnsperf -s 127.0.0.1 -p %s -d %s -c %d -q 60000 -Q %d -l %d -t 10"
            .formatted(port, queries, CLIENTS, QUERIES_PER_SECOND, time.toSeconds());
    Process process =
        new ProcessBuilder("sh", "-c", command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("dnsperf.log").toFile())
            .start();
    running.push(process::destroyForcibly);
    return process;
  }

  /** The last one that Sluice would send anybody to is spared: its death nobody can make good. */
  private boolean somebodyElseServes(int chosen) throws Exception {
    for (int i = 0; i < SERVERS; i++) {
      if (i != chosen
          && !dead.contains(i)
          && Lab.backend(sluice, "resolvers", "s" + i).getBoolean("eligible")) {
        return true;
      }
    }
    return false;
  }

  private Books books(Duration time, String dnsperf) throws Exception {
    long sent = count(dnsperf, "Queries sent");
    long answered = count(dnsperf, "Queries completed");
    JsonObject ledger = Lab.named(sluice.json("/v1/drops"), "fronts", "front", "dns");
    Ledger request = Ledger.of(ledger, "request");
    Ledger reply = Ledger.of(ledger, "reply");
    // So what was not answered is in the books: dropped, or forwarded to a server that did not
    // answer.
    assertThat(request.received()).as("queries: %s, %s", dnsperf, ledger).isEqualTo(sent);
    long late = dnsperf.lines().filter(line -> line.contains("maybe timed out")).count();
    assertThat(reply.forwarded())
        .as("answers: %s late, %s, %s", late, dnsperf, ledger)
        .isEqualTo(answered + late);
    long rescued = (long) sluice.metric("sluice_rescued_datagrams_total{front=\"dns\",}");
    assertThat(ofServers("requests")).as("%s", ledger).isEqualTo(request.forwarded() + rescued);
    assertThat(ofServers("replies")).as("%s", ledger).isEqualTo(reply.received());
    return new Books(
        time.toSeconds(),
        CLIENTS,
        kills,
        sent,
        answered + late,
        sent - answered - late,
        request.dropped() + reply.dropped(),
        request.forwarded() - reply.received());
  }

  private long ofServers(String count) throws Exception {
    return sluice.json("/v1/pools/resolvers").getJsonArray("backends").stream()
        .mapToLong(server -> ((JsonObject) server).getLong(count))
        .sum();
  }

  private static long count(String dnsperf, String what) {
    Matcher found = Pattern.compile(what + ": +(\\d+)").matcher(dnsperf);
    assertThat(found.find()).as(dnsperf).isTrue();
    return Long.parseLong(found.group(1));
  }

  @Override
  public void close() {
    while (!running.isEmpty()) {
      running.pop().run();
    }
  }
}
