package io.sluice.filter;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Whether a client's network may use the front: a match in {@code deny} decides, else one in {@code
 * allow}, if that names any.
 *
 * <p>Asked once a flow, so that an established one costs nothing. The lists are walked, a
 * nanosecond or two an entry: a tree would begin to pay at more than configurations hold.
 */
final class AccessList implements DatagramFilter.Factory {
  private final Network[] allow;
  private final Network[] deny;

  AccessList(List<Network> allow, List<Network> deny) {
    this.allow = allow.toArray(Network[]::new);
    this.deny = deny.toArray(Network[]::new);
  }

  @Override
  public DatagramFilter open(FlowRequest request) {
    Ip client = Ip.of(request.client().getAddress());
    return isAllowed(client) ? Filters.PASS : Filters.DENY;
  }

  private boolean isAllowed(Ip client) {
    return find(deny, client) == null && (allow.length == 0 || find(allow, client) != null);
  }

  private static @Nullable Network find(Network[] list, Ip client) {
    for (Network network : list) {
      if (network.contains(client)) {
        return network;
      }
    }
    return null;
  }

  @Override
  public Opinion explain(FlowRequest request) {
    Ip client = Ip.of(request.client().getAddress());
    String who = request.client().getAddress().getHostAddress();
    Network denied = find(deny, client);
    if (denied != null) {
      return Opinion.refuse(who + " is in " + denied + ", which is denied");
    }
    Network allowed = find(allow, client);
    if (allowed != null) {
      return Opinion.pass(who + " is in " + allowed + ", which is allowed");
    }
    return allow.length == 0
        ? Opinion.pass(who + " is in no network that is denied")
        : Opinion.refuse(who + " is in none of the " + allow.length + " networks allowed");
  }
}
