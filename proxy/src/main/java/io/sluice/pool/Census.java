package io.sluice.pool;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Has all backends of a pool counted at the same moments, and each told what that says of it. */
final class Census {
  /** Samples that a stall-timeout takes at most. */
  private static final long STALL_SAMPLES = 30;

  /** And the window on top of it: 15 KiB a backend. */
  private static final long WINDOW_SAMPLES = 600;

  private final long tickNs;
  private Roster roster;
  private ReplyRatio ratio;

  /** Ticks from one sample to the next. */
  private long stride;

  private long ticks;

  Census(Roster roster, long tickNs) {
    this.tickNs = tickNs;
    this.roster = roster;
    stride = stride(roster.spec());
    ratio = ratio(roster);
  }

  private long stride(Pool.Spec spec) {
    return Math.max(1, spec.silence().stallTimeout().toNanos() / tickNs / STALL_SAMPLES);
  }

  private ReplyRatio ratio(Roster of) {
    Pool.Spec spec = of.spec();
    long sampleNs = stride(spec) * tickNs;
    long window = Math.ceilDiv(spec.rules().window().toNanos(), sampleNs);
    return new ReplyRatio(
        of.watches().size(),
        spec.silence().minRequests(),
        (int) Math.min(window, WINDOW_SAMPLES),
        (int) Math.ceilDiv(spec.silence().stallTimeout().toNanos(), sampleNs));
  }

  /** From now on these are counted; by another measure all are counted anew. */
  void cover(Roster next) {
    Pool.Spec was = roster.spec();
    Pool.Spec is = next.spec();
    if (was.silence().equals(is.silence()) && was.rules().window().equals(is.rules().window())) {
      Map<Watch, Integer> before = new HashMap<>();
      roster.watches().forEach(each -> before.put(each, before.size()));
      ratio.regroup(
          next.watches().stream().mapToInt(each -> before.getOrDefault(each, -1)).toArray());
    } else {
      stride = stride(is);
      ratio = ratio(next);
    }
    roster = next;
  }

  /** A tick is over. */
  void tick(long nowNs) {
    if (!roster.spec().silence().counts() || ticks++ % stride != 0) {
      return;
    }
    ratio.tick();
    List<Watch> watches = roster.watches();
    for (int i = 0; i < watches.size(); i++) {
      Backend each = watches.get(i).backend();
      ratio.sample(
          i,
          each.total(Backend.ASKED),
          each.total(Backend.PROMPT),
          each.total(Backend.REPEATED),
          each.total(Backend.REPLIES),
          each.young(nowNs));
    }
    for (int i = 0; i < watches.size(); i++) {
      watches.get(i).hear(ratio.hearing(i), nowNs);
    }
  }

  /** What was said of a backend before is not held against it any longer. */
  void forget(Watch watch) {
    ratio.forget(roster.watches().indexOf(watch));
  }
}
