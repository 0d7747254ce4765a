package io.sluice;

import io.sluice.StateFile.Ref;
import io.sluice.StateFile.State;
import io.sluice.config.BackendFile;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What was changed at run time, and whether that outlives the process. */
final class Kept {
  private static final Logger log = LoggerFactory.getLogger(Door.class);

  private final Optional<StateFile> file;
  private State state = State.NOTHING;

  /** Whether the file holds that, too, where there is one. */
  private boolean isWritten = true;

  Kept(Optional<StateFile> file) {
    this.file = file;
  }

  State state() {
    return state;
  }

  /** What the file says, at start. */
  State read() {
    return file.map(StateFile::read).orElse(State.NOTHING);
  }

  /** What the file said is of no use. */
  void setAside(String why) {
    file.orElseThrow().setAside(why);
  }

  /** What the file said has come into force. */
  void restored(State then) {
    state = then;
  }

  /**
   * Keeps this from now on, but not that a backend is drained which nobody knows, nor of those that
   * are not there more than a pool may find. Returns what else to know.
   */
  List<String> keep(State next, Predicate<Ref> isKnown, Predicate<Ref> isThere) {
    SortedSet<Ref> drained = new TreeSet<>(next.drained());
    drained.removeIf(isKnown.negate());
    Map<String, Integer> absent = new HashMap<>();
    drained.removeIf(
        ref -> !isThere.test(ref) && absent.merge(ref.pool(), 1, Integer::sum) > BackendFile.MOST);
    State last = state;
    state = new State(next.configuration(), next.overlay(), drained);
    if (file.isPresent() && (!isWritten || !state.equals(last))) {
      try {
        file.get().write(state);
        isWritten = true;
      } catch (IOException e) {
        isWritten = false;
        String why =
            "in force, but will not outlive a restart: the state file cannot be written: " + e;
        log.error(why);
        return List.of(why);
      }
    }
    return List.of();
  }
}
