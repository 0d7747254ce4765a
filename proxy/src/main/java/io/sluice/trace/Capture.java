package io.sluice.trace;

import io.sluice.metrics.Tally;
import io.sluice.net.Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams on their way to a person, as pcapng: loops put in what is wanted, each into a feed of
 * its own, and one reader takes it out. Who reads too slowly misses some, which is counted and
 * written at the end.
 */
public final class Capture implements AutoCloseable {
  /** Longest packets there may be, their made-up headers included. */
  public static final int SNAPLEN_MAX = Pcapng.LONGEST;

  /** The headers of IPv6 and UDP alone. */
  public static final int SNAPLEN_MIN = 48;

  /** Of one worker: some 20 ms of what it can relay. */
  private static final int FEED_SIGHTINGS = 4_096;

  private static final int FEED_BYTES = 4 << 20;

  /** What is made into pcapng at a time. */
  private static final int CHUNK_SIGHTINGS = 1_024;

  private static final int CHUNK_BYTES = 256 << 10;

  /** An idle connection may be closed: so often something is said. */
  private static final long SIGN_OF_LIFE_NANOS = TimeUnit.SECONDS.toNanos(5);

  /**
   * What is wanted.
   *
   * @param client one host, or one socket if the port is not 0
   * @param limit sightings at most
   * @param sample share of the clients, above 0 to 1: of each all or nothing is seen
   * @param snaplen bytes kept of each packet
   */
  public record Spec(
      Optional<String> front,
      Optional<Client> client,
      int limit,
      Duration duration,
      double sample,
      int snaplen) {}

  /** A client to look for; {@code port} 0 means any. */
  public record Client(InetAddress address, int port) {
    boolean is(Address address) {
      InetSocketAddress other = address.toInetSocketAddress();
      return (port == 0 || port == other.getPort()) && this.address.equals(other.getAddress());
    }
  }

  private final Spec spec;
  private final List<String> sides;
  private final LongSupplier clock;
  private final Runnable onClose;
  private final List<Feed> feeds;
  private final Pcapng pcapng;
  private final long[] written;
  private final Map<String, Integer> indices;
  private final long deadline;

  /** No client's port is chosen so that it is always, or never, sampled. */
  private final int salt;

  private long left;
  private long saidAt;
  private volatile boolean over;
  private boolean ended;

  Capture(
      Spec spec,
      String application,
      List<String> sides,
      int workers,
      LongSupplier clock,
      long epochNanos,
      int salt,
      Runnable onClose) {
    this.spec = spec;
    this.sides = List.copyOf(sides);
    this.clock = clock;
    this.salt = salt;
    this.onClose = onClose;
    indices =
        IntStream.range(0, sides.size()).boxed().collect(Collectors.toMap(sides::get, i -> i));
    feeds = IntStream.range(0, workers).mapToObj(i -> new Feed()).toList();
    pcapng = new Pcapng(application, sides, spec.snaplen(), epochNanos);
    written = new long[sides.size()];
    left = spec.limit();
    saidAt = clock.getAsLong();
    deadline = saidAt + spec.duration().toNanos();
  }

  /** What one worker puts in. */
  public Feed feed(int worker) {
    return feeds.get(worker);
  }

  /** Where one loop puts in what it sees; never waits. */
  public final class Feed {
    private final Ring<Sighting> ring = new Ring<>(FEED_SIGHTINGS);
    private final Tally lost = new Tally(sides.size() + 1);
    private final AtomicLong takenBytes = new AtomicLong();
    private long offeredBytes;

    /**
     * Whether the datagrams of a client are wanted.
     *
     * @param hash the client's, always the same
     */
    public boolean wants(Address client, int hash) {
      return !over
          && (spec.sample() == 1
              || Integer.toUnsignedLong((hash ^ salt) * 0x9E3779B9) < spec.sample() * (1L << 32))
          && (spec.client().isEmpty() || spec.client().get().is(client));
    }

    /** Payload bytes to bring of each datagram. */
    public int payloadBytes() {
      return spec.snaplen();
    }

    public void offer(Sighting seen) {
      int side = index(seen.side());
      int bytes = seen.payload().length;
      if (side < sides.size()
          && offeredBytes + bytes - takenBytes.get() <= FEED_BYTES
          && ring.offer(seen)) {
        offeredBytes += bytes;
      } else {
        lost.add(side, 1);
      }
    }

    private @Nullable Sighting poll() {
      Sighting seen = ring.poll();
      if (seen != null) {
        takenBytes.lazySet(takenBytes.get() + seen.payload().length);
      }
      return seen;
    }
  }

  /** One beyond the last for a pool that came later than this capture. */
  private int index(String side) {
    return indices.getOrDefault(side, sides.size());
  }

  /**
   * What has been seen since, a chunk at a time; empty if nothing has. The last chunk says how much
   * is missing.
   */
  public synchronized byte[] next() {
    if (ended) {
      return new byte[0];
    }
    long now = clock.getAsLong();
    boolean late = now - deadline >= 0 || over;
    over |= late;
    boolean more = write();
    if (left == 0 || (late && !more)) {
      over = true;
      ended = true;
      end(now);
    } else if (pcapng.size() > 0) {
      saidAt = now;
    } else if (now - saidAt >= SIGN_OF_LIFE_NANOS) {
      saidAt = now;
      statistics(0, now, "");
    }
    return pcapng.take();
  }

  /** Whether {@link #next} has given its last. */
  public synchronized boolean isEnded() {
    return ended;
  }

  /** Returns whether there may be more. */
  private boolean write() {
    List<Sighting> seen = new ArrayList<>();
    int most = (int) Math.min(left, CHUNK_SIGHTINGS);
    int bytes = 0;
    boolean found = true;
    while (found && seen.size() < most && bytes < CHUNK_BYTES) {
      found = false;
      for (Feed feed : feeds) {
        Sighting next = seen.size() < most ? feed.poll() : null;
        if (next != null) {
          seen.add(next);
          bytes += next.payload().length;
          found = true;
        }
      }
    }
    seen.sort(Comparator.comparingLong(Sighting::atNanos));
    for (Sighting each : seen) {
      pcapng.write(each);
      written[index(each.side())]++;
    }
    left -= seen.size();
    return found;
  }

  private void end(long now) {
    String why =
        "%d of at most %d, %d lost".formatted(Arrays.stream(written).sum(), spec.limit(), lost());
    for (int side = 0; side < sides.size(); side++) {
      statistics(side, now, why);
    }
  }

  private void statistics(int side, long now, String comment) {
    long lost = lost(side);
    pcapng.statistics(sides.get(side), now, written[side] + lost, lost, comment);
  }

  private long lost(int side) {
    return feeds.stream().mapToLong(feed -> feed.lost.get(side)).sum();
  }

  /** Sightings there was no room for. */
  public long lost() {
    return IntStream.rangeClosed(0, sides.size()).mapToLong(this::lost).sum();
  }

  /** Nothing more is put in. */
  @Override
  public void close() {
    over = true;
    onClose.run();
  }
}
