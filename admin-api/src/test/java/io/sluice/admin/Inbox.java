package io.sluice.admin;

import io.sluice.admin.Numbered.Way;
import java.net.SocketAddress;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Exact books on the numbered datagrams that come in from many flows. */
final class Inbox {
  private final Way way;
  private final int[] next;
  private final @Nullable SocketAddress[] from;
  private long received;
  private long corrupted;
  private long reordered;
  private long moved;

  /**
   * What has come in.
   *
   * @param received all, whatever was wrong with them
   * @param corrupted not byte for byte what was sent
   * @param reordered numbered below one that came before
   * @param moved from another address than the flow's first
   */
  record Count(long received, long corrupted, long reordered, long moved) {
    Count plus(Count other) {
      return new Count(
          received + other.received,
          corrupted + other.corrupted,
          reordered + other.reordered,
          moved + other.moved);
    }
  }

  Inbox(int flows, Way way) {
    this.way = way;
    next = new int[flows];
    from = new SocketAddress[flows];
  }

  /** Books a datagram; false if it is corrupted. */
  synchronized boolean take(ByteBuffer datagram, SocketAddress sender) {
    received++;
    if (!Numbered.isIntact(datagram, way)) {
      corrupted++;
      return false;
    }
    int flow = Numbered.flow(datagram);
    int number = Numbered.number(datagram);
    reordered += number < next[flow] ? 1 : 0;
    next[flow] = Math.max(next[flow], number + 1);
    moved += sender.equals(Objects.requireNonNullElse(from[flow], sender)) ? 0 : 1;
    from[flow] = sender;
    return true;
  }

  synchronized Count count() {
    return new Count(received, corrupted, reordered, moved);
  }
}
