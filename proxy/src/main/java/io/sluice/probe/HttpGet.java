package io.sluice.probe;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpResponse.BodySubscribers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** HTTP/1.1 GET, without TLS; a redirection is an answer, not followed. */
final class HttpGet implements Probe {
  private static final int MOST_BODY = 65_536;

  // Both headers are the client's own unless this says otherwise; it is read once, at its first
  // use.
  static {
    System.setProperty("jdk.httpclient.allowRestrictedHeaders", "connection,host");
  }

  /** The headers say it all; a body may be long, or never end. */
  private static final BodyHandler<String> UNREAD =
      headers -> BodySubscribers.mapping(BodySubscribers.ofPublisher(), body -> hangUp(body));

  private final String path;
  private final String host;
  private final int lowestStatus;
  private final int highestStatus;
  private final @Nullable Pattern drain;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .proxy(HttpClient.Builder.NO_PROXY)
          .executor(Executors.newVirtualThreadPerTaskExecutor())
          .build();

  /**
   * @param host what the header Host says; empty: the target's address
   */
  HttpGet(String path, String host, int lowestStatus, int highestStatus, @Nullable Pattern drain) {
    this.path = path;
    this.host = host;
    this.lowestStatus = lowestStatus;
    this.highestStatus = highestStatus;
    this.drain = drain;
  }

  @Override
  public void check(InetSocketAddress target, Duration timeout) throws IOException {
    HttpResponse<String> response = send(request(target), timeout);
    if (drain != null && Search.found(drain, response.body())) {
      throw new LameDuck("asks to be drained: " + Reason.quoted(response.body()));
    }
    int status = response.statusCode();
    if (status < lowestStatus || status > highestStatus) {
      throw new IOException("answered status " + status);
    }
  }

  private HttpRequest request(InetSocketAddress target) {
    String ip = target.getAddress().getHostAddress();
    String authority = (ip.indexOf(':') < 0 ? ip : "[" + ip + "]") + ":" + target.getPort();
    // a connection for each check, because a new one is what a new client would get
    var request =
        HttpRequest.newBuilder(URI.create("http://" + authority + path))
            .header("Connection", "close")
            .header("User-Agent", "sluice");
    return (host.isEmpty() ? request : request.header("Host", host)).build();
  }

  private static String hangUp(Flow.Publisher<List<ByteBuffer>> body) {
    body.subscribe(new HangUp());
    return "";
  }

  private static final class HangUp implements Flow.Subscriber<List<ByteBuffer>> {
    @Override
    public void onSubscribe(Flow.Subscription subscription) {
      subscription.cancel();
    }

    @Override
    public void onNext(List<ByteBuffer> part) {}

    @Override
    public void onError(Throwable error) {}

    @Override
    public void onComplete() {}
  }

  /** The client's own time-out ends with the headers; this one bounds the body, too. */
  private HttpResponse<String> send(HttpRequest request, Duration timeout) throws IOException {
    BodyHandler<String> body =
        drain == null
            ? UNREAD
            : BodyHandlers.limiting(BodyHandlers.ofString(ISO_8859_1), MOST_BODY);
    CompletableFuture<HttpResponse<String>> answer = client.sendAsync(request, body);
    try {
      return answer.get(timeout.toNanos(), NANOSECONDS);
    } catch (TimeoutException e) {
      throw new IOException(Reason.noAnswer(timeout, 0), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("interrupted").initCause(e);
    } catch (ExecutionException e) {
      Throwable why = e.getCause() instanceof ConnectException refused ? refused : e.getCause();
      throw new IOException(why == null ? "failed" : Reason.of(why), e);
    } finally {
      answer.cancel(true);
    }
  }
}
