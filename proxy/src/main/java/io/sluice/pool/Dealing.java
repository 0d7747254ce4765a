package io.sluice.pool;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a pool deals: from one snapshot, until control has the next one ready. */
final class Dealing implements Deal {
  /** An operator knows pools. */
  private static final Logger log = LoggerFactory.getLogger(Pool.class);

  private volatile Snapshot snapshot = Snapshot.EMPTY;
  private boolean noneEligible; // so that it is said once; control's alone

  @Override
  public @Nullable Backend pick(long key) {
    return snapshot.pick(key);
  }

  @Override
  public @Nullable Backend pickOther(long key, Backend not) {
    return snapshot.pickOther(key, not);
  }

  Preview preview() {
    return new Preview(snapshot);
  }

  /** What it would deal by another roster; throws what its policy throws. */
  Snapshot by(Roster roster) {
    return snapshot.by(roster.spec().policy(), roster.members());
  }

  /** Deals from the backends that are eligible now, or as before if the policy fails. */
  void refresh(Roster roster) {
    Snapshot next = snapshot;
    try {
      next = by(roster);
    } catch (RuntimeException | LinkageError | StackOverflowError | AssertionError e) {
      log.error(
          "pool {}: its policy failed, it goes on dealing as before", roster.spec().name(), e);
    }
    swap(roster, next);
  }

  /** In the order the package explains: who joins is marked, who leaves is unmarked last. */
  void swap(Roster roster, Snapshot next) {
    warnIfNoneEligible(roster);
    List<Watch> watches = roster.watches();
    Set<Backend> members = new HashSet<>(List.of(next.members));
    watches.stream().filter(w -> members.contains(w.backend())).forEach(w -> w.publish(true));
    snapshot = next;
    watches.stream().filter(w -> !members.contains(w.backend())).forEach(w -> w.publish(false));
  }

  private void warnIfNoneEligible(Roster roster) {
    boolean none = roster.hasNoneEligible();
    if (none && !noneEligible) {
      log.warn(
          "pool {} has no {}: {}",
          roster.spec().name(),
          roster.watches().isEmpty() ? "backend" : "eligible backend",
          roster.spec().allWhenNoneEligible() && !roster.watches().isEmpty()
              ? "trying all"
              : "dropping what would open a flow");
    }
    noneEligible = none;
  }
}
