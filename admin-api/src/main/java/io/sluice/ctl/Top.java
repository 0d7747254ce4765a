package io.sluice.ctl;

import io.vertx.core.json.JsonObject;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Rates per second, again and again; a terminal is drawn over, anything else gets them once. */
@Command(
    name = "top",
    description = "Rates of fronts, backends and workers, live until Ctrl-C.",
    footer = {"", "Where stdout is no terminal it prints once, or as often as -n says."})
final class Top implements Callable<Integer> {
  private final Ctl ctl;

  @Option(
      names = {"-i", "--interval"},
      paramLabel = "DURATION",
      defaultValue = "1s",
      description = "Between two looks; by default ${DEFAULT-VALUE}.")
  private Duration interval = Duration.ofSeconds(1);

  @Option(
      names = {"-n", "--count"},
      paramLabel = "N",
      description = "So many times; in a terminal for ever, else once, unless given.")
  private @Nullable Long count;

  Top(Ctl ctl) {
    this.ctl = ctl;
  }

  @Override
  public Integer call() {
    return ctl.ask(this::watch);
  }

  private void watch(Api api) {
    if (interval.isZero()) {
      throw Failure.usage("--interval: is to be longer than nothing");
    }
    // Before the terminal is touched: an appliance that is not there needs no screen.
    Rates.Look before = Rates.Look.at(api);
    if (ctl.json() || !Screen.isThere()) {
      print(api, before, count == null ? 1 : count);
    } else {
      draw(api, before, count == null ? Long.MAX_VALUE : count);
    }
  }

  private void print(Api api, Rates.Look first, long times) {
    Rates.Look before = first;
    for (long i = 0; i < times && !ctl.out().checkError(); i++) {
      pause();
      Rates.Look now = Rates.Look.at(api);
      JsonObject rates = Rates.between(before, now);
      if (ctl.json()) {
        ctl.out().println(rates.encode());
      } else {
        ctl.print(Rates.lines(rates));
      }
      before = now;
    }
  }

  /** An appliance that is away for a while is waited for. */
  private void draw(Api api, Rates.Look first, long times) {
    Rates.Look before = first;
    List<String> lines = List.of("");
    try (Screen screen = new Screen(ctl.out())) {
      screen.draw(List.of("looking"));
      for (long i = 0; i < times; i++) {
        pause();
        try {
          Rates.Look now = Rates.Look.at(api);
          lines = Rates.lines(Rates.between(before, now));
          before = now;
          screen.draw(lines);
        } catch (Failure away) {
          if (away.status() != Failure.UNREACHED) {
            throw away;
          }
          String why = Table.printable(String.valueOf(away.getMessage()));
          screen.draw(Stream.concat(Stream.of(why), lines.stream().skip(1)).toList());
        }
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(interval);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failure.unreached("interrupted");
    }
  }
}
