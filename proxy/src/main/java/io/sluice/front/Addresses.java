package io.sluice.front;

import io.sluice.filter.Chain;
import io.sluice.flow.Lane;
import io.sluice.net.OsException;
import io.sluice.net.Worker;
import io.sluice.net.Workers;
import io.sluice.trace.Capture;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The addresses of a front, by the index that the keys of flows hold: so each stays where it is,
 * and one that is closed until another takes its place and its books.
 */
final class Addresses {
  private static final Logger log = LoggerFactory.getLogger(Addresses.class);

  private final String front;
  private final Workers workers;
  private final List<Capture> captures = new ArrayList<>();
  private volatile List<Listeners> all = List.of();
  private boolean closed;

  Addresses(String front, Workers workers) {
    this.front = front;
    this.workers = workers;
  }

  List<Listeners> all() {
    return all;
  }

  /** Those that are not closed. */
  List<Listeners> open() {
    return all.stream().filter(each -> !each.isClosed()).toList();
  }

  /** Every one there has been. */
  Stream<Listener> listeners() {
    return all.stream().flatMap(each -> each.all().stream());
  }

  /**
   * Closes those that go; {@link #spread} is still to have others read.
   *
   * @param come of these, those that have just been opened
   */
  synchronized void become(List<Listeners> next, List<Listeners> come, List<Listeners> gone) {
    close(gone);
    all = List.copyOf(next);
    captures.forEach(capture -> show(capture, come));
  }

  /** Has the first {@code active} workers, and no others, read them. */
  synchronized void spread(int active) {
    try {
      if (!closed) {
        move(open(), each -> each.move(from -> Spread.over(from, active)));
      }
    } catch (OsException e) {
      log.error(
          "front {}: {}; a listener is read by nobody until this is tried again",
          front,
          e.getMessage());
    }
  }

  private static void move(
      List<Listeners> which, Function<Listeners, List<CompletableFuture<Void>>> how)
      throws OsException {
    Stream<CompletableFuture<Void>> moves =
        which.stream().flatMap(each -> how.apply(each).stream());
    try {
      CompletableFuture.allOf(moves.toArray(CompletableFuture[]::new)).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof UncheckedIOException io
          && io.getCause() instanceof OsException os) {
        throw os;
      }
      throw e;
    }
  }

  synchronized void close() {
    close(open());
    closed = true;
  }

  private void close(List<Listeners> which) {
    try {
      move(which, Listeners::goHome);
    } catch (OsException e) {
      log.debug("front {}: a listener that nobody reads can be closed, too", front, e);
    }
    workers.onEach(worker -> which.forEach(each -> each.of(worker).close()));
  }

  long flowsOn(Worker worker) {
    return all.stream().mapToLong(each -> each.of(worker).lane().flows().get(Lane.LIVE)).sum();
  }

  synchronized long listenersOn(Worker worker) {
    return open().stream()
        .flatMap(each -> each.all().stream())
        .filter(listener -> listener.reader() == worker.index())
        .count();
  }

  Map<String, Long> filterDrops() {
    Map<String, Long> drops = new LinkedHashMap<>();
    listeners()
        .forEach(
            listener -> {
              Chain chain = listener.chain();
              for (int i = 0; chain != null && i < chain.steps().size(); i++) {
                drops.merge(chain.steps().get(i).name(), chain.drops(i), Long::sum);
              }
            });
    return drops;
  }

  /** Has a capture see what passes by from now on, at those that are yet to come, too. */
  synchronized void show(Capture capture) {
    captures.add(capture);
    show(capture, all);
  }

  private static void show(Capture capture, List<Listeners> at) {
    for (Listeners each : at) {
      for (Listener listener : each.all()) {
        Lane lane = listener.lane();
        Worker worker = lane.worker();
        worker.execute(() -> lane.tap().open(capture.feed(worker.index())));
      }
    }
  }

  synchronized void hide(Capture capture) {
    captures.remove(capture);
    listeners()
        .map(Listener::lane)
        .forEach(
            lane -> {
              Worker worker = lane.worker();
              worker.execute(() -> lane.tap().close(capture.feed(worker.index())));
            });
  }
}
