package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.sluice.Appliance;
import io.sluice.Appliance.FrontStatus;
import io.sluice.trace.Capture;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Datagrams as pcapng: as they pass by, or the last that were recorded.
 *
 * <p>Nothing is queued for a client that reads slowly: what it does not take stays in the capture,
 * which has room for so much and counts the rest.
 */
final class Capturing {
  static final String CONTENT_TYPE = "application/x-pcapng";

  /** As many as the appliance lets run. */
  static final int MAX_STREAMS = 2;

  /** Between two looks at what has come. */
  private static final long LOOK_MILLIS = 50;

  private final Appliance appliance;
  private int streams;

  Capturing(Appliance appliance) {
    this.appliance = appliance;
  }

  /** By operation id. */
  Map<String, Operations.Handler> handlers() {
    return Map.of(
        "streamCapture", new Operations.Handler(true, this::capture),
        "getRecorder", new Operations.Handler(false, request -> recorded()));
  }

  private Reply recorded() {
    byte[] file =
        appliance
            .recorded()
            .orElseThrow(
                () ->
                    Problem.of(
                        HttpResponseStatus.NOT_FOUND,
                        "nothing is recorded: recorder.headers is 0 in the configuration"));
    return Reply.ok(CONTENT_TYPE, Buffer.buffer(file))
        .header("Content-Disposition", "attachment; filename=\"sluice-recorder.pcapng\"");
  }

  private Reply capture(Operations.Request request) {
    Contract.Call call = request.call();
    List<String> fronts = appliance.fronts().stream().map(FrontStatus::name).toList();
    call.text("front")
        .filter(front -> !fronts.contains(front))
        .ifPresent(
            front -> {
              throw Problem.parameter("front", Problem.noSuch("front", front, fronts));
            });
    Capture.Spec wanted =
        new Capture.Spec(
            call.text("front"),
            call.text("client")
                .map(Flows::client)
                .map(client -> new Capture.Client(client.address(), client.port())),
            call.get("limit", Number.class).intValue(),
            Duration.ofSeconds(call.get("seconds", Number.class).longValue()),
            call.get("sample", Number.class).doubleValue(),
            call.get("snaplen", Number.class).intValue());
    if (streams == MAX_STREAMS) {
      throw Problem.of(
          HttpResponseStatus.SERVICE_UNAVAILABLE,
          streams + " captures run already; wait until one has ended");
    }
    return Reply.stream(CONTENT_TYPE, response -> begin(wanted, response))
        .header("Content-Disposition", "attachment; filename=\"sluice.pcapng\"");
  }

  private void begin(Capture.Spec wanted, HttpServerResponse response) {
    Context loop = Objects.requireNonNull(Vertx.currentContext(), "on the loop");
    new Stream(loop.owner(), response, appliance.capture(wanted)).begin();
  }

  private final class Stream {
    private final Vertx vertx;
    private final HttpServerResponse response;
    private final Capture capture;
    private long timer;
    private boolean closed;

    Stream(Vertx vertx, HttpServerResponse response, Capture capture) {
      this.vertx = vertx;
      this.response = response;
      this.capture = capture;
    }

    void begin() {
      streams++;
      response.closeHandler(end -> close());
      response.exceptionHandler(broken -> close());
      timer = vertx.setPeriodic(0, LOOK_MILLIS, tick -> tell());
    }

    private void tell() {
      while (!closed && !response.writeQueueFull()) {
        byte[] chunk = capture.next();
        if (chunk.length > 0) {
          var _ =
              response.write(Buffer.buffer(chunk)); // who has hung up is told to the close handler
        }
        if (capture.isEnded()) {
          close();
          response.end();
        }
        if (chunk.length == 0) {
          return;
        }
      }
    }

    private void close() {
      if (!closed) {
        closed = true;
        streams--;
        vertx.cancelTimer(timer);
        capture.close();
      }
    }
  }
}
