package io.sluice.pool;

import java.util.OptionalDouble;

/**
 * Which backends of a pool leave their requests unanswered, where the others answer theirs.
 *
 * <p>What is compared are <em>exchanges</em>, each begun by a request and answered in time if a
 * reply comes within stall-timeout; a pool that is slower than that, or one-way, or struck as a
 * whole, has no baseline and convicts nobody. Counters are sampled once a tick; ticks that come
 * late make everything take longer, and nobody guilty.
 *
 * <p><b>Silence.</b> Of the exchanges that were open when a backend was last heard (by any reply),
 * or were begun since, those older than stall-timeout are unanswered; but what it had left open for
 * that long before it was heard is over, since a service may lose some. Had it answered like the
 * others, {@code unanswered * r} would not be; so many are counted as proof, and {@code
 * minRequests} of them convict: with r = 0.99 a healthy one is lost 10 in a row once in 10^20
 * times, with r = 0.3 the 34 it then takes once in 10^5. {@code r} is what the others answered of
 * what they were asked since this one was last heard: later replies of theirs to earlier requests
 * prove nothing, since a failure of the network strikes all at once.
 *
 * <p>One lost datagram is no silence, nor one and its repetition: it takes {@value #FEWEST}
 * exchanges, or as many requests of the few flows there are, each a quarter of stall-timeout after
 * the one before.
 *
 * <p>Silence ages, too: what nobody has tried to ask for the window and stall-timeout, because all
 * flows have left, is not known to be silent any longer.
 *
 * <p><b>Ratio.</b> Over the window that ended stall-timeout ago, a backend's ratio of answers in
 * time is compared to that of all the others together. What is {@value #LOW} of theirs or less is a
 * full proof if it is no chance either: by the two-proportion z-test with pooled variance, nothing
 * below 4 and all from 6 standard deviations on. With half of the replies lost that takes 35
 * requests.
 *
 * <p><b>Garbage</b> adds questions, but takes away no answers. So a low ratio tells only as far as
 * the backend's share of the pool's answers has fallen as well, against its own past, which stands
 * still while the ratio is low.
 *
 * <p><b>Edges.</b> Counters do not say which request a reply belongs to. The answers to what was
 * asked between ticks s and e fall between s + d and e + d, where d is the latency, at most
 * stall-timeout. So all d are tried, and the largest sum is held to be the backend's own, the
 * smallest the others': whatever a burst does, it speaks for the accused.
 *
 * <p>Pure: a tick is whatever the caller says.
 */
final class ReplyRatio {
  /** Two thirds, so that half is found, and not only by chance. */
  private static final double LOW = 2.0 / 3;

  private static final double NO_CHANCE = 4;
  private static final double CERTAINTY = 6;

  /** A share of the pool's answers that is not less than that of what it was has not fallen. */
  private static final double HIGH = 5.0 / 6;

  /** Standard deviations of the answers it should have had. */
  private static final double FALL = 3;

  /** Per sample, with its own past: a half-life of a minute at ten a second. */
  private static final double FORGOTTEN = 1 - Math.pow(0.5, 1.0 / 600);

  /** Three requests in vain where 99 % are answered, fourteen where half are. */
  private static final double CHANCE_OF_SILENCE = 1e-4;

  /** However well the others do, any datagram may be lost, and any second one. */
  private static final double BEST_RATIO = 0.99;

  private static final int FEWEST = 3;

  /** Of stall-timeout: repetitions any closer may have been lost together. */
  private static final int SPREAD = 4;

  private final int stall;
  private final int window;
  private final int minRequests;
  private final Track all;
  private Track[] tracks;
  private long now = -1;

  /** What those that have left had been asked, and answered in time: lest the sum fall. */
  private long askedOfGone;

  private long promptOfGone;

  /**
   * @param window ticks to look back beyond {@code stall}, at least 1
   * @param stall ticks after which a request is unanswered, at least 1
   */
  ReplyRatio(int backends, int minRequests, int window, int stall) {
    this.minRequests = minRequests;
    this.window = window;
    this.stall = stall;
    tracks = new Track[backends];
    for (int i = 0; i < backends; i++) {
      tracks[i] = new Track();
    }
    all = new Track();
  }

