package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Appliance;
import io.sluice.metrics.Journal;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The journal as server-sent events (WHATWG HTML, section 9.2), and the totals once a second. All
 * on the API's own event loop; the appliance is asked for the totals on its worker threads.
 *
 * <p>Nothing is queued for a client that reads slowly: it gets what the journal still holds when it
 * is ready for more, and misses totals.
 */
final class Events {
  /** Of all connections so many may be streams, so that there is room for questions. */
  static final int MAX_STREAMS = 16;

  static final String CONTENT_TYPE = "text/event-stream";

  private static final long STATS_MILLIS = TimeUnit.SECONDS.toMillis(1);

  private final Appliance appliance;
  private int streams;

  Events(Appliance appliance) {
    this.appliance = appliance;
  }

  /** A stream of what came after event {@code after}. */
  Reply since(long after) {
    if (streams == MAX_STREAMS) {
      throw Problem.of(
          HttpResponseStatus.SERVICE_UNAVAILABLE, streams + " streams of events are open already");
    }
    return Reply.stream(CONTENT_TYPE, response -> new Stream(response, after).begin());
  }

  private final class Stream {
    private final Context loop = Objects.requireNonNull(Vertx.currentContext(), "on the loop");
    private final Vertx vertx = loop.owner();
    private final HttpServerResponse response;
    private final AtomicBoolean rung = new AtomicBoolean();
    private final Journal.Listening listening;
    private long lastId;
    private long timer;
    private boolean counting;
    private boolean closed;

    Stream(HttpServerResponse response, long after) {
      this.response = response;
      lastId = after;
      listening = appliance.journal().listen(this::ring);
    }

    void begin() {
      streams++;
      response.closeHandler(end -> close());
      response.exceptionHandler(broken -> close());
      response.drainHandler(room -> tell());
      timer = vertx.setPeriodic(0, STATS_MILLIS, tick -> count());
      tell();
    }

    /** Any thread. */
    private void ring() {
      if (rung.compareAndSet(false, true)) {
        loop.runOnContext(
            turn -> {
              rung.set(false);
              tell();
            });
      }
    }

    private void tell() {
      if (closed || response.writeQueueFull()) {
        return;
      }
      List<Journal.Event> news = appliance.journal().after(lastId);
      Buffer text = Buffer.buffer();
      for (Journal.Event event : news) {
        lastId = event.id();
        text.appendString("id: " + lastId + "\n");
        append(text, Views.word(event.kind()), Views.event(event));
      }
      if (text.length() > 0) {
        write(text);
      }
    }

    private void count() {
      if (closed || counting || response.writeQueueFull()) {
        return;
      }
      counting = true;
      vertx
          .executeBlocking(() -> Views.totals(appliance), false)
          .onComplete(
              done -> {
                counting = false;
                if (!closed && done.succeeded()) {
                  Buffer text = Buffer.buffer();
                  append(text, "stats", done.result());
                  write(text);
                }
              });
    }

    private static void append(Buffer text, String type, JsonObject data) {
      text.appendString("event: " + type + "\ndata: " + data.encode() + "\n\n");
    }

    private void write(Buffer text) {
      var _ = response.write(text); // who has hung up is told to the close handler
    }

    private void close() {
      if (!closed) {
        closed = true;
        streams--;
        vertx.cancelTimer(timer);
        listening.close();
      }
    }
  }
}
