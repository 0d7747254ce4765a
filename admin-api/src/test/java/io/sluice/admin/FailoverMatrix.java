package io.sluice.admin;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import io.sluice.admin.Scenario.Outcome;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What {@code bench/failover} runs: appends its samples, a flat JSON object a line, to a file.
 *
 * <pre>
 *   FailoverMatrix FILE matrix FAULT...    every cell, nginx's too, at the usual tempo
 *   FailoverMatrix FILE steady SECONDS     one request in a hundred is lost, and nothing else happens
 *   FailoverMatrix FILE chaos SECONDS      name servers are killed at random under dnsperf
 * </pre>
 */
final class FailoverMatrix {
  private static final Duration INTERVAL = Duration.ofMillis(100);
  private static final double LOSS = 0.01;
  private static final long SEED = 20_261_122;

  private FailoverMatrix() {}

  static void main(String... args) throws Exception {
    Runtime.getRuntime().addShutdownHook(tidyUp(Thread.currentThread()));
    Path samples = Path.of(args[0]);
    Path folder = Files.createTempDirectory("failover");
    switch (args[1]) {
      case "matrix" -> {
        for (String name : List.of(args).subList(2, args.length)) {
          matrix(samples, folder.resolve(name), Fault.valueOf(name));
        }
      }
      case "steady" -> steady(samples, folder, Duration.ofSeconds(Long.parseLong(args[2])));
      case "chaos" -> chaos(samples, folder, Duration.ofSeconds(Long.parseLong(args[2])));
      default -> throw new IllegalArgumentException("matrix, steady or chaos, not " + args[1]);
    }
  }

  /** SIGTERM ends what is under way, so that no namespace and no process stays. */
  private static Thread tidyUp(Thread main) {
    return Thread.ofPlatform()
        .unstarted(
            () -> {
              main.interrupt();
              try {
                main.join(Duration.ofSeconds(30));
              } catch (InterruptedException e) {
                throw new AssertionError(e);
              }
            });
  }

  private static void matrix(Path samples, Path folder, Fault fault) throws Exception {
    Tempo tempo = Tempo.USUAL;
    // As few a second as the bar of a killed process allows: three labs may share two cores.
    Duration interval = fault == Fault.KILLED ? INTERVAL.dividedBy(2) : INTERVAL;
    List<Cell> cells = new ArrayList<>(Cell.ours());
    if (Nginx.isInstalled()) {
      cells.addAll(Cell.theirs());
    }
    try (var scenario = new Scenario(folder, tempo, tempo.all(), interval, cells)) {
      for (Outcome outcome : scenario.suffer(fault)) {
        write(samples, outcome.json().put("fault", fault.name()).put("title", fault.toString()));
      }
    }
  }

  private static void steady(Path samples, Path folder, Duration time) throws Exception {
    Duration longest = time.plus(Tempo.USUAL.warmUp());
    try (var scenario = new Scenario(folder, Tempo.USUAL, longest, INTERVAL, Cell.ours())) {
      for (Outcome outcome : scenario.endure(time, LOSS)) {
        write(samples, outcome.json().put("fault", "STEADY").put("seconds", time.toSeconds()));
      }
    }
  }

  private static void chaos(Path samples, Path folder, Duration time) throws Exception {
    try (var chaos = new Chaos(folder, SEED)) {
      write(samples, chaos.reign(time).json().put("fault", "CHAOS"));
    }
  }

  private static void write(Path samples, JsonObject sample) throws IOException {
    System.out.println(sample.encode());
    Files.writeString(samples, sample.encode() + "\n", CREATE, APPEND);
  }
}
