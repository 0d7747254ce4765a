package io.sluice.admin;

import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * From an HTTP request to its operation and back. All of it runs on the one event loop, except for
 * the operation where that may take long.
 */
final class Dispatcher {
  static final int MAX_LINE_BYTES = 4_096;
  static final int MAX_HEADER_BYTES = 8_192;
  static final int MAX_CONNECTIONS = 64;

  /** Requests waiting for a thread; more only if clients hang up before they are answered. */
  static final int MAX_WAITING = MAX_CONNECTIONS;

  /** Long enough for an answer to arrive before the reset that unread content causes. */
  private static final int LINGER_MS = 500;

  /** RFC 9110, section 7.2: a bracketed IPv6 literal or another host, and an optional port. */
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9A-Fa-f:.]+]|[A-Za-z0-9.-]+)(:[0-9]{0,5})?");

  private static final Pattern LITERAL =
      Pattern.compile("\\[[0-9A-Fa-f:.]+]|[0-9]{1,3}([.][0-9]{1,3}){3}");

  private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);

  private final Vertx vertx;
  private final Contract contract;
  private final Map<String, Operations.Handler> handlers;
  private int connections;
  private int waiting;

  Dispatcher(Vertx vertx, Contract contract, Map<String, Operations.Handler> handlers) {
    this.vertx = vertx;
    this.contract = contract;
    this.handlers = handlers;
  }

  void connected(HttpConnection connection) {
    connection.closeHandler(closed -> connections--);
    if (++connections > MAX_CONNECTIONS) {
      connection.close();
    }
  }

  void request(HttpServerRequest request) {
    try {
      requireLoopback(request.headers().getAll(HttpHeaders.HOST));
      Contract.Call call =
          contract.call(request.method().name(), path(request), request.query(), request.headers());
      if (call.body() != null) {
        receive(request, call, call.body());
      } else if (hasContent(request)) {
        throw Problem.of(
            HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE, "this operation takes no content");
      } else {
        dispatch(request, call, () -> Body.Content.NONE);
      }
    } catch (RuntimeException e) {
      fail(request, e);
    }
  }

  private void receive(HttpServerRequest request, Contract.Call call, Body body) {
    if (!hasContent(request)) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "content is needed, of the type " + body.types());
    }
    String type = body.typeOf(request);
    Buffer content = Buffer.buffer();
    request.endHandler(
        end -> {
          try {
            dispatch(request, call, () -> body.read(type, content));
          } catch (RuntimeException e) {
            fail(request, e);
          }
        });
    request.handler(
        chunk -> {
          content.appendBuffer(chunk);
          if (content.length() > body.maxBytes()) {
            request.handler(rest -> {}).endHandler(null);
            fail(
                request,
                Problem.of(
                    HttpResponseStatus.REQUEST_ENTITY_TOO_LARGE,
                    "the content is longer than " + body.maxBytes() + " bytes"));
          }
        });
  }

  /**
   * @param content reads it, which of a megabyte takes too long for the event loop
   */
  private void dispatch(
      HttpServerRequest request, Contract.Call call, Supplier<Body.Content> content) {
    Operations.Handler handler =
        Objects.requireNonNull(handlers.get(call.operationId()), "checked at start");
    Supplier<Reply> answer =
        () -> handler.answer().apply(Operations.Request.of(call, request.headers(), content.get()));
    if (handler.prompt()) {
      send(request, answer.get());
      return;
    }
    if (waiting == MAX_WAITING) {
      throw Problem.of(
          HttpResponseStatus.SERVICE_UNAVAILABLE, waiting + " requests are waiting already");
    }
    waiting++;
    vertx
        .executeBlocking(answer::get, false)
        .onComplete(
            done -> {
              waiting--;
              if (done.succeeded()) {
                send(request, done.result());
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

  /**
   * Refuses names other than localhost. Without authentication, this is what keeps a web page from
   * reading the API by pointing its own name at 127.0.0.1 (DNS rebinding). Any port will do: a
   * tunnel's end has its own.
   */
  private static void requireLoopback(List<String> hosts) {
    Matcher host = HOST.matcher(hosts.size() == 1 ? hosts.getFirst() : "");
    if (!host.matches()) {
      throw Problem.of(
          HttpResponseStatus.BAD_REQUEST, "one Host header is needed, a host and maybe a port");
    }
    String name = host.group(1);
    if (!name.equalsIgnoreCase("localhost") && !isLoopback(name)) {
      throw Problem.of(
          HttpResponseStatus.MISDIRECTED_REQUEST,
          "the admin API answers to localhost, 127.0.0.1 and [::1] only, not to " + name);
    }
  }

  private static boolean isLoopback(String name) {
    try {
      return LITERAL.matcher(name).matches()
          && InetAddress.ofLiteral(name.replaceAll("[\\[\\]]", "")).isLoopbackAddress();
    } catch (IllegalArgumentException e) {
      return false;
    }
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
    response
        .setStatusCode(reply.status())
        .putHeader("Cache-Control", "no-store")
        .putHeader("X-Content-Type-Options", "nosniff");
    reply.headers().forEach(response::putHeader);
    if (reply.contentType() == null) {
      response.end();
      return;
    }
    response.putHeader("Content-Type", reply.contentType());
    if (reply.stream() == null) {
      response
          .putHeader("Content-Length", Integer.toString(reply.body().length()))
          .end(reply.body());
    } else if (request.method().equals(HttpMethod.HEAD)) {
      response.setChunked(true).end(); // its length is not zero but unknown
    } else {
      reply.stream().accept(response.setChunked(true));
    }
  }
}
