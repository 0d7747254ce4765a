package io.sluice.pool;

import java.time.Duration;

/**
 * What ejects a backend, and for how long.
 *
 * @param icmp whether ICMP errors are evidence; they are counted in any case
 * @param fall so many ICMP errors within {@code window} eject, at least 1
 * @param ejectFor length of the first ejection, and of a trial
 * @param ejectMax longest ejection; also how long a backend must be up without an ICMP error for
 *     its relapses to be forgotten
 */
public record Rules(boolean icmp, int fall, Duration window, Duration ejectFor, Duration ejectMax) {
  public Rules {
    if (fall < 1
        || !window.isPositive()
        || !ejectFor.isPositive()
        || ejectMax.compareTo(ejectFor) < 0) {
      throw new IllegalArgumentException(
          "fall %d, window %s, ejectFor %s, ejectMax %s"
              .formatted(fall, window, ejectFor, ejectMax));
    }
  }
}
