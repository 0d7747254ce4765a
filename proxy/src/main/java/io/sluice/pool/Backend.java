package io.sluice.pool;

import io.sluice.metrics.Tally;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** One server of a pool: where it is, what it carries, and what the pool makes of it. */
public final class Backend {
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

  /** Counter of {@link #traffic}: exchanges that a reply ended within stall-timeout. */
  static final int PROMPT = 6;

  /** Counter of {@link #traffic}: how long those {@link #TIMED} took together, nanoseconds. */
  static final int LATENCY = 7;

  /** Counter of {@link #traffic}: runs of requests that found an exchange open. */
  public static final int REPEATED = 8;

  /** Counter of {@link #traffic}: exchanges of one request that a reply ended in time. */
  static final int TIMED = 9;

  private static final int COUNTERS = 10;

  /** A {@link Standing#share} that is not reduced. */
  static final int ALL_KEYS = 1_024;

  private final String name;
  private final InetSocketAddress address;
  private final long seed;
  private final Evidence evidence;
  private final Tally[] traffic;
  private final AtomicInteger load = new AtomicInteger();
  private final LongAdder unreachable = new LongAdder();
  private volatile Exchanges[] exchanges;
  private volatile Standing standing;
  private volatile long latencyNanos;

  Backend(Pool.Spec.Server server, int workers, Evidence evidence, Standing first) {
    name = server.name();
    address = server.address();
    seed = (long) name.hashCode() << 32;
    this.evidence = evidence;
    traffic = IntStream.range(0, workers).mapToObj(_ -> new Tally(COUNTERS)).toArray(Tally[]::new);
    exchanges = exchanges(first.terms().stallNs());
    standing = first;
  }

  /** None open: of those that are, the ends will be ignored. */
  private Exchanges[] exchanges(long stallNs) {
    return Stream.of(traffic).map(_ -> new Exchanges(stallNs)).toArray(Exchanges[]::new);
  }

  public String name() {
    return name;
  }

  public InetSocketAddress address() {
    return address;
  }

  /** Its share relative to the others', as configured last. */
  public int weight() {
    return standing.terms().weight();
  }

  /** Live flows. */
  public int load() {
    return load.get();
  }

  /** A peak EWMA: up at once, down slowly; see {@link PeakLatency}. */
  public long latencyNanos() {
    return latencyNanos;
  }

  /**
   * Whether it is given new flows. When false, {@link Pool#pick} deals another one (see the package
   * for why that holds on every loop).
   */
  public boolean eligible() {
    return standing.eligible();
  }

  /**
   * How long a flow may wait here for a reply before it should leave for another backend: 0 where
   * none may stay, {@link Long#MAX_VALUE} where all may, else stall-timeout: it is silent.
   */
  public long patienceNs() {
    return standing.patienceNs();
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
    Standing now = standing;
    boolean evident =
        now.terms().icmp() && now.state() != State.EJECTED && now.state() != State.DOWN;
    if (evident) {
      evidence.refusal(flowId);
    }
    return evident;
  }

  /** That worker's loop: a request begins an exchange. */
  public void asked(int worker, long nowNs) {
    traffic[worker].add(ASKED, 1);
    exchanges[worker].begun(nowNs);
  }

  /** That worker's loop: a flow ends, and gives up the exchange that began then. */
  public void abandoned(int worker, long askedNs) {
    exchanges[worker].ended(askedNs);
  }

  /**
   * That worker's loop: replies came, the first of which ended the exchange that began then. Where
   * its request was repeated, nobody knows which one the reply is to, nor how long it took (Karn).
   */
  public void answered(int worker, long askedNs, long nowNs, boolean repeated) {
    long latencyNs = nowNs - askedNs;
    Tally count = traffic[worker];
    exchanges[worker].ended(askedNs);
    count.add(ANSWERED, 1);
    if (latencyNs <= standing.terms().stallNs()) {
      count.add(PROMPT, 1);
      if (!repeated) {
        count.add(TIMED, 1);
        count.add(LATENCY, latencyNs);
      }
    }
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
        now.score(),
        now.reason(),
        now.since(),
        now.ejections(),
        now.dossier(),
        latencyNanos,
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
    if (next.terms().stallNs() != standing.terms().stallNs()) {
      exchanges = exchanges(next.terms().stallNs());
    }
    standing = next;
  }

  /**
   * Whether this key of its own is within its share: the same keys as long as that does not shrink.
   */
  boolean keeps(long key) {
    int share = standing.share();
    return share == ALL_KEYS || place(key) < share;
  }

  /** Percent of its keys that it keeps; all but on trial for silence and in slow start. */
  public int sharePercent() {
    return 100 * standing.share() / ALL_KEYS;
  }

  /** Whether nothing speaks against giving it that key of another's. */
  boolean isSound(long key) {
    Standing now = standing;
    return now.patienceNs() == Long.MAX_VALUE
        && (now.share() == ALL_KEYS || place(key) < now.share());
  }

  /** From 0 to {@value #ALL_KEYS}, another for each backend, whatever the policy does with keys. */
  private long place(long key) {
    long mixed = (key ^ seed) * 0x9E37_79B9_7F4A_7C15L;
    return ((mixed ^ (mixed >>> 32)) * 0xD6E8_FEB8_6659_FD93L) >>> 54;
  }

  /** Control. */
  void latencyNanos(long now) {
    latencyNanos = now;
  }

  /** Over all workers: open exchanges that are not yet older than stall-timeout. */
  long young(long nowNs) {
    long young = 0;
    for (Exchanges each : exchanges) {
      young += each.young(nowNs);
    }
    return young;
  }

  /** Over all workers; each counter as of some moment during the call. */
  long total(int counter) {
    long total = 0;
    for (Tally tally : traffic) {
      total += tally.get(counter);
    }
    return total;
  }

  /**
   * A backend at a glance.
   *
   * @param eligible whether it is given new flows: UP, SUSPECT or TRIAL, or for want of any such
   * @param score 100 is beyond doubt, at 0 its guilt is proven
   * @param reason why it is in that state, the words that were logged
   * @param since when it came into that state
   * @param ejections since it came into the pool
   * @param dossier what else is known of it
   * @param latencyNanos how long its replies take of late; 0 until it has been seen
   * @param flows live ones
   * @param unreachable ICMP errors since then
   * @param requests datagrams sent to it
   * @param replies datagrams it sent
   */
  public record View(
      State state,
      boolean eligible,
      int score,
      String reason,
      Instant since,
      long ejections,
      Dossier dossier,
      long latencyNanos,
      long flows,
      long unreachable,
      long requests,
      long replies,
      long requestBytes,
      long replyBytes) {}

  /**
   * What control last decided, swapped whole.
   *
   * @param patienceNs as {@link Backend#patienceNs} says
   * @param share so many of its keys it keeps, of {@value #ALL_KEYS}; others are dealt its keys
   *     else
   */
  record Standing(
      boolean eligible,
      long patienceNs,
      int share,
      State state,
      int score,
      String reason,
      Instant since,
      long ejections,
      Dossier dossier,
      Terms terms) {}

  /**
   * What the pool's configuration has to say to the loops.
   *
   * @param icmp whether refusals are evidence
   * @param stallNs a reply that takes longer is none
   */
  record Terms(int weight, boolean icmp, long stallNs) {}
}
