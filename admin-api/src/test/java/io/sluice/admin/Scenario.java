package io.sluice.admin;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonObject;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One failure of one of three backends under steady load, seen by every cell at the same moment: a
 * lab in which each cell has a front, 100 clients and a pool of its own.
 */
final class Scenario implements AutoCloseable {
  static final int FLOWS = 100;

  private static final List<String> NAMES = List.of("a", "b", "c");
  private static final List<String> HOSTS = List.of("10.2.0.2", "10.3.0.2", "10.4.0.2");
  private static final String FRONT = "10.1.0.1";
  private static final int VICTIM = 1;
  private static final int NOBODY = -1;
  private static final Duration NEWCOMER = Duration.ofMillis(25);

  private final Tempo tempo;
  private final Duration interval;
  private final List<Cell> cells;
  private final Lab lab = new Lab();
  private final Map<Cell, Trace> traces = new EnumMap<>(Cell.class);
  private final List<BackendHost> backends;
  private final Callers callers;
  private final ApplianceProcess sluice;
  private final Optional<Nginx> nginx;

  /**
   * What a cell made of it.
   *
   * @param rehomed flows, as Sluice counts them
   * @param rescued datagrams, as Sluice counts them
   */
  record Outcome(Cell cell, Reading reading, long falseEjections, long rehomed, long rescued) {
    JsonObject json() {
      JsonObject json =
          JsonObject.of("relay", cell.relay.title, "way", cell.oneWay ? "one-way" : "two-way");
      return json.mergeIn(reading.json())
          .put("false_ejections", falseEjections)
          .put("rehomed", rehomed)
          .put("rescued", rescued);
    }
  }

  /**
   * Starts everything but the load.
   *
   * @param longest that the load may last
   * @param interval between two requests of a client
   */
  Scenario(Path folder, Tempo tempo, Duration longest, Duration interval, List<Cell> cells)
      throws Exception {
    this.tempo = tempo;
    this.interval = interval;
    this.cells = cells;
    try {
      for (Cell cell : cells) {
        lab.appliance.address("lo", cell.source() + "/32");
        traces.put(cell, trace(longest));
      }
      List<Netns> netns = List.of(lab.a, lab.b, lab.attach("c", 4));
      backends =
          IntStream.range(0, NAMES.size())
              .mapToObj(i -> new BackendHost(netns.get(i), HOSTS.get(i), i))
              .toList();
      for (BackendHost backend : backends) {
        lab.add(backend);
        traces.forEach(
            (cell, trace) ->
                backend.serve(cell.backendPort(), Optional.of(trace).filter(_ -> cell.oneWay)));
        backend.start();
      }
      sluice = lab.start(Files.createDirectories(folder), config(), Realtime.PREFIX);
      List<Cell> theirs = cells.stream().filter(cell -> !cell.isOurs()).toList();
      nginx =
          theirs.isEmpty()
              ? Optional.empty()
              : Optional.of(lab.add(Nginx.start(lab.appliance, folder, tempo, theirs, HOSTS)));
      callers = new Callers(lab.client);
      traces.forEach(
          (cell, trace) ->
              callers.call(
                  new InetSocketAddress(FRONT, cell.frontPort()), cell, trace, interval, NEWCOMER));
    } catch (Throwable e) {
      lab.close();
      throw e;
    }
  }

  private Trace trace(Duration all) {
    // A minute more than it takes: the machine may stall.
    long nanos = all.plus(Duration.ofMinutes(1)).toNanos();
    return new Trace(FLOWS, (int) (nanos / interval.toNanos()), (int) (nanos / NEWCOMER.toNanos()));
  }

  private String config() {
    return """
    sluice {
      drain-timeout = 1s
      fronts { %s }
      pools { %s }
      admin.listen = "127.0.0.1:0"
    }
    """
        .formatted(
            cells.stream().filter(Cell::isOurs).map(Scenario::front).collect(joining("\n")),
            cells.stream().filter(Cell::isOurs).map(this::pool).collect(joining("\n")));
  }

  private static String front(Cell cell) {
    return "%s { listen = [\"%s:%d\"], pool = %s, one-way = %b, flows { max = 3000, unassured-max = 1000 } }"
        .formatted(cell.title(), FRONT, cell.frontPort(), cell.title(), cell.oneWay);
  }

