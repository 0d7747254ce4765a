package io.sluice.flow;

import io.sluice.affinity.KeyExtractor;
import io.sluice.filter.Chain;
import io.sluice.net.Dialer;
import io.sluice.pool.Pool;
import java.util.List;

/**
 * What the loops do with a front's datagrams. Each has it for itself and changes it in a task of
 * its own ({@link Lane#follow}): so what is looked at for every datagram needs no fence, and
 * between two datagrams it is all of one course.
 *
 * @param pool the backends of its flows; those that have theirs from another leave
 * @param dialer opens links to them
 * @param affinity which bytes decide the backend of a new flow
 * @param maxDatagramBytes longer datagrams are dropped, either way
 * @param peerSockets whether a flow that becomes assured gets a front socket of its own
 * @param filters asked in this order; names unique. To others, flows that there are must answer,
 *     too
 */
public record Course(
    Pool pool,
    Dialer dialer,
    KeyExtractor affinity,
    int maxDatagramBytes,
    boolean peerSockets,
    List<Chain.Step> filters) {
  public Course {
    filters = List.copyOf(filters);
  }

  /** Without filters. */
  public Course(
      Pool pool, Dialer dialer, KeyExtractor affinity, int maxDatagramBytes, boolean peerSockets) {
    this(pool, dialer, affinity, maxDatagramBytes, peerSockets, List.of());
  }
}
