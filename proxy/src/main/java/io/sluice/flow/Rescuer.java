package io.sluice.flow;

import org.jspecify.annotations.Nullable;

/** Finds another backend for a flow whose own has refused what the client sent first. */
@FunctionalInterface
public interface Rescuer {
  /**
   * Lets another flow take the place of this one ({@link Opening#successor}), on its loop; returns
   * it, or null if there is no backend or no link for it.
   */
  @Nullable Flow rescue(Flow flow, long now);
}
