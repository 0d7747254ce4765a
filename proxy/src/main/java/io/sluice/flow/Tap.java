package io.sluice.flow;

import io.sluice.metrics.Drop;
import io.sluice.net.Address;
import io.sluice.net.Batch;
import io.sluice.net.OsException;
import io.sluice.trace.AccessLog;
import io.sluice.trace.Capture;
import io.sluice.trace.Ended;
import io.sluice.trace.Recorder;
import io.sluice.trace.Sighting;
import io.sluice.trace.Traces;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Where a lane shows people what passes by: to captures while there are any, to its worker's
 * recorder, and to the access log. On its loop only.
 *
 * <p>A datagram is shown at the front side once it is clear what becomes of it, and at the pool's
 * side when it comes in or has left.
 */
public final class Tap {
  private static final Capture.Feed[] NONE = {};

  private final String front;
  private final Recorder.Place place;
  private final LongSupplier clock;
  private final @Nullable Recorder recorder;
  private final AccessLog.@Nullable Pen pen;

  private Capture.Feed[] feeds = NONE;
  private boolean on;

  public Tap(String front, Address listen, int worker, Traces traces, LongSupplier clock) {
    this.front = front;
    this.clock = clock;
    place = new Recorder.Place(side(front), listen);
    recorder = traces.recorder(worker);
    pen = traces.pen(worker);
    on = recorder != null;
  }

  /** What captures call the side of a front's clients. */
  public static String side(String front) {
    return "front/" + front;
  }

  /** What captures call the side of a pool's backends. */
  public static String poolSide(String pool) {
    return "pool/" + pool;
  }

  /** Whether anybody wants to see datagrams; else it is to be left alone. */
  public boolean isOn() {
    return on;
  }

  /** From now on a capture sees them, too. */
  public void open(Capture.Feed feed) {
    feeds = Arrays.copyOf(feeds, feeds.length + 1);
    feeds[feeds.length - 1] = feed;
    on = true;
  }

  /** From now on it does not. */
  public void close(Capture.Feed feed) {
    feeds = Arrays.stream(feeds).filter(each -> each != feed).toArray(Capture.Feed[]::new);
    on = recorder != null || feeds.length > 0;
  }

  /** A run of requests has been sent, as far as the kernel took it. */
  void sent(Flow flow, Batch batch, int from, int n, long now) {
    for (int slot = from; slot < from + n; slot++) {
      Drop drop = batch.dropped(slot);
      front(now, true, flow.key(), flow, batch, slot, 0, batch.datagrams(slot), drop);
      if (drop == null) {
        repeated(flow, batch, slot);
      }
    }
  }

  /** What came in before has been sent to the backend, perhaps. */
  void repeated(Flow flow, Batch batch, int slot) {
    if (feeds.length > 0) {
      Address backend = Address.of(flow.backend().address());
      pool(clock.getAsLong(), flow, null, backend, batch, slot, batch.dropped(slot));
    }
  }

  /**
   * Replies have come in; strangers' are dropped.
   *
   * @param strays so many of the first slots are strangers'
   */
  void arrived(Flow flow, Batch batch, int from, int n, int strays) {
    long now = feeds.length > 0 ? clock.getAsLong() : 0;
    for (int slot = from; slot < from + n && feeds.length > 0; slot++) {
      boolean stray = slot < from + strays;
      Address sender =
          stray
              ? new Address(
                  batch.sourceHead(slot),
                  batch.sourceHi(slot),
                  batch.sourceLo(slot),
                  batch.sourceScope(slot))
              : Address.of(flow.backend().address());
      pool(now, flow, sender, null, batch, slot, stray ? Drop.BAD_SOURCE : null);
    }
  }

  /** A reply has left, or not. */
  void left(Flow flow, Batch batch, int slot) {
    long now = feeds.length > 0 ? clock.getAsLong() : flow.seenAt(); // a turn of the loop ago
    Drop drop = batch.dropped(slot);
    front(now, false, flow.key(), flow, batch, slot, 0, batch.datagrams(slot), drop);
  }

