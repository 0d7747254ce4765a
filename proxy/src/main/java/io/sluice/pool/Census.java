package io.sluice.pool;

import java.util.List;

/** Has all backends of a pool counted at the same moments, and each told what that says of it. */
final class Census {
  /** Samples that a stall-timeout takes at most. */
  private static final long STALL_SAMPLES = 30;

  /** And the window on top of it: 15 KiB a backend. */
  private static final long WINDOW_SAMPLES = 600;

  private final boolean counts;
  private final List<Watch> watches;
  private final ReplyRatio ratio;

  /** Ticks from one sample to the next. */
  private final long stride;

  private long ticks;

  Census(Pool.Spec spec, List<Watch> watches, long tickNs) {
    this.watches = watches;
    counts = spec.silence().counts();
    long stallNs = spec.silence().stallTimeout().toNanos();
    stride = Math.max(1, stallNs / tickNs / STALL_SAMPLES);
    long sampleNs = stride * tickNs;
    long window = Math.ceilDiv(spec.rules().window().toNanos(), sampleNs);
    ratio =
        new ReplyRatio(
            watches.size(),
            spec.silence().minRequests(),
            (int) Math.min(window, WINDOW_SAMPLES),
            (int) Math.ceilDiv(stallNs, sampleNs));
  }

  /** A tick is over. */
  void tick(long nowNs) {
    if (!counts || ticks++ % stride != 0) {
      return;
    }
    ratio.tick();
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
  void forget(int backend) {
    ratio.forget(backend);
  }
}
