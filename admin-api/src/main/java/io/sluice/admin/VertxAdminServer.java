package io.sluice.admin;

import io.netty.util.NetUtil;
import io.sluice.AdminServer;
import io.sluice.Appliance;
import io.sluice.config.SluiceConfig;
import io.sluice.config.SluiceConfig.Tls;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.ServerSSLOptions;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The admin API on a Vert.x instance of its own: one event loop, the threads of {@link Desk} and
 * one for what comes by the clock, none of which the data plane ever sees. Nothing here keeps the
 * process alive.
 */
public final class VertxAdminServer implements AdminServer {
  private static final int IDLE_SECONDS = 30;
  private static final int CLOSE_SECONDS = 10;
  private static final long SWEEP_MS = 1_000;

  /** Certificates live for weeks. */
  private static final long RENEW_MS = 5_000;

  private static final Logger LOG = LoggerFactory.getLogger(VertxAdminServer.class);

  private final LongSupplier clock;

  /** For {@link java.util.ServiceLoader}. */
  public VertxAdminServer() {
    this(System::nanoTime);
  }

  /**
   * @param clock nanoseconds, of all limits
   */
  VertxAdminServer(LongSupplier clock) {
    this.clock = clock;
  }

  @Override
  public Running serve(Appliance appliance, SluiceConfig.Admin config) throws IOException {
    InetSocketAddress listen = config.listen();
    Credentials credentials =
        new Credentials(
            config.tokens(),
            config.tls().filter(tls -> tls.clientCa().isPresent()).map(Tls::clientRole));
    requireCredentials(listen, credentials);
    if (config.tls().isEmpty() && !isLoopback(listen)) {
      LOG.warn(
          "admin.listen = {} without admin.tls: tokens travel readable, as does all that is asked",
          NetUtil.toSocketAddressString(listen));
    }
    Contract contract = Contract.load();
    Connections connections = new Connections(clock);
    Audit audit = new Audit(appliance.journal(), clock);
    Gate gate = new Gate(credentials, connections, audit, clock);
    Vertx vertx =
        Vertx.builder().with(vertxOptions()).withTransport(connections.transport()).build();
    try {
      Optional<Certificates> certificates = config.tls().map(tls -> new Certificates(vertx, tls));
      Dispatcher dispatcher =
          new Dispatcher(
              vertx, contract, Operations.over(appliance, contract), connections, gate, audit);
      HttpServer server =
          vertx
              .createHttpServer(httpOptions(certificates))
              .connectionHandler(connections::connected)
              .exceptionHandler(e -> LOG.debug("a connection failed before its first request", e))
              .requestHandler(dispatcher::request)
              .invalidRequestHandler(dispatcher::malformed);
      join(server.listen(SocketAddress.inetSocketAddress(listen)));
      vertx.runOnContext(turn -> AdminServer.giveWay());
      vertx.setPeriodic(SWEEP_MS, tick -> connections.sweep());
      certificates.ifPresent(
          files -> vertx.setPeriodic(RENEW_MS, tick -> renew(vertx, server, files)));
      return new Bound(
          vertx, gate, new InetSocketAddress(listen.getAddress(), server.actualPort()));
    } catch (CompletionException e) {
      close(vertx);
      throw new IOException(advice(listen, e.getCause()), e.getCause());
    } catch (IOException | RuntimeException e) {
      close(vertx);
      throw e;
    }
  }

  /** The configuration has been held against this already; here it is what keeps strangers out. */
  private static void requireCredentials(InetSocketAddress listen, Credentials credentials)
      throws IOException {
    String at = NetUtil.toSocketAddressString(listen);
    if (listen.isUnresolved() || (credentials.none() && !isLoopback(listen))) {
      throw new IOException(
          "admin.listen = %s: whoever reaches that may change everything; make a token with `./sluice token`, set admin.tls.client-ca, or use 127.0.0.1:%d"
              .formatted(at, listen.getPort()));
    }
  }

  private static boolean isLoopback(InetSocketAddress listen) {
    return listen.getAddress().isLoopbackAddress();
  }

  private static void renew(Vertx vertx, HttpServer server, Certificates files) {
    vertx
        .executeBlocking(
            () -> files.changed() ? Optional.of(files.read()) : Optional.<ServerSSLOptions>empty())
        .compose(
            newer ->
                newer.isPresent()
                    ? server.updateSSLOptions(newer.get(), true)
                    : Future.succeededFuture(false))
        .onSuccess(
            renewed -> {
              if (renewed) {
                LOG.info("admin.tls: the files have changed and are in force");
              }
            })
        .onFailure(
            e ->
                LOG.error(
                    "{}; those read before stay in force until the files change again",
                    e.getMessage()));
  }

