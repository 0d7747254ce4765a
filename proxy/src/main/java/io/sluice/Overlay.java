package io.sluice;

import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.SluiceConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What was changed of single backends since their configuration was read; immutable. */
record Overlay(List<Change> changes) {
  static final Overlay NONE = new Overlay(List.of());

  /**
   * One backend's change.
   *
   * @param over what the configuration said of it; empty: nothing
   * @param to what it is instead; empty: gone
   */
  record Change(
      String pool,
      String backend,
      Optional<SluiceConfig.Backend> over,
      Optional<SluiceConfig.Backend> to) {

    @Override
    public String toString() {
      return "pools." + pool + ".backends." + backend;
    }
  }

  Overlay {
    changes = List.copyOf(changes);
  }

  /** What a configuration says of a backend. */
  static Optional<SluiceConfig.Backend> find(SluiceConfig config, String pool, String backend) {
    return config.pools().stream()
        .filter(each -> each.name().equals(pool))
        .flatMap(each -> each.backends().stream())
        .filter(each -> each.name().equals(backend))
        .findFirst();
  }

  /** The same with one change more; a backend that is as the base says needs none. */
  Overlay with(SluiceConfig base, String pool, String backend, Optional<SluiceConfig.Backend> to) {
    Change change = new Change(pool, backend, find(base, pool, backend), to);
    Stream<Change> others =
        changes.stream()
            .filter(each -> !each.pool().equals(pool) || !each.backend().equals(backend));
    boolean differs = !change.over().equals(to);
    return new Overlay(Stream.concat(others, Stream.of(change).filter(_ -> differs)).toList());
  }

  /**
   * What comes of putting it over a base.
   *
   * @param kept changes that fit
   * @param givenUp why others do not, a line each
   */
  record Laid(Document document, Overlay kept, List<String> givenUp) {}

  /**
   * Leaves out changes of what the base says something else of now. The others are laid over it
   * together: in between they may have been right in another order only.
   */
  Laid over(Document base) {
    List<Change> fit = new ArrayList<>();
    List<String> givenUp = new ArrayList<>();
    for (Change change : changes) {
      Optional<SluiceConfig.Backend> says = find(base.config(), change.pool(), change.backend());
      if (says.equals(change.to())) {
        continue;
      }
      if (says.equals(change.over()) && hasPool(base, change.pool())) {
        fit.add(change);
      } else {
        givenUp.add(change + ": what was changed is given up, the configuration has changed there");
      }
    }
    try {
      return new Laid(base.with(edits(fit)), new Overlay(fit), givenUp);
    } catch (InvalidConfig e) {
      return oneByOne(base, fit, givenUp);
    }
  }

  /** As many as are right, in whatever order they are: what one takes away, another may need. */
  private static Laid oneByOne(Document base, List<Change> fit, List<String> givenUp) {
    Document document = base;
    List<Change> kept = new ArrayList<>();
    Map<Change, String> wrong = new LinkedHashMap<>();
    int before;
    do {
      before = kept.size();
      wrong.clear();
      for (Change change : fit) {
        if (!kept.contains(change)) {
          try {
            document = document.with(edits(List.of(change)));
            kept.add(change);
          } catch (InvalidConfig e) {
            wrong.put(change, e.problems().getFirst().message());
          }
        }
      }
    } while (kept.size() > before && !wrong.isEmpty());
    wrong.forEach((change, why) -> givenUp.add(change + ": what was changed is given up: " + why));
    return new Laid(document, new Overlay(fit.stream().filter(kept::contains).toList()), givenUp);
  }

  private static List<Document.Edit> edits(List<Change> changes) {
    return changes.stream()
        .map(each -> new Document.Edit(each.pool(), each.backend(), each.to()))
        .toList();
  }

  private static boolean hasPool(Document base, String pool) {
    return base.config().pools().stream().anyMatch(each -> each.name().equals(pool));
  }
}
