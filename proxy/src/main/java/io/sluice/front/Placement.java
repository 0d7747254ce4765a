package io.sluice.front;

import io.sluice.filter.Chain;
import io.sluice.filter.FlowRequest;
import io.sluice.filter.Sieve;
import io.sluice.flow.CloseReason;
import io.sluice.flow.Course;
import io.sluice.flow.Flow;
import io.sluice.flow.FlowKey;
import io.sluice.flow.FlowTable;
import io.sluice.flow.Lane;
import io.sluice.flow.Opening;
import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.Errno;
import io.sluice.net.OsException;
import io.sluice.pool.Backend;
import io.sluice.pool.Deal;
import io.sluice.pool.Pool;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which backend the flows of one lane get: when they are opened, when their backend refuses, and
 * when they should leave it (docs/adr/0015). On its loop only.
 *
 * <p>Plug-ins have a say in it; what they throw costs the datagram in hand, and no other client's.
 */
final class Placement {
  private static final Logger log = LoggerFactory.getLogger(Placement.class);

  /** What every datagram may meet is logged once a second. */
  private static final long COMPLAINT_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final String front;
  private final Lane lane;
  private final Address listen;
  private List<Chain.Step> filters = List.of();
  private volatile @Nullable Chain chain; // others count what it drops
  private long complainNotBefore;
  private boolean complained;

  /** Whether its listener is about to be closed. */
  private boolean retired;

  /**
   * @param listen where the lane's clients send to
   * @param last that of the one before, in whose books its filters go on counting
   */
  Placement(String front, Lane lane, Address listen, Course course, @Nullable Chain last) {
    this.front = front;
    this.lane = lane;
    this.listen = listen;
    follow(course.filters(), last);
  }

  /** From now on these are the filters, and what they remember is theirs. */
  void follow(Course course) {
    if (!course.filters().equals(filters)) {
      follow(course.filters(), chain);
    }
  }

  private void follow(List<Chain.Step> next, @Nullable Chain last) {
    filters = next;
    chain = next.isEmpty() ? null : new Chain(front, next, last);
  }

  /** From now on no flow begins here, and none moves. */
  void retire() {
    retired = true;
  }

  /** Opens a flow for a datagram; null once that is booked as dropped. */
  @Nullable Flow open(Batch batch, int slot, FlowKey key, long now) {
    Drop refusal = retired ? Drop.DRAINING : lane.table().refusal();
    if (refusal != null) {
      return drop(refusal, batch, slot, key);
    }
    Chain asked = chain;
    return asked == null
        ? open(batch, slot, key, null, now)
        : openThrough(asked, batch, slot, key, now);
  }

  /**
   * The budget is looked at first and spent last: a flood beyond it must not cost a filter's work,
   * and those who are refused must not spend it.
   */
  private @Nullable Flow openThrough(Chain asked, Batch batch, int slot, FlowKey key, long now) {
    if (!lane.table().couldOpen(now)) {
      return drop(Drop.FLOW_RATE, batch, slot, key);
    }
    Chain.Admission admission = ask(asked, batch, slot, key, now);
    if (admission.refusal() != null) {
      return drop(admission.refusal(), batch, slot, key);
    }
    Sieve sieve = admission.sieve();
    Flow flow = open(batch, slot, key, sieve, now);
    if (sieve != null && (flow == null || flow.sieve() != sieve)) {
      sieve.close();
    }
    return flow;
  }

  private Chain.Admission ask(Chain asked, Batch batch, int slot, FlowKey key, long now) {
    FlowRequest request =
        new FlowRequest(
            front,
            key.client().toInetSocketAddress(),
            key.local(listen).toInetSocketAddress(),
            batch.payload(slot),
            now);
    return asked.open(request, batch.datagrams(slot));
  }

  private @Nullable Flow open(Batch batch, int slot, FlowKey key, @Nullable Sieve sieve, long now) {
    if (!lane.table().mayOpen(now)) {
      return drop(Drop.FLOW_RATE, batch, slot, key);
    }
    try {
      long affinity = affinity(key, batch, slot);
      Backend backend = pool().pick(affinity);
      return backend == null
          ? drop(Drop.NO_BACKEND, batch, slot, key)
          : dial(backend, affinity, batch, slot, key, sieve, now);
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      complain(key, bug, now);
      return drop(Drop.FAULT, batch, slot, key);
    }
  }

  private long affinity(FlowKey key, Batch batch, int slot) {
    Course course = lane.course();
    return course.affinity().keyOf(key.client().toInetSocketAddress(), batch.payload(slot));
  }

  private Pool pool() {
    return lane.course().pool();
  }

