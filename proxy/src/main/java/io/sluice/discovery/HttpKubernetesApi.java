package io.sluice.discovery;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.sluice.config.Origin;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;

/**
 * An API server by HTTP: one resource, two kinds of question (docs/adr/0020 says why by hand).
 *
 * <p>Token and certificates are read anew for every connection, for both are replaced while Sluice
 * runs. No redirect is followed: the token is for one server.
 */
final class HttpKubernetesApi implements KubernetesApi {
  private static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");
  private static final int PAGE = 500;

  /** An object in etcd has 1.5 MiB at most; a page of them may have more. */
  private static final int MOST_EVENT_BYTES = 4 << 20;

  private static final int MOST_PAGE_BYTES = 64 << 20;

  /** The server is asked to end a watch then, and has a little longer to do so. */
  private static final int WATCH_SECONDS = 300;

  private static final int GRACE_SECONDS = 30;

  /** Until the headers are there. */
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final Origin.Kubernetes wanted;
  private final Map<String, String> environment;
  private final ScheduledExecutorService timer;
  private @Nullable InputStream watching;
  private boolean closed;

  HttpKubernetesApi(
      Origin.Kubernetes wanted, Map<String, String> environment, ScheduledExecutorService timer) {
    this.wanted = wanted;
    this.environment = environment;
    this.timer = timer;
  }

  @Override
  public Listing list() throws IOException, InterruptedException {
    List<Json> slices = new ArrayList<>();
    Optional<String> next = Optional.empty();
    HttpClient client = client();
    try {
      do {
        String more = next.map(token -> "&continue=" + escaped(token)).orElse("");
        HttpResponse<InputStream> answer = ask(client, "limit=" + PAGE + more);
        Json page;
        try (InputStream body = checked(answer)) {
          page = Json.parse(read(body, MOST_PAGE_BYTES));
        }
        page.objects("items").forEach(slices::add);
        Json metadata = page.object("metadata");
        next = metadata.text("continue").filter(token -> !token.isEmpty());
        if (next.isEmpty()) {
          return new Listing(slices, metadata.text("resourceVersion").orElse(""));
        }
      } while (true);
    } finally {
      client.shutdownNow();
    }
  }

  @Override
  public void watch(String version, Events to) throws IOException, InterruptedException {
    HttpClient client = client();
    try {
      String query =
          "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s"
              .formatted(WATCH_SECONDS, escaped(version));
      HttpResponse<InputStream> answer = ask(client, query);
      try (InputStream body = begun(checked(answer))) {
        ScheduledFuture<?> deadline =
            timer.schedule(() -> end(body), WATCH_SECONDS + GRACE_SECONDS, TimeUnit.SECONDS);
        InputStream lines = new BufferedInputStream(body);
        for (String line = line(lines); line != null; line = line(lines)) {
          if (!line.isBlank()) {
            to.take(Json.parse(line));
          }
        }
        deadline.cancel(false);
      }
    } finally {
      client.shutdownNow();
    }
  }

  private synchronized InputStream begun(InputStream body) throws IOException {
    watching = body;
    if (closed) {
      body.close();
    }
    return body;
  }

  private static void end(@Nullable InputStream body) {
    try {
      if (body != null) {
        body.close();
      }
    } catch (IOException e) {
      // then it has ended
    }
  }

  /** Null at the end. */
  private static @Nullable String line(InputStream in) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        return line.toString(UTF_8);
      }
      line.write(b);
      if (line.size() > MOST_EVENT_BYTES) {
        throw new IOException("the API server sends an event of more than 4 MiB");
      }
    }
    return null; // half a line is a connection that broke
  }

  private static String read(InputStream in, int most) throws IOException {
    byte[] bytes = in.readNBytes(most + 1);
    if (bytes.length > most) {
      throw new IOException("the API server answers with more than " + (most >> 20) + " MiB");
    }
    return new String(bytes, UTF_8);
  }

  private HttpResponse<InputStream> ask(HttpClient client, String query)
      throws IOException, InterruptedException {
    String url =
        "%s/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=%s&%s"
            .formatted(
                server(),
                escaped(namespace()),
                escaped("kubernetes.io/service-name=" + wanted.service()),
                query);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url))
            .header("Accept", "application/json")
            .timeout(TIMEOUT);
    Path token = wanted.token().orElse(ACCOUNT.resolve("token"));
    if (wanted.token().isPresent() || Files.exists(token)) {
      request.header("Authorization", "Bearer " + text(token));
    }
    try {
      return client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw new IOException("the API server at " + server() + " cannot be asked: " + e, e);
    } catch (IllegalArgumentException e) {
      throw new IOException(token + " holds no token", e); // without the token itself
    }
  }

  private static InputStream checked(HttpResponse<InputStream> answer) throws IOException {
    int status = answer.statusCode();
    if (status == 200) {
      return answer.body();
    }
    String said = "";
    try (InputStream body = answer.body()) {
      said = Json.parse(read(body, 1 << 20)).text("message").orElse("");
    } catch (IOException e) {
      // then it says nothing of use
    }
    throw switch (status) {
      case 410 -> new Gone(said);
      case 401 ->
          new IOException("the API server does not know the token (401): give another token-file");
      case 403 ->
          new IOException(
              "the API server refuses (403): let the service account list and watch"
                  + " endpointslices (docs/discovery.md); it says: "
                  + said);
      default -> new IOException("the API server answers " + status + ": " + said);
    };
  }

  private String server() throws IOException {
    if (wanted.api().isPresent()) {
      return wanted.api().get();
    }
    String host = environment.get("KUBERNETES_SERVICE_HOST");
    String port = environment.getOrDefault("KUBERNETES_SERVICE_PORT", "443");
    if (host == null) {
      throw new IOException(
          "this is no pod (KUBERNETES_SERVICE_HOST is not set): give discovery.kubernetes.api");
    }
    return "https://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }

  private String namespace() throws IOException {
    return wanted.namespace().isPresent()
        ? wanted.namespace().get()
        : text(ACCOUNT.resolve("namespace"));
  }

  private static String text(Path file) throws IOException {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new IOException(file + " cannot be read: " + e, e);
    }
  }

  private HttpClient client() throws IOException {
    synchronized (this) {
      if (closed) {
        throw new IOException("stopping");
      }
    }
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(TIMEOUT);
    Path ca = wanted.ca().orElse(ACCOUNT.resolve("ca.crt"));
    if (server().startsWith("https:") && (wanted.ca().isPresent() || Files.exists(ca))) {
      client.sslContext(trusting(ca));
    }
    return client.build();
  }

  private static SSLContext trusting(Path ca) throws IOException {
    try (InputStream pem = Files.newInputStream(ca)) {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      int n = 0;
      for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
        store.setCertificateEntry("ca" + n++, each);
      }
      if (n == 0) {
        throw new IOException(ca + " holds no certificate (PEM)");
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException e) {
      throw new IOException(ca + " holds no certificate (PEM): " + e.getMessage(), e);
    }
  }

  private static String escaped(String text) {
    return URLEncoder.encode(text, UTF_8);
  }

  @Override
  public synchronized void close() {
    closed = true;
    end(watching);
  }
}
