package io.sluice.pool;

import io.sluice.balance.Balancer;
import io.sluice.metrics.Tally;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;

/** One server of a pool: where it is, what it carries, and what the pool makes of it. */
public final class Backend implements Balancer.Member {
  /** Counter of {@link #traffic}: datagrams sent to the backend. */
  public static final int REQUESTS = 0;

  /** Counter of {@link #traffic}: datagrams the backend sent. */
  public static final int REPLIES = 1;

  /** Counter of {@link #traffic}: payload bytes sent to the backend. */
  public static final int REQUEST_BYTES = 2;

  /** Counter of {@link #traffic}: payload bytes the backend sent. */
  public static final int REPLY_BYTES = 3;

  /** Counter of {@link #traffic}: exchanges, each begun by a request that found none open. */
  public static final int ASKED = 4;

  /** Counter of {@link #traffic}: exchanges that a reply ended. */
  public static final int ANSWERED = 5;

  private static final int COUNTERS = 6;

  private final String name;
  private final InetSocketAddress address;
  private final int weight;
  private final boolean refusalsAreEvidence;
  private final Evidence evidence;
  private final Tally[] traffic;
  private final AtomicInteger load = new AtomicInteger();
  private final LongAdder unreachable = new LongAdder();
  private volatile Standing standing;

  Backend(Pool.Spec.Server server, int workers, boolean icmp, Evidence evidence, Standing first) {
    name = server.name();
    address = server.address();
    weight = server.weight();
    refusalsAreEvidence = icmp;
    this.evidence = evidence;
    traffic = IntStream.range(0, workers).mapToObj(_ -> new Tally(COUNTERS)).toArray(Tally[]::new);
    standing = first;
  }

  @Override
  public String name() {
    return name;
  }

  public InetSocketAddress address() {
    return address;
  }

  @Override
  public int weight() {
    return weight;
  }

  /** Live flows. */
  @Override
  public int load() {
    return load.get();
  }

  /**
   * Whether flows may stay on this backend. When false, {@link Pool#pick} deals another one (see
   * the package for why that holds on every loop).
   */
  public boolean eligible() {
    return standing.eligible();
  }

  /**
   * How long a flow may wait here for a reply before it should leave for another backend: 0 where
   * none may stay, {@link Long#MAX_VALUE} where all may.
   */
  public long patienceNs() {
    return standing.eligible() ? Long.MAX_VALUE : 0;
  }

  /** Any loop: a flow to this backend begins. */
  public void flowOpened() {
    load.incrementAndGet();
  }

  /** Any loop: a flow to this backend ends; once for every {@link #flowOpened}. */
  public void flowClosed() {
    int left = load.decrementAndGet();
    assert left >= 0 : name + " has " + left + " flows";
  }

  /**
   * Any loop: the network says that it cannot be reached by that flow. Returns whether that is
   * evidence now: then the flow should end, so that the client's next datagram opens another flow
   * and, if that is refused too, counts as a further one. While ejected backends are tried for want
   * of any other there is nothing more to learn, and flows stay.
   */
  public boolean refused(long flowId) {
    unreachable.increment();
    boolean evident = refusalsAreEvidence && standing.state() != State.EJECTED;
    if (evident) {
      evidence.refusal(flowId);
    }
    return evident;
  }

  /** That worker's loop: replies came, the first of which ended an exchange after so long. */
  public void answered(int worker, long latencyNs) {
    traffic[worker].add(ANSWERED, 1);
    answered();
  }

  /** Any loop, once a batch of replies: two reads, unless the backend is on trial. */
  public void answered() {
    if (standing.state() == State.TRIAL) {
      evidence.answer();
    }
  }

  /** What a worker's loop counts for this backend; that loop alone may add to it. */
  public Tally traffic(int worker) {
    return traffic[worker];
  }

  /** For whoever asks: state, reason, since, eligible and ejections belong together. */
  public View view() {
    Standing now = standing;
    return new View(
        now.state(),
        now.eligible(),
        now.reason(),
        now.since(),
        now.ejections(),
        load(),
        unreachable.sum(),
        total(REQUESTS),
        total(REPLIES),
        total(REQUEST_BYTES),
        total(REPLY_BYTES));
  }

  /** Control. */
  Standing standing() {
    return standing;
  }

  /** Control: the next word on this backend, for every loop to see. */
  void stand(Standing next) {
    standing = next;
  }

  private long total(int counter) {
    long total = 0;
    for (Tally tally : traffic) {
      total += tally.get(counter);
    }
    return total;
  }

  /**
   * A backend at a glance.
   *
   * @param eligible whether it is given flows: UP or TRIAL, or all are tried for want of any
   * @param reason why it is in that state, the words that were logged
   * @param since when it came into that state
   * @param ejections since the pool was opened
   * @param flows live ones
   * @param unreachable ICMP errors since the pool was opened
   * @param requests datagrams sent to it
   * @param replies datagrams it sent
   */
  public record View(
      State state,
      boolean eligible,
      String reason,
      Instant since,
      long ejections,
      long flows,
      long unreachable,
      long requests,
      long replies,
      long requestBytes,
      long replyBytes) {}

  /** What control last decided, swapped whole. */
  record Standing(boolean eligible, State state, String reason, Instant since, long ejections) {
    Standing withEligible(boolean is) {
      return is == eligible ? this : new Standing(is, state, reason, since, ejections);
    }
  }
}