  private @Nullable Flow dial(
      Backend backend,
      long affinity,
      Batch batch,
      int slot,
      FlowKey key,
      @Nullable Sieve sieve,
      long now) {
    Backend other;
    try {
      return Opening.newcomer(key.copy(), lane, backend, affinity, sieve, now);
    } catch (OsException e) {
      other = blame(backend, e) ? pool().pickOther(affinity, backend) : null;
      if (other == null) {
        return drop(Errno.ofDial(e.errno()), batch, slot, key);
      }
    }
    try {
      return Opening.newcomer(key.copy(), lane, other, affinity, sieve, now);
    } catch (OsException e) {
      blame(other, e);
      return drop(Errno.ofDial(e.errno()), batch, slot, key);
    }
  }

  /** No route there is evidence like an ICMP error; no port or descriptor here is none. */
  private static boolean blame(Backend backend, OsException e) {
    boolean unreachable = Errno.isUnreachable(e.errno());
    if (unreachable) {
      backend.refused(FlowTable.nextId());
    }
    return unreachable;
  }

  /**
   * Gives a flow that {@link Flow#isLeaving} another backend: returns its successor, or the flow
   * itself where it stays for now, or null once the datagram that came for it is booked as dropped.
   */
  @Nullable Flow rehome(Flow flow, Batch batch, int slot, long now) {
    if (retired) {
      return flow;
    }
    try {
      if (flow.isBehind() && !catchUp(flow, batch, slot, now)) {
        return null;
      }
      long affinity = flow.isAstray() ? affinity(flow.key(), batch, slot) : flow.affinity();
      Backend next = flow.isAstray() ? pool().pick(affinity) : next(flow, pool(), now);
      if (next == null) {
        flow.close(CloseReason.BACKEND_DOWN);
        return drop(Drop.NO_BACKEND, batch, slot, flow.key());
      }
      // Beyond the budget it goes on as it did: nothing is queued.
      return next == flow.backend() || !lane.table().mayRehome(now)
          ? flow
          : move(flow, next, affinity, batch, slot, now);
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      complain(flow.key(), bug, now);
      return drop(Drop.FAULT, batch, slot, flow.key());
    }
  }

  /** Has a flow answer to other filters; false once its datagram is booked as refused by them. */
  private boolean catchUp(Flow flow, Batch batch, int slot, long now) {
    Chain asked = chain;
    if (flow.isSiftedByOthers()) {
      Chain.Admission admission =
          asked == null ? Chain.Admission.FREE : ask(asked, batch, slot, flow.key(), now);
      if (admission.refusal() != null) {
        flow.close(CloseReason.FILTERED);
        drop(admission.refusal(), batch, slot, flow.key());
        return false;
      }
      flow.sift(admission.sieve());
    }
    flow.catchUp();
    return true;
  }

  /** Where it should go; where it is if it can do no better, null if that is down. */
  static @Nullable Backend next(Flow flow, Deal pool, long now) {
    Backend home = flow.home();
    if (home != null && pool.pick(flow.affinity()) == home) { // not while it has a share only
      return home;
    }
    if (!flow.isStranded(now)) {
      return flow.backend();
    }
    if (isDown(flow)) {
      Backend dealt = pool.pick(flow.affinity());
      if (dealt != flow.backend()) {
        return dealt;
      }
    }
    Backend other = pool.pickOther(flow.affinity(), flow.backend());
    return other == null ? flow.backend() : other;
  }

  private @Nullable Flow move(
      Flow flow, Backend to, long affinity, Batch batch, int slot, long now) {
    try {
      Flow next = Opening.successor(flow, to, affinity, CloseReason.REHOMED, now);
      return next == null ? flow : next;
    } catch (OsException e) {
      blame(to, e);
      if (!isDown(flow)) {
        return flow;
      }
      flow.close(CloseReason.BACKEND_DOWN); // what it holds, another may need
      return drop(Errno.ofDial(e.errno()), batch, slot, flow.key());
    }
  }

  private static boolean isDown(Flow flow) {
    return flow.backend().patienceNs() == 0;
  }

  /** {@link io.sluice.flow.Rescuer}. */
  @Nullable Flow rescue(Flow flow, long now) {
    if (retired) {
      return null;
    }
    Backend other = null;
    try {
      long affinity = flow.affinity();
      other = pool().pickOther(affinity, flow.backend());
      return other == null
          ? null
          : Opening.successor(flow, other, affinity, CloseReason.RESCUED, now);
    } catch (OsException e) {
      if (other != null) {
        blame(other, e);
      }
      return null;
    } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
      complain(flow.key(), bug, now);
      return null;
    }
  }

  @Nullable Chain chain() {
    return chain;
  }

  private void complain(FlowKey client, Throwable bug, long now) {
    if (!complained || now - complainNotBefore >= 0) {
      complained = true;
      complainNotBefore = now + COMPLAINT_NANOS;
      log.error(
          "front {}: a datagram of {} is lost to a bug, others may be: see sluice_drops_total,"
              + " reason FAULT",
          front,
          client,
          bug);
    }
  }

  private @Nullable Flow drop(Drop reason, Batch batch, int slot, FlowKey key) {
    lane.drop(reason, batch, slot, key);
    return null;
  }
}
