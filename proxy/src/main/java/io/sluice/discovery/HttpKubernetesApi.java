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
import java.util.concurrent.atomic.AtomicBoolean;
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
  /** Where a pod has its service account. */
  static final Path ACCOUNT = Path.of("/var/run/secrets/kubernetes.io/serviceaccount");

  private static final int PAGE = 500;

  /** An object in etcd has 1.5 MiB at most; a page of them may have more. */
  private static final int MOST_EVENT_BYTES = 4 << 20;

  private static final int MOST_PAGE_BYTES = 64 << 20;
  private static final int MOST_PAGES = 20;

  /** Until all pages are there. */
  private static final int LIST_SECONDS = 60;

  /** The server is asked to end a watch then, and has a little longer to do so. */
  private static final int WATCH_SECONDS = 300;

  private static final int GRACE_SECONDS = 30;

  /** Until the headers are there. */
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final Origin.Kubernetes wanted;
  private final Map<String, String> environment;
  private final Path account;
  private final ScheduledExecutorService timer;
  private @Nullable HttpClient asking;
  private boolean closed;

  HttpKubernetesApi(
      Origin.Kubernetes wanted,
      Map<String, String> environment,
      Path account,
      ScheduledExecutorService timer) {
    this.wanted = wanted;
    this.environment = environment;
    this.account = account;
    this.timer = timer;
  }

  @Override
  public Listing list() throws IOException, InterruptedException {
    return within(LIST_SECONDS, this::list);
  }

  private Listing list(HttpClient client) throws IOException, InterruptedException {
    List<Json> slices = new ArrayList<>();
    String more = "";
    for (int n = 0; n < MOST_PAGES; n++) {
      Json page;
      try (InputStream body = ask(client, "limit=" + PAGE + more)) {
        page = Json.parse(read(body, MOST_PAGE_BYTES));
      }
      page.objects("items").forEach(slices::add);
      Json metadata = page.object("metadata");
      String next = metadata.text("continue").orElse("");
      if (next.isEmpty()) {
        return new Listing(slices, metadata.text("resourceVersion").orElse(""));
      }
      more = "&continue=" + escaped(next);
    }
    throw new IOException("the API server answers with more than " + MOST_PAGES + " pages");
  }

  @Override
  public void watch(String version, Events to) throws IOException, InterruptedException {
    String query =
        "watch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=%s"
            .formatted(WATCH_SECONDS, escaped(version));
    within(
        WATCH_SECONDS + GRACE_SECONDS,
        client -> {
          try (InputStream body = ask(client, query)) {
            InputStream lines = new BufferedInputStream(body);
            for (String line = line(lines); line != null; line = line(lines)) {
              if (!line.isBlank()) {
                to.take(Json.parse(line));
              }
            }
          }
          return version;
        });
  }

  private interface Conversation<T> {
    T with(HttpClient client) throws IOException, InterruptedException;
  }

  /** A request's own timeout ends with the headers; this holds for the bodies, too. */
  private <T> T within(int seconds, Conversation<T> asked)
      throws IOException, InterruptedException {
    HttpClient client = begun(client());
    AtomicBoolean late = new AtomicBoolean();
    Runnable end =
        () -> {
          late.set(true);
          client.shutdownNow();
        };
    ScheduledFuture<?> deadline = timer.schedule(end, seconds, TimeUnit.SECONDS);
    try {
      return asked.with(client);
    } catch (IOException e) {
      throw late.get()
          ? new IOException("the API server does not come to an end within " + seconds + " s", e)
          : e;
    } finally {
      deadline.cancel(false);
      client.shutdownNow();
    }
  }

  private synchronized HttpClient begun(HttpClient client) throws IOException {
    if (closed) {
      client.shutdownNow();
      throw new IOException("stopping");
    }
    asking = client;
    return client;
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

  private InputStream ask(HttpClient client, String query)
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
    Optional<Path> token = given(wanted.token(), "token");
    if (token.isPresent()) {
      authorize(request, token.get());
    }
    HttpResponse<InputStream> answer;
    try {
      answer = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    } catch (IOException e) {
      throw new IOException("the API server at " + server() + " cannot be asked: " + e, e);
    }
    return checked(answer);
  }

  private static void authorize(HttpRequest.Builder request, Path token) throws IOException {
    String bearer = "Bearer " + text(token);
    try {
      request.header("Authorization", bearer);
    } catch (IllegalArgumentException _) { // which would tell the token
      throw new IOException(token + " holds no token, which is one line");
    }
  }

  /** The service account's are for the pod's own cluster, and no other. */
  private Optional<Path> given(Optional<Path> file, String otherwise) {
    return file.isPresent() || wanted.api().isPresent()
        ? file
        : Optional.of(account.resolve(otherwise)).filter(Files::exists);
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
          new IOException(
              "the API server knows no token, or not this one (401): give discovery.kubernetes"
                  + ".token-file");
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
        : text(account.resolve("namespace"));
  }

  private static String text(Path file) throws IOException {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new IOException(file + " cannot be read: " + e, e);
    }
  }

  private HttpClient client() throws IOException {
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(TIMEOUT);
    Optional<Path> ca = given(wanted.ca(), "ca.crt");
    if (ca.isPresent() && server().startsWith("https:")) {
      client.sslContext(trusting(ca.get()));
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
    if (asking != null) {
      asking.shutdownNow();
    }
  }
}
