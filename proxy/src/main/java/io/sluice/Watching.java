package io.sluice;

import static java.util.Comparator.comparingLong;

import io.sluice.config.SluiceConfig;
import io.sluice.flow.Tap;
import io.sluice.front.Front;
import io.sluice.net.Workers;
import io.sluice.trace.AccessLog;
import io.sluice.trace.Capture;
import io.sluice.trace.Captures;
import io.sluice.trace.Recorder;
import io.sluice.trace.Sighting;
import io.sluice.trace.Traces;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What can be seen of the datagrams themselves, and of flows that have ended. */
final class Watching {
  private Watching() {}

  static Traces traces(SluiceConfig config) throws StartFailure {
    int workers = config.workers().max();
    AccessLog log = null;
    if (config.accessLog().isPresent()) {
      SluiceConfig.AccessLog wanted = config.accessLog().get();
      try {
        log =
            AccessLog.open(
                new AccessLog.Spec(
                    wanted.file(),
                    wanted.sample(),
                    wanted.maxFileBytes(),
                    wanted.maxDays(),
                    wanted.maxTotalBytes()),
                workers);
      } catch (IOException e) {
        throw new StartFailure(
            "access-log: cannot write %s: %s; give access-log.file a path that can be written"
                .formatted(wanted.file(), e.getMessage()),
            e);
      }
    }
    Captures captures = new Captures("Sluice " + Build.version(), System::nanoTime);
    return new Traces(captures, config.recorder().headers(), workers, log);
  }

  static Capture begin(
      Capture.Spec wanted, Collection<Front> fronts, Workers workers, Captures captures) {
    List<Front> shown =
        fronts.stream()
            .filter(front -> wanted.front().isEmpty() || wanted.front().get().equals(front.name()))
            .toList();
    if (shown.isEmpty()) {
      throw new IllegalArgumentException("no front '" + wanted.front().orElse("") + "'");
    }
    Capture capture =
        captures.begin(
            wanted,
            Stream.concat(
                    shown.stream().map(front -> Tap.side(front.name())).sorted(),
                    shown.stream().map(front -> Tap.poolSide(front.pool().name())).sorted())
                .distinct()
                .toList(),
            workers.count(),
            ended -> shown.forEach(front -> front.hide(ended)));
    shown.forEach(front -> front.show(capture));
    return capture;
  }

  static Optional<byte[]> recorded(Workers workers, Traces traces) {
    if (traces.recorder(0) == null) {
      return Optional.empty();
    }
    List<Recorder> copies = Collections.synchronizedList(new ArrayList<>());
    workers.onEach(
        worker -> {
          Recorder recorder = traces.recorder(worker.index());
          if (recorder != null) {
            copies.add(recorder.copy());
          }
        });
    List<Sighting> sorted =
        copies.stream()
            .flatMap(copy -> copy.entries().stream())
            .sorted(comparingLong(Sighting::atNanos))
            .toList();
    List<String> sides = sorted.stream().map(Sighting::side).distinct().sorted().toList();
    return Optional.of(traces.captures().file(sides, sorted));
  }
}