  private static VertxOptions vertxOptions() {
    return new VertxOptions()
        .setEventLoopPoolSize(1)
        .setWorkerPoolSize(1)
        .setInternalBlockingPoolSize(1)
        .setUseDaemonThread(true)
        // A machine busy with datagrams may starve these threads: nothing to report.
        .setBlockedThreadCheckInterval(1)
        .setBlockedThreadCheckIntervalUnit(TimeUnit.DAYS)
        // No files are served, and a read-only container has no room for a cache of them.
        .setFileSystemOptions(
            new FileSystemOptions()
                .setClassPathResolvingEnabled(false)
                .setFileCachingEnabled(false));
  }

  private static HttpServerOptions httpOptions(Optional<Certificates> certificates)
      throws IOException {
    HttpServerOptions options = httpOptions();
    if (certificates.isPresent()) {
      var _ = certificates.get().changed();
      ServerSSLOptions tls = certificates.get().read();
      options
          .setSsl(true)
          .setKeyCertOptions(tls.getKeyCertOptions())
          .setTrustOptions(tls.getTrustOptions())
          .setClientAuth(tls.getClientAuth())
          .setSslHandshakeTimeout(Connections.HEAD_NS)
          .setSslHandshakeTimeoutUnit(TimeUnit.NANOSECONDS);
    }
    return options;
  }

  private static HttpServerOptions httpOptions() {
    return new HttpServerOptions()
        .setMaxInitialLineLength(Dispatcher.MAX_LINE_BYTES)
        .setMaxHeaderSize(Dispatcher.MAX_HEADER_BYTES)
        .setHandle100ContinueAutomatically(true)
        .setIdleTimeout(IDLE_SECONDS)
        .setIdleTimeoutUnit(TimeUnit.SECONDS)
        // There are no WebSockets, and their handler hangs up on who pipelines 128 requests.
        .setPerFrameWebSocketCompressionSupported(false)
        .setPerMessageWebSocketCompressionSupported(false)
        .setHttp2ClearTextEnabled(false);
  }

  /** What to do about an address that cannot be bound; the kernel's words say which case it is. */
  private static String advice(InetSocketAddress listen, @Nullable Throwable cause) {
    String said = String.valueOf(cause == null ? null : cause.getMessage());
    String what;
    if (said.contains("in use")) {
      what = "something listens there already: stop it, or give admin.listen another port";
    } else if (said.contains("ermission denied")) {
      what = "ports below 1024 need CAP_NET_BIND_SERVICE: give admin.listen a port above";
    } else if (said.contains("annot assign")) {
      what = "this machine has no such address (IPv6 off?): give admin.listen 127.0.0.1";
    } else {
      what = "give admin.listen another address";
    }
    return "admin.listen = %s: %s (%s)"
        .formatted(NetUtil.toSocketAddressString(listen), what, said);
  }

  private static <T> T join(Future<T> future) {
    return future.toCompletionStage().toCompletableFuture().join();
  }

  private static void close(Vertx vertx) {
    try {
      vertx
          .close()
          .toCompletionStage()
          .toCompletableFuture()
          .orTimeout(CLOSE_SECONDS, TimeUnit.SECONDS)
          .join();
    } catch (CompletionException e) {
      LOG.warn("the admin API did not close cleanly", e.getCause());
    }
  }

  private static final class Bound implements Running {
    private final Vertx vertx;
    private final Gate gate;
    private final InetSocketAddress address;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Bound(Vertx vertx, Gate gate, InetSocketAddress address) {
      this.vertx = vertx;
      this.gate = gate;
      this.address = address;
    }

    @Override
    public InetSocketAddress address() {
      return address;
    }

    @Override
    public void admit(List<SluiceConfig.Token> tokens) {
      Credentials next = gate.credentials().with(tokens);
      if (next.none() && !isLoopback(address)) {
        throw new IllegalArgumentException(
            "without admin.tokens whoever reaches %s could change everything: leave one"
                .formatted(NetUtil.toSocketAddressString(address)));
      }
      gate.admit(next);
      vertx.runOnContext(turn -> gate.dismiss());
    }

    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        VertxAdminServer.close(vertx);
      }
    }
  }
}
