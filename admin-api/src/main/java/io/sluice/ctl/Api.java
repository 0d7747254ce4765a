package io.sluice.ctl;

import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.DecodeException;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;

/** The admin API of one appliance, asked one thing at a time; all that is refused is a Failure. */
final class Api implements AutoCloseable {
  static final String JSON = "application/json";
  static final String HOCON = "application/hocon";
  static final String MERGE_PATCH = "application/merge-patch+json";
  private static final Pattern LOOPBACK = Pattern.compile("localhost|127[.][0-9.]+|\\[::1]");
  private static final int UNPROCESSABLE = 422;
  private static final int TOO_MANY = 429;

  private final URI root;
  private final Optional<Token> token;
  private final Duration timeout;
  private final HttpClient client;

  /**
   * @param url of the appliance, as a person wrote it
   * @param timeout to connect, and again for the answer to begin
   */
  Api(String url, Optional<Token> token, TlsFiles tls, Duration timeout) {
    root = parse(url);
    this.token = token;
    this.timeout = timeout;
    HttpClient.Builder builder =
        HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(timeout);
    if (root.getScheme().equals("https")) {
      builder.sslContext(Tls.context(tls.ca(), tls.certificate(), tls.key()));
    } else if (tls.any()) {
      throw Failure.usage(
          "--ca, --certificate and --key are for https, and " + root + " is plain http");
    }
    client = builder.build();
  }

  private static URI parse(String url) {
    try {
      URI uri = URI.create(url.contains("://") ? url : "http://" + url);
      boolean http = "http".equals(uri.getScheme()) || "https".equals(uri.getScheme());
      if (http && uri.getHost() != null && uri.getRawQuery() == null && uri.getUserInfo() == null) {
        return URI.create(uri.toString().replaceAll("/+$", ""));
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw Failure.usage("--admin " + url + ": is to be a URL such as http://127.0.0.1:9901");
  }

  /** Whether the token can be read on its way. */
  boolean isOverheard() {
    return token.isPresent()
        && root.getScheme().equals("http")
        && !LOOPBACK.matcher(root.getHost()).matches();
  }

  /**
   * An answer that was no refusal.
   *
   * @param text as it came
   */
  record Answer(String text) {
    JsonObject json() {
      try {
        return new JsonObject(text);
      } catch (DecodeException e) {
        throw Failure.unreached("the answer is no JSON: is that an appliance of Sluice?");
      }
    }
  }

  Answer get(String path) {
    return send("GET", path, "", "");
  }

  /**
   * @param type of the content; empty where there is none
   * @param headers names and values in turn
   */
  Answer send(String method, String path, String type, String content, String... headers) {
    HttpRequest.Builder request = request(path).timeout(timeout);
    if (headers.length > 0) {
      request.headers(headers);
    }
    if (type.isEmpty()) {
      request.method(method, BodyPublishers.noBody());
    } else {
      request.header("Content-Type", type).method(method, BodyPublishers.ofString(content));
    }
    return new Answer(new String(bytes(request.build()), StandardCharsets.UTF_8));
  }

  private byte[] bytes(HttpRequest request) {
    HttpResponse<byte[]> response = exchange(request, BodyHandlers.ofByteArray());
    if (response.statusCode() / 100 != 2) {
      throw refusal(response.statusCode(), response, response.body());
    }
    return response.body();
  }

  /** A stream that ends when the appliance says so, or when it is closed. */
  InputStream stream(String path, String type) {
    HttpResponse<InputStream> response =
        exchange(request(path).header("Accept", type).build(), BodyHandlers.ofInputStream());
    if (response.statusCode() / 100 == 2) {
      return response.body();
    }
    try (InputStream body = response.body()) {
      throw refusal(response.statusCode(), response, body.readAllBytes());
    } catch (IOException e) {
      throw unreached(e);
    }
  }

  private HttpRequest.Builder request(String path) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(root + path));
    token.ifPresent(it -> request.header("Authorization", "Bearer " + it.value()));
    return request;
  }

  private <T> HttpResponse<T> exchange(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
    try {
      return client.send(request, handler);
    } catch (IOException e) {
      throw unreached(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw Failure.unreached("interrupted");
    }
  }

  Failure unreached(IOException why) {
    String said = why.getMessage() == null ? why.toString() : why.getMessage();
    return Failure.unreached(
        switch (why) {
          case HttpTimeoutException _ ->
              "%s: no answer within %d ms; is that the appliance, and is it well? (--timeout waits longer)"
                  .formatted(root, timeout.toMillis());
          case ConnectException _ when why.getCause() instanceof UnknownHostException ->
              root + ": nobody knows a host of that name";
          case ConnectException _ ->
              root
                  + ": cannot connect; is the appliance running, and is this its admin.listen?"
                  + " Say which by --admin URL or SLUICE_ADMIN";
          case SSLException _ ->
              "%s: TLS failed: %s. Is its certificate by an authority that --ca FILE has, for this name; does it ask for --certificate; is it https at all?"
                  .formatted(root, said);
          default ->
              "%s: the connection broke: %s. Is it perhaps %s?"
                  .formatted(root, said, root.getScheme().equals("https") ? "http" : "https");
        });
  }

  private Failure refusal(int status, HttpResponse<?> response, byte[] content) {
    JsonObject problem = problem(response, content);
    String detail = problem.getString("detail", "status " + status);
    return switch (status) {
      case 401 ->
          Failure.refused(
              token
                      .map(it -> "the appliance does not know " + it)
                      .orElse(
                          "the appliance asks for a token: give --token-file FILE, or set"
                              + " SLUICE_TOKEN")
                  + " ("
                  + detail
                  + ")");
      case 403 ->
          Failure.refused(
              token.map(Token::toString).orElse("who has no token")
                  + " may not do this: "
                  + detail);
      case UNPROCESSABLE -> Failure.refused(detail, problems(problem));
      case TOO_MANY ->
          Failure.refused(
              "%s; try again in %s s"
                  .formatted(detail, response.headers().firstValue("Retry-After").orElse("some")));
      default -> Failure.refused(detail);
    };
  }

  private static JsonObject problem(HttpResponse<?> response, byte[] content) {
    boolean json =
        response.headers().firstValue("Content-Type").orElse("").contains("problem+json");
    try {
      return json ? new JsonObject(Buffer.buffer(content)) : new JsonObject();
    } catch (DecodeException e) {
      return new JsonObject();
    }
  }

  private static List<String> problems(JsonObject problem) {
    return Configurations.problems(problem, Optional.empty());
  }

  /** A path of names as they are, each of which may have any character. */
  static String path(String... segments) {
    return Stream.of(segments).map(Api::encode).collect(Collectors.joining("/", "/v1/", ""));
  }

  /** A query of those parameters that have a value, empty if none has. */
  static String query(Map<String, ? extends Optional<?>> parameters) {
    String query =
        parameters.entrySet().stream()
            .filter(each -> each.getValue().isPresent())
            .map(each -> each.getKey() + "=" + encode(String.valueOf(each.getValue().get())))
            .sorted()
            .collect(Collectors.joining("&"));
    return query.isEmpty() ? "" : "?" + query;
  }

  private static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  @Override
  public void close() {
    client.shutdownNow();
  }
}
