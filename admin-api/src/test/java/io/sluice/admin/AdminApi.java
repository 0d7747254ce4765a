package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.AdminServer;
import io.sluice.config.SluiceConfig;
import io.sluice.config.SluiceConfig.Role;
import io.vertx.core.json.JsonObject;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.LongSupplier;

/** A running admin API and a client of it that holds every answer against the contract. */
final class AdminApi implements AutoCloseable {
  /** An admin's token. */
  static final String OPS = "sluice_ops-token";

  /** A viewer's. */
  static final String WATCH = "sluice_watch~token==";

  private static final HttpClient CLIENT = HttpClient.newHttpClient();

  final CannedAppliance appliance = new CannedAppliance();
  final PublishedContract contract = new PublishedContract();
  private final AdminServer.Running running;

  AdminApi() {
    this(new SluiceConfig.Admin(CannedAppliance.address("127.0.0.1", 0)));
  }

  AdminApi(SluiceConfig.Admin config) {
    this(config, ServiceLoader.load(AdminServer.class).findFirst().orElseThrow());
  }

  /** One that lets in who holds {@link #OPS} or {@link #WATCH}; its limits know only this clock. */
  static AdminApi guarded(LongSupplier clock) {
    return new AdminApi(
        new SluiceConfig.Admin(
            CannedAppliance.address("127.0.0.1", 0),
            List.of(
                Secrets.token("ops", OPS, Role.ADMIN), Secrets.token("watch", WATCH, Role.VIEWER)),
            Optional.empty(),
            Optional.empty()),
        new VertxAdminServer(clock));
  }

  private AdminApi(SluiceConfig.Admin config, AdminServer server) {
    try {
      running = server.serve(appliance, config);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  AdminServer.Running running() {
    return running;
  }

  int port() {
    return running.address().getPort();
  }

  HttpResponse<String> get(String path, String... headers) {
    return exchange("GET", path, headers);
  }

  /** GETs what must be there. */
  JsonObject json(String path) {
    HttpResponse<String> response = get(path);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return new JsonObject(response.body());
  }

  /** GETs what must be refused. */
  JsonObject problem(int status, String path) {
    HttpResponse<String> response = get(path);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return new JsonObject(response.body());
  }

  /** PUTs JSON. */
  HttpResponse<String> put(String path, String content) {
    return put(
        path, HttpRequest.BodyPublishers.ofString(content), "Content-Type", "application/json");
  }

  /** POSTs JSON. */
  HttpResponse<String> post(String path, String content) {
    return exchange(
        "POST",
        path,
        HttpRequest.BodyPublishers.ofString(content),
        "Content-Type",
        "application/json");
  }

  HttpResponse<String> put(String path, HttpRequest.BodyPublisher content, String... headers) {
    return exchange("PUT", path, content, headers);
  }

  /** Sends bytes of a type. */
  HttpResponse<String> send(
      String method, String path, byte[] content, String type, String... headers) {
    String[] all = Arrays.copyOf(headers, headers.length + 2);
    all[headers.length] = "Content-Type";
    all[headers.length + 1] = type;
    return exchange(method, path, HttpRequest.BodyPublishers.ofByteArray(content), all);
  }

  HttpResponse<String> exchange(String method, String path, String... headers) {
    return exchange(method, path, HttpRequest.BodyPublishers.noBody(), headers);
  }

  private HttpResponse<String> exchange(
      String method, String path, HttpRequest.BodyPublisher content, String... headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port() + path))
            .method(method, content);
    if (headers.length > 0) {
      request.headers(headers);
    }
    try {
      HttpResponse<String> response =
          CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
      contract.check(method, path, Answer.of(response));
      return response;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  Socket socket() throws IOException {
    Socket socket = new Socket(running.address().getAddress(), port());
    socket.setSoTimeout(10_000);
    return socket;
  }

  /**
   * Asks on a connection that stays; of a stream, returns the head.
   *
   * @param fields header lines, each with its end
   */
  static Answer ask(Socket socket, String method, String path, String fields, String content)
      throws IOException {
    String head = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
    socket.getOutputStream().write((head + content).getBytes(StandardCharsets.ISO_8859_1));
    return Answer.read(method, socket.getInputStream());
  }

  /** Sends bytes as they are and returns all that comes until the server hangs up. */
  String raw(String bytes) throws IOException {
    try (Socket socket = socket()) {
      socket.getOutputStream().write(bytes.getBytes(StandardCharsets.ISO_8859_1));
      byte[] all = socket.getInputStream().readAllBytes();
      String[] line = bytes.split("[ \r]", 3);
      contract.check(line[0], line[1], Answer.read(line[0], new ByteArrayInputStream(all)));
      return new String(all, StandardCharsets.UTF_8);
    }
  }

  @Override
  public void close() {
    running.close();
  }
}