  /**
   * Other backends are compared from the next tick on.
   *
   * @param was of each which one it was, or -1 for a newcomer, whose past does not count
   */
  void regroup(int[] was) {
    Track[] old = tracks.clone();
    boolean[] stays = new boolean[old.length];
    tracks = new Track[was.length];
    for (int i = 0; i < was.length; i++) {
      if (was[i] < 0) {
        tracks[i] = new Track();
      } else {
        tracks[i] = old[was[i]];
        stays[was[i]] = true;
      }
    }
    for (int i = 0; i < old.length; i++) {
      if (!stays[i] && now >= 0) {
        askedOfGone += old[i].asked(now);
        promptOfGone += old[i].prompt[old[i].cell(now)];
      }
    }
  }

  /** Begins a tick, in which every backend is sampled once. */
  void tick() {
    now++;
    all.put(askedOfGone, promptOfGone);
  }

  /**
   * Takes in a backend's counters, which only grow.
   *
   * @param asked exchanges begun
   * @param prompt exchanges answered in time
   * @param repeated requests while an exchange was open, so that a lone client's repetitions count
   * @param replies datagrams from it, so that any sign of life does
   * @param young open exchanges that began less than stall-timeout ago; no counter
   */
  void sample(int backend, long asked, long prompt, long repeated, long replies, long young) {
    Track track = tracks[backend];
    track.put(asked, prompt);
    if (track.isNew) {
      track.begin(replies, asked + repeated, young);
    }
    track.tried(asked + repeated);
    all.put(all.asked(now) + asked, all.prompt[all.cell(now)] + prompt);
    if (replies != track.replies) {
      track.replies = replies;
      track.heard(young);
    } else if (now - track.triedAt > stall + window) {
      track.heard(0);
    }
  }

  /** What was before is not held against it any longer. */
  void forget(int backend) {
    Track track = tracks[backend];
    track.begin = now;
    track.heard(0);
  }

  /** What is to be said of a backend at this tick, once in it, all having been sampled. */
  Hearing hearing(int backend) {
    Track track = tracks[backend];
    long end = now - stall;
    if (end < 0) {
      return Hearing.NOTHING;
    }
    Share beside = others(track, Math.max(track.heardAt, end - window), end);
    double ratio = Math.min(BEST_RATIO, beside.ratioOfMore());
    long unanswered = track.unanswered(end, Math.max(0, 2 * ratio - 1));
    long missing = Math.round(unanswered * ratio);
    long vain = Math.max(unanswered, track.tries);
    double chance = Math.pow(1 - ratio, (double) vain);
    boolean silent = missing > 0 && vain >= FEWEST && chance < CHANCE_OF_SILENCE;
    double silence = silent ? Math.min(1, (double) missing / minRequests) : 0;

    long start = Math.max(track.begin, end - window);
    Share own = new Share(track.most(start, end), track.asked(start, end));
    Share others = others(track, start, end);
    boolean enough = own.asked >= minRequests && others.asked >= minRequests;
    double low = enough ? deficit(own, others) : 0;
    double fall = enough ? track.fall(own, others, low > 0) : 0;
    return new Hearing(
        silent,
        unanswered,
        silent ? beside.answered : others.answered,
        silence,
        own.asked >= minRequests ? OptionalDouble.of(own.ratio()) : OptionalDouble.empty(),
        others.ratio(),
        low * fall);
  }

  /** In proportion to how low it is, as far as that is certain. */
  private static double deficit(Share own, Share others) {
    double missing = 1 - own.ratio() / Math.max(others.ratio(), Double.MIN_NORMAL);
    double pooled = (double) (own.answered + others.answered) / (own.asked + others.asked);
    double deviation = Math.sqrt(pooled * (1 - pooled) * (1.0 / own.asked + 1.0 / others.asked));
    double z = (others.ratio() - own.ratio()) / Math.max(deviation, Double.MIN_NORMAL);
    double certain = Math.clamp((z - NO_CHANCE) / (CERTAINTY - NO_CHANCE), 0, 1);
    return certain * Math.clamp(missing / (1 - LOW), 0, 1);
  }

