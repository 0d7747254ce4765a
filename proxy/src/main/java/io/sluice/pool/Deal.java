package io.sluice.pool;

import org.jspecify.annotations.Nullable;

/** Which backend a flow gets. */
public interface Deal {
  /** Returns the backend a new flow with this key gets, or null if there is none to give. */
  @Nullable Backend pick(long key);

  /**
   * Returns another one than {@code not} for a flow with this key, the same each time where the
   * policy is consistent, or null if no other is dealt.
   */
  @Nullable Backend pickOther(long key, Backend not);
}
