package io.sluice.flow;

import io.sluice.filter.Sieve;
import io.sluice.net.Address;
import io.sluice.net.OsException;
import io.sluice.net.UdpSocket;
import io.sluice.pool.Backend;
import org.jspecify.annotations.Nullable;

/** How flows begin: as newcomers, or in another's place; on the loop they will live on. */
public final class Opening {
  private Opening() {}

  /**
   * Opens a flow and enters it in the lane's table; returns the flow that stands there: this one,
   * or that of another loop that was first.
   *
   * @param affinity the key that decided the backend
   * @param sieve its own from now on if this flow is entered; null: everything may pass
   * @throws OsException when the kernel has no socket, port or route for it
   */
  public static Flow newcomer(
      FlowKey key, Lane lane, Backend backend, long affinity, @Nullable Sieve sieve, long now)
      throws OsException {
    Flow flow = dial(key, lane, backend, affinity, lane.table().limits().oneWay(), now);
    flow.sift(sieve);
    boolean entered = false;
    try {
      Flow first = lane.table().enter(flow);
      entered = first == null;
      return first == null ? flow : first;
    } finally {
      flow.begin(entered);
    }
  }

  /**
   * Opens a flow with another backend that takes the place, standing and peer socket of one, which
   * ends for that reason. Returns null if it had ended already.
   *
   * @param affinity the key that decided on that backend
   * @throws OsException when the kernel has no socket, port or route for it; all stays as it was
   */
  public static @Nullable Flow successor(
      Flow last, Backend backend, long affinity, CloseReason reason, long now) throws OsException {
    Lane lane = last.lane;
    Flow next = dial(last.key(), lane, backend, affinity, last.isAssured(), now);
    if (reason == CloseReason.RESCUED) {
      next.holdNothing(); // once is enough
    } else if (lane.table().limits().rehomeReturn() && !last.isAstray()) {
      next.rememberHomeOf(last);
    }
    boolean entered = false;
    try {
      entered = lane.table().succeed(last, next, reason);
    } finally {
      next.begin(entered);
    }
    if (!entered) {
      return null;
    }
    next.inherit(last);
    return next;
  }

  private static Flow dial(
      FlowKey key, Lane lane, Backend backend, long affinity, boolean assured, long now)
      throws OsException {
    UdpSocket link = lane.dialer().dial(Address.of(backend.address()));
    boolean told = false;
    try {
      Flow flow = new Flow(key, lane, backend, link, affinity, assured, now);
      link.register(lane.worker(), flow);
      told = true;
      return flow;
    } finally {
      if (!told) {
        link.close();
      }
    }
  }
}
