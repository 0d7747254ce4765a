package io.sluice.ctl;

import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What happened, and what happens. */
@Command(
    name = "events",
    description = "What happened of late: backends, probes, workers, changes.",
    footer = {"", "--json prints an object a line, with its type."})
final class Events implements Callable<Integer> {
  /** Comes once a second, the first one right after the events there are. */
  private static final String STATS = "stats";

  private final Ctl ctl;

  @Option(
      names = {"-f", "--follow"},
      description = "Go on with what happens from now on, until Ctrl-C.")
  private boolean follow;

  @Option(
      names = "--after",
      paramLabel = "ID",
      defaultValue = "0",
      description = "Only what came after the event of this id.")
  private long after;

  Events(Ctl ctl) {
    this.ctl = ctl;
  }

  @Override
  public Integer call() {
    return ctl.ask(this::listen);
  }

  private void listen(Api api) {
    try {
      boolean enough =
          ServerEvents.read(
              api.stream("/v1/events?after=" + after, "text/event-stream"), this::print);
      if (!enough) {
        throw Failure.unreached("the appliance has ended the stream of events");
      }
    } catch (IOException e) {
      throw api.unreached(e);
    } catch (DecodeException e) {
      throw Failure.unreached("what came is no event: is that an appliance of Sluice?");
    }
  }

  /** Whether there is to be more. */
  private boolean print(String type, JsonObject event) {
    if (!type.equals(STATS)) {
      ctl.out()
          .println(
              ctl.json()
                  ? JsonObject.of("type", type).mergeIn(event).encode()
                  : Tables.event(event, type));
    }
    // Who read our output may have left.
    return !ctl.out().checkError() && (follow || !type.equals(STATS));
  }
}
