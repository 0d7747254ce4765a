package io.sluice.admin;

import io.netty.util.NetUtil;
import io.sluice.AdminServer;
import io.sluice.Appliance;
import io.sluice.config.SluiceConfig;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.VertxOptions;
import io.vertx.core.file.FileSystemOptions;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.SocketAddress;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The admin API on a Vert.x instance of its own: one event loop and {@value #SCANS} threads that
 * the data plane never sees. Nothing here keeps the process alive.
 */
public final class VertxAdminServer implements AdminServer {
  /** Answers made at a time, so that a hundred listings of flows cost two cores at most. */
  private static final int SCANS = 2;

  private static final int IDLE_SECONDS = 30;
  private static final int CLOSE_SECONDS = 10;
  private static final Logger LOG = LoggerFactory.getLogger(VertxAdminServer.class);

  /** For {@link java.util.ServiceLoader}. */
  public VertxAdminServer() {}

  @Override
  public Running serve(Appliance appliance, SluiceConfig.Admin config) throws IOException {
    InetSocketAddress listen = config.listen();
    if (listen.isUnresolved() || !listen.getAddress().isLoopbackAddress()) {
      throw new IOException(
          "admin.listen = %s: the admin API has no authentication yet and listens on loopback only; use 127.0.0.1:%d, and reach it from elsewhere through a tunnel such as ssh -L"
              .formatted(NetUtil.toSocketAddressString(listen), listen.getPort()));
    }
    Contract contract = Contract.load();
    Vertx vertx = Vertx.vertx(vertxOptions());
    try {
      Dispatcher dispatcher = new Dispatcher(vertx, contract, Operations.over(appliance, contract));
      HttpServer server =
          vertx
              .createHttpServer(httpOptions())
              .connectionHandler(dispatcher::connected)
              .requestHandler(dispatcher::request)
              .invalidRequestHandler(dispatcher::malformed);
      join(server.listen(SocketAddress.inetSocketAddress(listen)));
      return new Bound(vertx, new InetSocketAddress(listen.getAddress(), server.actualPort()));
    } catch (CompletionException e) {
      close(vertx);
      throw new IOException(advice(listen, e.getCause()), e.getCause());
    } catch (RuntimeException e) {
      close(vertx);
      throw e;
    }
  }

  private static VertxOptions vertxOptions() {
    return new VertxOptions()
        .setEventLoopPoolSize(1)
        .setWorkerPoolSize(SCANS)
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

  private static HttpServerOptions httpOptions() {
    return new HttpServerOptions()
        .setMaxInitialLineLength(Dispatcher.MAX_LINE_BYTES)
        .setMaxHeaderSize(Dispatcher.MAX_HEADER_BYTES)
        .setHandle100ContinueAutomatically(true)
        .setIdleTimeout(IDLE_SECONDS)
        .setIdleTimeoutUnit(TimeUnit.SECONDS)
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
    private final InetSocketAddress address;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Bound(Vertx vertx, InetSocketAddress address) {
      this.vertx = vertx;
      this.address = address;
    }

    @Override
    public InetSocketAddress address() {
      return address;
    }

    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        VertxAdminServer.close(vertx);
      }
    }
  }
}
