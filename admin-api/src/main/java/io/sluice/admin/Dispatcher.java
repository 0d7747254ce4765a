package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From an HTTP request to its operation and back. All of it runs on the one event loop, except for
 * the operation where that may take long.
 */
final class Dispatcher {
  static final int MAX_LINE_BYTES = 4_096;
  static final int MAX_HEADER_BYTES = 8_192;

  /** At a time, so that a hundred listings of flows cost two cores at most. */
  private static final int READS = 2;

  /** RFC 9110, section 9.2.1: what asks for no change. */
  private static final Set<HttpMethod> SAFE = Set.of(HttpMethod.GET, HttpMethod.HEAD);

  /** For all of a request's content: nobody keeps a request open by sending it slowly. */
  static final int CONTENT_SECONDS = 10;

  /** Long enough for an answer to arrive before the reset that unread content causes. */
  private static final int LINGER_MS = 500;

  /** Nothing here is a page, but for those that say otherwise. */
  private static final Map<String, String> SECURITY =
      Map.of(
          "Cache-Control", "no-store",
          "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'",
          "Cross-Origin-Resource-Policy", "same-origin",
          "Referrer-Policy", "no-referrer",
          "X-Content-Type-Options", "nosniff");

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

  private final Vertx vertx;
  private final Contract contract;
  private final Map<String, Operations.Handler> handlers;
  private final Connections connections;
  private final Gate gate;
  private final Audit audit;
  private final Desk reads;
  private final Desk changes;

  Dispatcher(
      Vertx vertx,
      Contract contract,
      Map<String, Operations.Handler> handlers,
      Connections connections,
      Gate gate,
      Audit audit) {
    this.vertx = vertx;
    this.contract = contract;
    this.handlers = handlers;
    this.connections = connections;
    this.gate = gate;
    this.audit = audit;
    reads = new Desk(vertx, "sluice-reads", READS);
    changes = new Desk(vertx, "vert.x-changes", 1);
  }

  void request(HttpServerRequest request) {
    connections.asked(request.connection());
    try {
      gate.receive(request);
      Access access = contract.access(request.method().name(), path(request));
      Caller caller = gate.admit(request, access);
      Contract.Call call =
          contract.call(request.method().name(), path(request), request.query(), request.headers());
      if (call.body() != null) {
        receive(request, caller, call, call.body());
      } else if (hasContent(request)) {
        throw Problem.of(
            HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE, "this operation takes no content");
      } else {
        dispatch(request, caller, call, () -> Body.Content.NONE);
      }
    } catch (RuntimeException e) {
      fail(request, e);
    }
  }

  private void receive(HttpServerRequest request, Caller caller, Contract.Call call, Body body) {
    if (!hasContent(request)) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "content is needed, of the type " + body.types());
    }
    String type = body.typeOf(request);
    Buffer content = Buffer.buffer();
    long timer =
        vertx.setTimer(TimeUnit.SECONDS.toMillis(CONTENT_SECONDS), late -> tooSlow(request));
    request.endHandler(
        end -> {
          vertx.cancelTimer(timer);
          try {
            dispatch(request, caller, call, () -> body.read(type, content));
          } catch (RuntimeException e) {
            fail(request, e);
          }
        });
    request.handler(
        chunk -> {
          content.appendBuffer(chunk);
          if (content.length() > body.maxBytes()) {
            vertx.cancelTimer(timer);
            request.handler(rest -> {}).endHandler(null);
            fail(
                request,
                Problem.of(
                    HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                    "the content is longer than " + body.maxBytes() + " bytes"));
          }
        });
  }

  private void tooSlow(HttpServerRequest request) {
    request.handler(rest -> {}).endHandler(null);
    fail(
        request,
        Problem.of(
            HttpResponseStatus.REQUEST_TIMEOUT,
            "the content has not come within " + CONTENT_SECONDS + " seconds"));
  }

  /**
   * @param content reads it, which of a megabyte takes too long for the event loop
   */
  private void dispatch(
      HttpServerRequest request,
      Caller caller,
      Contract.Call call,
      Supplier<Body.Content> content) {
    Operations.Handler handler =
        Objects.requireNonNull(handlers.get(call.operationId()), "checked at start");
    Supplier<Reply> handled =
        () ->
            handler
                .answer()
                .apply(
                    Operations.Request.of(caller.role(), call, request.headers(), content.get()));
    Supplier<Reply> answer =
        call.access() == Access.ADMIN
            ? audit.watch(caller, request, call.operationId(), handled)
            : handled;
    if (handler.prompt()) {
      send(request, answer.get());
      return;
    }
    Desk desk = SAFE.contains(request.method()) ? reads : changes;
    desk.answer(answer)
        .onComplete(
            done -> {
              if (done.succeeded()) {
                send(request, Objects.requireNonNull(done.result(), "a reply"));
              } else {
                fail(request, done.cause());
              }
            });
  }

  /** Answers what Netty's decoder refused. */
  void malformed(HttpServerRequest request) {
    Problem problem =
        switch (request.decoderResult().cause()) {
          case TooLongHttpLineException e ->
              Problem.of(
                  HttpResponseStatus.REQUEST_URI_TOO_LONG,
                  "the request line is longer than " + MAX_LINE_BYTES + " bytes");
          case TooLongHttpHeaderException e ->
              Problem.of(
                  HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                  "the header fields are longer than " + MAX_HEADER_BYTES + " bytes");
          case Throwable e ->
              Problem.of(HttpResponseStatus.BAD_REQUEST, "not HTTP/1.1: " + e.getMessage());
        };
    send(request, problem.reply(null)); // Netty made the path up; Vert.x hangs up
  }

  private static boolean hasContent(HttpServerRequest request) {
    String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
    return request.headers().contains(HttpHeaders.TRANSFER_ENCODING)
        || (length != null && !length.equals("0"));
  }

  private void fail(HttpServerRequest request, Throwable cause) {
    if (cause instanceof Problem problem) {
      send(request, problem.reply(path(request)));
    } else {
      LOG.error("{} {} failed", request.method(), path(request), cause);
      Problem fault =
          Problem.of(HttpResponseStatus.INTERNAL_SERVER_ERROR, "a fault of Sluice; see its log");
      send(request, fault.reply(path(request)));
    }
  }

  /** The undecoded path; of {@code OPTIONS *}, which has none, the star. */
  private static String path(HttpServerRequest request) {
    return Objects.requireNonNullElse(request.path(), "*");
  }

  /** Hangs up on who has not sent all content yet: nobody wants to read it. */
  private void send(HttpServerRequest request, Reply reply) {
    HttpServerResponse response = request.response();
    if (response.closed()) {
      return;
    }
    if (hasContent(request) && !request.isEnded()) {
      response.putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
      vertx.setTimer(LINGER_MS, timer -> request.connection().close());
    }
    response.setStatusCode(reply.status());
    if (reply.contentType() != null) {
      response.putHeader("Content-Type", reply.contentType());
    }
    SECURITY.forEach(response::putHeader);
    reply.headers().forEach(response::putHeader);
    Runnable answered = () -> connections.answered(request.connection());
    if (reply.stream() == null) {
      if (reply.contentType() != null) {
        response.putHeader("Content-Length", Integer.toString(reply.body().length()));
      }
      response.end(reply.body()).onComplete(written -> answered.run());
    } else if (request.method().equals(HttpMethod.HEAD)) {
      // its length is not zero but unknown
      response.setChunked(true).end().onComplete(written -> answered.run());
    } else {
      connections.streaming(request.connection());
      response.endHandler(end -> answered.run());
      reply.stream().accept(response.setChunked(true));
    }
  }
}
