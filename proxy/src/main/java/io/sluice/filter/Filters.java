package io.sluice.filter;

import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The built-in filters, by the names {@code filters} knows their types by. */
public final class Filters {
  /** Lets everything pass and is not asked again: costs the flow nothing. */
  public static final DatagramFilter PASS = Stance.PASS;

  /** Refuses the flow: none is opened, and the client's next datagram asks anew. */
  public static final DatagramFilter DENY = Stance.DENY;

  /** What needs no plug-in. */
  public static final Set<String> BUILT_IN = Set.of("access-list", "rate-limit");

  /** Whose datagrams count together. */
  public enum Per {
    SOURCE_IP,
    FLOW,
    FRONT;

    String word() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private Filters() {}

  /**
   * {@code access-list}: clients of these networks alone, and none of those. What both name is
   * denied; an empty {@code allow} allows all.
   */
  public static DatagramFilter.Factory accessList(List<Network> allow, List<Network> deny) {
    return new AccessList(allow, deny);
  }

  /**
   * {@code rate-limit}: so many datagrams a second, after a burst.
   *
   * @param perSecond 1 to 1,000,000
   * @param burst 1 to 1,000,000
   * @param nowNs as of {@link System#nanoTime}; the clock that flows are opened by
   */
  public static DatagramFilter.Factory rateLimit(Per per, int perSecond, int burst, long nowNs) {
    return new RateLimit(per, new Rate(perSecond, burst), nowNs);
  }
}
