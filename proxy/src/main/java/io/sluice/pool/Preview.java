package io.sluice.pool;

import io.sluice.balance.Undetermined;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a pool would deal next, as of one moment; asking changes nothing, and each question is about
 * the next deal. Each throws {@link Unforeseen} where nobody can say.
 */
public final class Preview implements Deal {
  private final Snapshot snapshot;

  Preview(Snapshot snapshot) {
    this.snapshot = snapshot;
  }

  /** Those that are dealt, by name. */
  public List<Backend> members() {
    return List.of(snapshot.members);
  }

  /** The one that the policy names, be this key within its share or not. */
  public @Nullable Backend named(long key) {
    return ahead(now -> now.members.length == 0 ? null : now.members[now.balancer.pick(key)]);
  }

  @Override
  public @Nullable Backend pick(long key) {
    return ahead(now -> now.pick(key));
  }

  @Override
  public @Nullable Backend pickOther(long key, Backend not) {
    return ahead(now -> now.pickOther(key, not));
  }

  private @Nullable Backend ahead(Function<Snapshot, @Nullable Backend> deal) {
    try {
      return deal.apply(snapshot.preview());
    } catch (Undetermined e) {
      throw new Unforeseen(String.valueOf(e.getMessage()));
    }
  }
}
