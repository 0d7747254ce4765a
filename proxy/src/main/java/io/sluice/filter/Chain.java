package io.sluice.filter;

import io.sluice.metrics.Drop;
import io.sluice.metrics.Tally;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A front's filters in their order, as one loop asks them: requests from the first to the last,
 * replies from the last to the first.
 */
public final class Chain {
  private static final Logger log = LoggerFactory.getLogger(Chain.class);

  /** What every datagram may meet is logged once a second. */
  private static final long COMPLAINT_NANOS = TimeUnit.SECONDS.toNanos(1);

  /**
   * One of them.
   *
   * @param name unique within the front; what its drops are counted under
   */
  public record Step(String name, DatagramFilter.Factory factory) {}

  /**
   * What they say to a flow that is to be opened.
   *
   * @param refusal why not; null if it may be
   * @param sieve those that want to see its datagrams; null if none does
   */
  public record Admission(@Nullable Drop refusal, @Nullable Sieve sieve) {
    public static final Admission FREE = new Admission(null, null);
    private static final Admission DENIED = new Admission(Drop.FILTER, null);
    private static final Admission FAULTY = new Admission(Drop.FAULT, null);
  }

  private final String front;
  private final List<Step> steps;
  private final Tally[] drops;
  private long complainNotBefore;
  private boolean complained;

  public Chain(String front, List<Step> steps) {
    this(front, steps, null);
  }

  /**
   * @param last of the same loop: filters of the same name go on counting where it is
   */
  public Chain(String front, List<Step> steps, @Nullable Chain last) {
    this.front = front;
    this.steps = List.copyOf(steps);
    drops = this.steps.stream().map(step -> tally(step.name(), last)).toArray(Tally[]::new);
  }

  private static Tally tally(String name, @Nullable Chain last) {
    for (int i = 0; last != null && i < last.steps.size(); i++) {
      if (last.steps.get(i).name().equals(name)) {
        return last.drops[i];
      }
    }
    return new Tally(1);
  }

  /**
   * Asks them all.
   *
   * @param datagrams so many are dropped if one refuses
   */
  public Admission open(FlowRequest request, int datagrams) {
    List<Sieve.Mesh> interested = new ArrayList<>(steps.size());
    for (int i = 0; i < steps.size(); i++) {
      int at = request.payload().readerIndex();
      DatagramFilter filter;
      try {
        filter = Objects.requireNonNull(steps.get(i).factory().open(request), "filter");
      } catch (Exception | LinkageError | StackOverflowError | AssertionError bug) {
        fault(i, bug);
        Sieve.close(this, interested);
        return Admission.FAULTY;
      }
      request.payload().readerIndex(at);
      if (Filters.DENY.equals(filter)) {
        refused(i, datagrams);
        Sieve.close(this, interested);
        return Admission.DENIED;
      }
      if (!Filters.PASS.equals(filter)) {
        interested.add(new Sieve.Mesh(filter, i));
      }
    }
    return interested.isEmpty() ? Admission.FREE : new Admission(null, new Sieve(this, interested));
  }

  /** A filter has refused some datagrams. */
  void refused(int step, int datagrams) {
    drops[step].add(0, datagrams);
  }

  /** A filter has thrown. */
  void fault(int step, Throwable bug) {
    long nowNs = System.nanoTime();
    if (!complained || nowNs - complainNotBefore >= 0) {
      complained = true;
      complainNotBefore = nowNs + COMPLAINT_NANOS;
      log.error(
          "front {}: filter {} has thrown, and others may have: see sluice_drops_total, reason"
              + " FAULT",
          front,
          steps.get(step).name(),
          bug);
    }
  }

  /** In their order. */
  public List<Step> steps() {
    return steps;
  }

  /** How many datagrams a filter has refused; any thread. */
  public long drops(int step) {
    return drops[step].get(0);
  }
}
