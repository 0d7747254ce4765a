package io.sluice.admin;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * So much a second to each source, and a burst: the generic cell rate algorithm (ITU-T I.371),
 * which needs one number a source. An IPv6 source is a /64, for within one anybody has as many
 * addresses as they like. Of more sources than are kept, the one not seen for longest is forgotten.
 */
final class Allowance {
  static final int SOURCES = 4_096;

  /** As much of an address as one customer may have: an IPv4 address, an IPv6 /64. */
  record Source(boolean six, long network) {
    static Source of(InetAddress from) {
      ByteBuffer bytes = ByteBuffer.wrap(from.getAddress());
      return from instanceof Inet4Address
          ? new Source(false, bytes.getInt())
          : new Source(true, bytes.getLong());
    }
  }

  private final long intervalNs;
  private final long burstNs;
  private final LongSupplier clock;

  /** By source, when all it took will have been earned. */
  private final Map<Source, Long> earned =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Source, Long> eldest) {
          return size() > SOURCES;
        }
      };

  /**
   * @param clock nanoseconds
   */
  Allowance(int perSecond, int burst, LongSupplier clock) {
    intervalNs = TimeUnit.SECONDS.toNanos(1) / perSecond;
    burstNs = intervalNs * (burst - 1);
    this.clock = clock;
  }

  /** Takes one and returns 0; or returns how many nanoseconds it is until there is another. */
  synchronized long take(InetAddress from) {
    long wait = wait(from);
    if (wait == 0) {
      long now = clock.getAsLong();
      Source source = Source.of(from);
      earned.put(source, Math.max(earned.getOrDefault(source, now) - now, 0) + now + intervalNs);
    }
    return wait;
  }

  /** How many nanoseconds it is until there is one to be taken; 0: there is. */
  synchronized long wait(InetAddress from) {
    Long at = earned.get(Source.of(from));
    return at == null ? 0 : Math.max(0, at - clock.getAsLong() - burstNs);
  }
}
