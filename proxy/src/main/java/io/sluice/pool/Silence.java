package io.sluice.pool;

import java.time.Duration;

/**
 * When requests without a reply tell against a backend: only where others of its pool reply.
 *
 * @param counts whether it is evidence at all
 * @param minRequests fewer unanswered requests prove nothing, at least 1
 * @param stallTimeout a request without a reply for this long is unanswered
 */
public record Silence(boolean counts, int minRequests, Duration stallTimeout) {
  /** What a pool has unless it is told otherwise. */
  public static final Silence USUAL = new Silence(true, 10, Duration.ofSeconds(3));

  public Silence {
    if (minRequests < 1 || !stallTimeout.isPositive()) {
      throw new IllegalArgumentException(
          "minRequests %d, stallTimeout %s".formatted(minRequests, stallTimeout));
    }
  }
}
