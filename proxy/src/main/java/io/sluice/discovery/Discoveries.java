package io.sluice.discovery;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.sluice.config.BackendFile;
import io.sluice.config.Origin;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** All discoveries of an appliance, and the threads they share, which start when first needed. */
public final class Discoveries implements AutoCloseable {
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(
          1, Thread.ofPlatform().daemon().name("sluice-discovery").factory());
  private final Executor asking = Thread::startVirtualThread;
  private @Nullable EventLoopGroup dns;
  private boolean closed;

  public Discoveries() {
    timer.setRemoveOnCancelPolicy(true);
    timer.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
  }

  /** The thread on which findings are told; it starts with its first task. */
  public ScheduledExecutorService timer() {
    return timer;
  }

  /** Looks for backends there, once it is started. */
  public Discovery of(Origin origin) {
    return switch (origin) {
      case Origin.Dns wanted ->
          new DnsDiscovery(wanted, nameServers(wanted), asking, timer, Discoveries::jittered);
      case Origin.File wanted -> new FileDiscovery(wanted, BackendFile::read, asking, timer);
      case Origin.Kubernetes wanted ->
          new KubernetesDiscovery(
              wanted,
              new HttpKubernetesApi(wanted, System.getenv(), HttpKubernetesApi.ACCOUNT, timer),
              asking,
              timer,
              Discoveries::jittered);
    };
  }

  NameServers nameServers(Origin.Dns wanted) {
    return new NettyNameServers(wanted, this::dns);
  }

  /** Up to a tenth more, lest appliances that started together always ask together. */
  private static long jittered(long ns) {
    return ns + (long) (ns * ThreadLocalRandom.current().nextDouble(0.1));
  }

  private synchronized EventLoopGroup dns() {
    if (closed) {
      throw new IllegalStateException("Sluice is stopping");
    }
    EventLoopGroup group = dns;
    if (group == null) {
      group =
          new MultiThreadIoEventLoopGroup(
              1, new DefaultThreadFactory("sluice-dns", true), NioIoHandler.newFactory());
      dns = group;
    }
    return group;
  }

  @Override
  public synchronized void close() {
    closed = true;
    timer.shutdownNow();
    if (dns != null) {
      var _ = dns.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
  }
}