  private String pool(Cell cell) {
    String members =
        IntStream.range(0, NAMES.size())
            .mapToObj(
                i ->
                    "%s.address = \"%s:%d\""
                        .formatted(NAMES.get(i), HOSTS.get(i), cell.backendPort()))
            .collect(joining(", "));
    return """
    %s {
      backends { %s }
      source-addresses = ["%s"]
      health {
        %s
        passive { stall-timeout = %dms, eject-for = %dms, eject-max = %dms }
      }
    }
    """
        .formatted(
            cell.title(),
            members,
            cell.source(),
            cell.isProbed() ? probe() : "",
            tempo.stall().toMillis(),
            tempo.ejectFor().toMillis(),
            tempo.ejectMax().toMillis());
  }

  private String probe() {
    return """
    probe { type = udp, send = "text:ping", expect = "text:pong", interval = %dms, timeout = %dms, fall = %d }
    """
        .formatted(tempo.interval().toMillis(), tempo.timeout().toMillis(), Tempo.FALL);
  }

  /** A backend fails, and comes back. */
  List<Outcome> suffer(Fault fault) throws Exception {
    callers.start();
    Thread.sleep(tempo.warmUp());
    long began = System.nanoTime();
    fault.strike(backends.get(VICTIM), tempo);
    long ended = System.nanoTime();
    Thread.sleep(tempo.after());
    callers.stop();
    return outcomes(VICTIM, began, ended);
  }

  /** Nothing fails, but that share of requests, probes among them, is lost, by chance. */
  List<Outcome> endure(Duration time, double loss) throws Exception {
    callers.start();
    Thread.sleep(tempo.warmUp());
    long began = System.nanoTime();
    backends.forEach(backend -> backend.lose(loss));
    Thread.sleep(time);
    backends.forEach(backend -> backend.lose(0));
    callers.stop();
    return outcomes(NOBODY, began, System.nanoTime());
  }

  private List<Outcome> outcomes(int victim, long began, long ended) throws Exception {
    List<String> healthy = new ArrayList<>(NAMES);
    if (victim != NOBODY) {
      healthy.remove(victim);
    }
    List<Outcome> outcomes = new ArrayList<>();
    for (var each : traces.entrySet()) {
      Cell cell = each.getKey();
      Trace trace = each.getValue();
      var failure =
          new Reading.Failure(victim, trace.at(began), trace.at(ended), tempo.late().toNanos());
      Reading reading = Reading.of(trace, failure);
      outcomes.add(cell.isOurs() ? ours(cell, reading, healthy) : theirs(cell, reading, healthy));
      if (cell.isOurs()) {
        assertBooks(cell, trace);
      }
    }
    return outcomes;
  }

  private Outcome ours(Cell cell, Reading reading, List<String> healthy) throws Exception {
    String front = "front=\"%s\",".formatted(cell.title());
    return new Outcome(
        cell,
        reading,
        falseEjections(cell, healthy),
        (long) sluice.metric("sluice_flows_closed_total{%sreason=\"REHOMED\",}".formatted(front)),
        (long) sluice.metric("sluice_rescued_datagrams_total{%s}".formatted(front)));
  }

  private Outcome theirs(Cell cell, Reading reading, List<String> healthy) throws Exception {
    Stream<String> hosts = healthy.stream().map(NAMES::indexOf).map(HOSTS::get);
    return new Outcome(cell, reading, nginx.orElseThrow().disabled(cell, hosts), 0, 0);
  }

  /** How often a backend with which nothing was wrong was taken out, by whatever evidence. */
  private long falseEjections(Cell cell, List<String> healthy) throws Exception {
    String names = String.join("|", healthy);
    Pattern out = Pattern.compile(" %s/(%s) (ejected|down)\\b".formatted(cell.title(), names));
    return sluice.log().stream().filter(line -> out.matcher(line).find()).count();
  }

  /** What clients sent came in; what came in went out, or has a reason; replies likewise. */
  private void assertBooks(Cell cell, Trace trace) throws Exception {
    String front = cell.title();
    JsonObject entry = Lab.named(sluice.json("/v1/drops"), "fronts", "front", front);
    Ledger reply = Ledger.of(entry, "reply");
    assertThat(
            Ledger.of(entry, "request").received()
                + Lab.front(sluice, front).getLong("kernelDrops"))
        .as("requests received, %s: %s", cell, entry)
        .isEqualTo(trace.sent());
    if (!cell.oneWay) {
      assertThat(reply.forwarded())
          .as("replies forwarded, %s: %s", cell, entry)
          .isEqualTo(trace.answered());
    }
    assertThat(trace.surprises()).as("answers to nothing, or twice, %s", cell).isZero();
  }

  @Override
  public void close() {
    lab.close();
  }
}
