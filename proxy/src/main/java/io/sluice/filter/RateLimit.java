package io.sluice.filter;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Policy;
import io.netty.buffer.ByteBuf;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * So many datagrams of clients a second: of each flow, of each source address, or of the whole
 * front, whichever loops they arrive on.
 *
 * <p>Exact per flow and per front. Per source address, as long as no more than {@value #SOURCES} of
 * them are heard: beyond, some are forgotten, and whoever is begins again with a full bucket. Those
 * are the ones heard least (Caffeine's W-TinyLFU counts every datagram), so a flood of spoofed
 * sources washes out the flood, and not what is known of a client that never stops.
 *
 * <p>Whoever has nothing left opens no flow, so that a client cannot get around its limit, nor make
 * us dial, by changing ports. Replies count nowhere: a limit on requests bounds them already.
 */
final class RateLimit implements DatagramFilter.Factory {
  /** Some 15 MB, at most. */
  private static final int SOURCES = 100_000;

  private final Rate rate;
  private final Filters.Per per;
  private final long bornNs;
  private final AtomicLong ofFront;
  private final Cache<Ip, AtomicLong> ofSources;
  private final Policy<Ip, AtomicLong> policy;
  private final Function<Ip, AtomicLong> full;

  /** Where a flow's tokens are. */
  private interface Bucket {
    AtomicLong find();

    /** Null where nothing is known, so that it is full: whoever opens no flow leaves no trace. */
    @Nullable AtomicLong heard();

    /** The same, and that somebody asked leaves no trace either. */
    @Nullable AtomicLong peek();
  }

  RateLimit(Filters.Per per, Rate rate, long nowNs) {
    this.rate = rate;
    this.per = per;
    bornNs = nowNs;
    ofFront = new AtomicLong(nowNs);
    full = source -> new AtomicLong(bornNs);
    // Upkeep runs on whichever loop finds that it is due, while the others pass by.
    ofSources = Caffeine.newBuilder().maximumSize(SOURCES).executor(Runnable::run).build();
    policy = ofSources.policy();
  }

  @Override
  public DatagramFilter open(FlowRequest request) {
    Bucket bucket = bucket(request);
    AtomicLong heard = bucket.heard();
    return heard != null && rate.left(heard, request.nowNs()) < 1
        ? Filters.DENY
        : new OfFlow(rate, per, bucket);
  }

  private Bucket bucket(FlowRequest request) {
    return switch (per) {
      case FRONT -> new Held(ofFront);
      case FLOW -> new Held(new AtomicLong(bornNs));
      case SOURCE_IP -> new Looked(this, Ip.of(request.client().getAddress()));
    };
  }

  @Override
  public Opinion explain(FlowRequest request) {
    return opinion(rate, per, bucket(request).peek(), request.nowNs());
  }

  private static Opinion opinion(
      Rate rate, Filters.Per per, @Nullable AtomicLong bucket, long nowNs) {
    String limit = " of a limit of " + rate + ", per " + per.word();
    if (bucket == null) {
      return Opinion.pass("all left" + limit);
    }
    long left = rate.left(bucket, nowNs);
    return left < 1 ? Opinion.refuse("nothing left" + limit) : Opinion.pass(left + " left" + limit);
  }

  /** How many are known. */
  long sources() {
    ofSources.cleanUp();
    return ofSources.estimatedSize();
  }

  /** One there is but one of. */
  private record Held(AtomicLong find) implements Bucket {
    @Override
    public AtomicLong heard() {
      return find;
    }

    @Override
    public AtomicLong peek() {
      return find;
    }
  }

  /** Looked up each time: a source that is forgotten must not live on in one of its flows. */
  private record Looked(RateLimit limit, Ip source) implements Bucket {
    @Override
    public AtomicLong find() {
      return limit.ofSources.get(source, limit.full);
    }

    @Override
    public @Nullable AtomicLong heard() {
      return limit.ofSources.getIfPresent(source);
    }

    @Override
    public @Nullable AtomicLong peek() {
      return limit.policy.getIfPresentQuietly(source);
    }
  }

  private record OfFlow(Rate rate, Filters.Per per, Bucket bucket) implements DatagramFilter {
    @Override
    public boolean onRequest(ByteBuf payload, long nowNs) {
      return rate.take(bucket.find(), nowNs);
    }

    @Override
    public Opinion explain(ByteBuf payload, long nowNs) {
      return opinion(rate, per, bucket.peek(), nowNs);
    }
  }
}