  /** All the others, as badly as they may have done. */
  private Share others(Track but, long start, long end) {
    if (start >= end) {
      return new Share(0, 0);
    }
    long asked = all.asked(start, end) - but.asked(start, end);
    long least = asked;
    for (int late = 0; late <= stall; late++) {
      long from = start + late;
      long to = end + late;
      least = Math.min(least, all.prompt(from, to) - but.prompt(from, to));
    }
    return new Share(least, asked);
  }

  private record Share(long answered, long asked) {
    double ratio() {
      return asked == 0 ? 0 : (double) answered / asked;
    }

    /** As if one more had been asked in vain: one answer to one request does not make 100 %. */
    double ratioOfMore() {
      return (double) answered / (asked + 1);
    }
  }

  /** Cumulative counters at the last ticks. */
  private final class Track {
    final long[] asked = new long[window + stall + 1];
    final long[] prompt = new long[asked.length];
    boolean isNew = true;
    long begin;
    long replies;
    long heardAt;
    long openWhenHeard;
    double usualShare;
    long samples;
    long askedWhenHeard;
    long requests;
    boolean trying;
    long triedAt;

    /** Requests in vain since it was heard, each so long after the one before. */
    int tries;

    int cell(long tick) {
      return (int) (Math.max(tick, 0) % asked.length);
    }

    void put(long askedNow, long promptNow) {
      asked[cell(now)] = askedNow;
      prompt[cell(now)] = promptNow;
    }

    /** From its first sample on; what it was asked before is of no interest. */
    void begin(long repliesNow, long requestsNow, long young) {
      isNew = false;
      begin = now;
      replies = repliesNow;
      requests = requestsNow;
      heard(young);
    }

    void tried(long requestsNow) {
      if (trying && now - triedAt >= Math.max(1, stall / SPREAD)) {
        trying = false;
        tries++;
      }
      if (!trying && requestsNow != requests) {
        trying = true;
        triedAt = now;
      }
      requests = requestsNow;
    }

    void heard(long young) {
      heardAt = now;
      openWhenHeard = young;
      askedWhenHeard = asked(now);
      trying = false;
      tries = 0;
    }

    /**
     * How far its answers have fallen, 0 to 1; what it is now becomes its past unless it is low.
     */
    double fall(Share own, Share others, boolean low) {
      long all = own.answered + others.answered;
      if (!low) {
        samples++;
        double now = all == 0 ? 0 : (double) own.answered / all;
        usualShare += Math.max(1.0 / samples, FORGOTTEN) * (now - usualShare);
      }
      double usual = usualShare * all;
      boolean fewer = usual - own.answered >= FALL * Math.sqrt(usual);
      double left = own.answered / Math.max(usual, Double.MIN_NORMAL);
      return fewer ? Math.clamp((HIGH - left) / (HIGH - LOW), 0, 1) : 0;
    }

    /**
     * Nothing has ended since it was heard: what was open then and what was asked since. Of a
     * service that loses half, what was open then may have been lost by then, and is no news.
     */
    long unanswered(long end, double news) {
      return end < heardAt ? 0 : Math.round(openWhenHeard * news) + asked(end) - askedWhenHeard;
    }

    long asked(long tick) {
      return asked[cell(tick)];
    }

    long asked(long from, long to) {
      return from < to ? asked[cell(to)] - asked[cell(from)] : 0;
    }

    long prompt(long from, long to) {
      return prompt[cell(to)] - prompt[cell(from)];
    }

    long most(long start, long end) {
      long most = 0;
      for (int late = 0; late <= stall && start < end; late++) {
        most = Math.max(most, prompt(start + late, end + late));
      }
      return Math.min(most, asked(start, end));
    }
  }
}