  /**
   * So many datagrams of a slot, from one of them on, were dropped before they were sent anywhere.
   *
   * @param request whether the client of {@code key} sent them, or is not to get them
   */
  void dropped(
      Drop reason, boolean request, Batch batch, int slot, int from, int datagrams, FlowKey key) {
    front(clock.getAsLong(), request, key, null, batch, slot, from, datagrams, reason);
  }

  private void front(
      long now,
      boolean inbound,
      FlowKey key,
      @Nullable Flow flow,
      Batch batch,
      int slot,
      int first,
      int datagrams,
      @Nullable Drop drop) {
    long id = flow == null ? 0 : flow.id();
    String backend = flow == null ? null : flow.backend().name();
    if (recorder != null) {
      int bytes = bytes(batch, slot, first);
      int entry = recorder.enter(now, place, inbound, drop, id, backend, bytes, datagrams);
      key.store(recorder.words(), recorder.wordsAt(entry));
      batch.copy(
          slot,
          first * batch.segmentBytes(slot),
          recorder.payloads(),
          recorder.payloadAt(entry),
          Math.min(bytes, Recorder.PAYLOAD_BYTES));
    }
    for (Capture.Feed feed : feeds) {
      Address client = key.client();
      if (feed.wants(client, key.hashCode())) {
        Address local = key.local(place.listen());
        Address from = inbound ? client : local;
        Address to = inbound ? local : client;
        show(
            feed,
            now,
            place.side(),
            inbound,
            from,
            to,
            batch,
            slot,
            first,
            datagrams,
            drop,
            id,
            backend);
      }
    }
  }

  /**
   * @param sender null: we
   * @param receiver null: we
   */
  private void pool(
      long now,
      Flow flow,
      @Nullable Address sender,
      @Nullable Address receiver,
      Batch batch,
      int slot,
      @Nullable Drop drop) {
    for (Capture.Feed feed : feeds) {
      if (feed.wants(flow.key().client(), flow.key().hashCode())) {
        Address link;
        try {
          link = flow.linkAddress();
        } catch (OsException closed) {
          return;
        }
        show(
            feed,
            now,
            poolSide(flow.poolName()),
            sender != null,
            sender == null ? link : sender,
            receiver == null ? link : receiver,
            batch,
            slot,
            0,
            batch.datagrams(slot),
            drop,
            flow.id(),
            flow.backend().name());
      }
    }
  }

  /** Each datagram of a train by itself. */
  private static void show(
      Capture.Feed feed,
      long now,
      String side,
      boolean inbound,
      Address from,
      Address to,
      Batch batch,
      int slot,
      int first,
      int datagrams,
      @Nullable Drop drop,
      long flow,
      @Nullable String backend) {
    for (int i = first; i < first + datagrams; i++) {
      int bytes = bytes(batch, slot, i);
      byte[] payload = new byte[Math.min(bytes, feed.payloadBytes())];
      batch.copy(slot, i * batch.segmentBytes(slot), payload, 0, payload.length);
      feed.offer(
          new Sighting(now, side, inbound, from, to, bytes, payload, 1, drop, flow, backend));
    }
  }

  private static int bytes(Batch batch, int slot, int datagram) {
    int segment = batch.segmentBytes(slot);
    return Math.min(batch.datagramBytes(slot), batch.bytes(slot) - datagram * segment);
  }

  /** A flow has ended. */
  void ended(Flow flow, CloseReason reason) {
    if (pen != null && pen.wants(flow.id())) {
      long now = clock.getAsLong();
      long nowMillis = System.currentTimeMillis();
      pen.write(
          new Ended(
              flow.id(),
              front,
              flow.key().client(),
              flow.key().local(place.listen()),
              flow.poolName(),
              flow.backend().name(),
              flow.worker().index(),
              nowMillis - TimeUnit.NANOSECONDS.toMillis(now - flow.openedAt()),
              nowMillis,
              flow.seenAt() - flow.openedAt(),
              flow.firstReplyNs(),
              flow.requests(),
              flow.replies(),
              flow.requestBytes(),
              flow.replyBytes(),
              reason.name()));
    }
  }
}
