package io.sluice;

import io.sluice.affinity.KeyExtractor;
import io.sluice.affinity.Keys;
import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.config.SluiceConfig;
import io.sluice.flow.Limits;
import io.sluice.front.Front;
import io.sluice.metrics.Journal;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.net.FrontSockets;
import io.sluice.net.KernelFeatures;
import io.sluice.net.OsException;
import io.sluice.net.Ports;
import io.sluice.net.Workers;
import io.sluice.pool.Pool;
import io.sluice.pool.Probing;
import io.sluice.pool.Rules;
import io.sluice.pool.Silence;
import io.sluice.probe.Prober;
import io.sluice.trace.Traces;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;

/**
 * Moves datagrams by recvmmsg and sendmmsg on Netty's epoll loops, and builds all that does so from
 * a configuration.
 */
final class EpollTransport implements Transport {
  @Override
  public String name() {
    return "epoll with recvmmsg/sendmmsg";
  }

  @Override
  public List<String> kernelFeatures() {
    return KernelFeatures.found();
  }

  @Override
  public Datapath open(SluiceConfig config, Plugins plugins) throws StartFailure {
    try {
      Workers.requireSupported();
    } catch (UnsupportedOperationException e) {
      throw new StartFailure(String.valueOf(e.getMessage()));
    }
    Ports ports = Supply.of(config);
    Traces traces = Watching.traces(config);
    Workers workers = Workers.start(config.workers().min(), config.workers().max());
    var control =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("sluice-control").factory());
    control.setRemoveOnCancelPolicy(true);
    Map<String, Pool> pools = new TreeMap<>();
    Map<String, Dialer> dialers = new TreeMap<>();
    List<Front> fronts = new ArrayList<>();
    Journal journal = new Journal(InstantSource.system());
    Relay relay =
        new Relay(name(), config, workers, control, ports, pools, dialers, fronts, traces, journal);
    try {
      Prober prober = Prober.on(control);
      for (SluiceConfig.Pool pool : config.pools()) {
        Pool opened = pool(pool, plugins, workers.count(), control, journal);
        pools.put(pool.name(), opened);
        dialers.put(pool.name(), dialer(pool, ports));
        pool.health().probe().ifPresent(probe -> probe(opened, probe, plugins, prober));
      }
      for (SluiceConfig.Front front : config.fronts()) {
        fronts.add(front(front, config, plugins, workers, pools, dialers, traces));
      }
      relay.autoscale();
      return relay;
    } catch (StartFailure | RuntimeException e) {
      relay.close();
      throw e;
    }
  }

  static Pool pool(
      SluiceConfig.Pool pool,
      Plugins plugins,
      int workers,
      ScheduledExecutorService control,
      Journal journal)
      throws StartFailure {
    Balancer.Factory policy =
        pool.balance().by() == SluiceConfig.Load.LATENCY
            ? Policies.leastLatency()
            : Objects.requireNonNull(
                plugins.balancers().get(pool.balance().policy()), "checked when read");
    SluiceConfig.Passive passive = pool.health().passive();
    Rules rules =
        new Rules(
            passive.icmp(),
            passive.fall(),
            passive.window(),
            passive.ejectFor(),
            passive.ejectMax());
    Silence silence =
        new Silence(passive.replyRatio(), passive.minRequests(), passive.stallTimeout());
    List<Pool.Spec.Server> servers =
        pool.backends().stream()
            .map(
                backend ->
                    new Pool.Spec.Server(backend.name(), backend.address(), backend.weight()))
            .toList();
    boolean all = pool.health().whenNoneEligible() == SluiceConfig.WhenNoneEligible.ALL;
    try {
      return Pool.open(
          new Pool.Spec(
              pool.name(),
              policy,
              servers,
              rules,
              silence,
              passive.maxEjected(),
              all,
              pool.repeatable(),
              pool.slowStart(),
              pool.health()
                  .probe()
                  .map(probe -> new Probing(probe.rise(), probe.fall()))
                  .orElse(Probing.USUAL)),
          workers,
          control,
          System::nanoTime,
          journal);
    } catch (RuntimeException e) {
      throw new StartFailure(
          "pool '%s': balance policy '%s' failed on its backends: %s"
              .formatted(pool.name(), pool.balance().policy(), e),
          e);
    }
  }

  private static void probe(Pool pool, SluiceConfig.Probe probe, Plugins plugins, Prober prober) {
    var _ =
        pool.probe(
            prober,
            plugins.probe(probe.check()),
            new Prober.Pace(probe.interval(), probe.timeout()),
            probe.port());
  }

  private static Dialer dialer(SluiceConfig.Pool pool, Ports ports) throws StartFailure {
    List<Address> sources = new ArrayList<>();
    for (InetAddress ip : pool.sourceAddresses()) {
      Address source = Address.of(new InetSocketAddress(ip, 0));
      try {
        FrontSockets.claim(source);
      } catch (OsException e) {
        throw StartFailure.source("pool '" + pool.name() + "'", ip, e);
      }
      sources.add(source);
    }
    return ports.dialer(
        sources, pool.backends().stream().map(backend -> Address.of(backend.address())).toList());
  }

  private static Front front(
      SluiceConfig.Front front,
      SluiceConfig config,
      Plugins plugins,
      Workers workers,
      Map<String, Pool> pools,
      Map<String, Dialer> dialers,
      Traces traces)
      throws StartFailure {
    SluiceConfig.Pool pool = poolOf(front, config);
    try {
      return Front.open(
          spec(front, pool, plugins),
          workers,
          Objects.requireNonNull(pools.get(front.pool()), "checked when read"),
          Objects.requireNonNull(dialers.get(front.pool()), "checked when read"),
          affinity(pool.affinity(), plugins),
          traces,
          System::nanoTime);
    } catch (OsException e) {
      throw StartFailure.bind("front '" + front.name() + "'", "udp", whichFailed(front, e), e);
    }
  }

  static SluiceConfig.Pool poolOf(SluiceConfig.Front front, SluiceConfig config) {
    return config.pools().stream()
        .filter(each -> each.name().equals(front.pool()))
        .findFirst()
        .orElseThrow();
  }

  static Front.Spec spec(SluiceConfig.Front front, SluiceConfig.Pool pool, Plugins plugins) {
    SluiceConfig.Flows flows = front.flows();
    Limits limits =
        new Limits(
            flows.max(),
            flows.idleTimeout(),
            flows.unassuredTimeout(),
            flows.unassuredMax(),
            flows.newPerSecond(),
            front.oneWay(),
            pool.rehome().perSecond(),
            pool.rehome().back());
    return new Front.Spec(
        front.name(),
        front.listen().stream().map(Address::of).toList(),
        front.maxDatagramBytes(),
        limits,
        front.peerSockets() == SluiceConfig.PeerSockets.CONNECTED,
        plugins.filters(front));
  }

  static KeyExtractor affinity(SluiceConfig.Affinity affinity, Plugins plugins) {
    return switch (affinity.key()) {
      case "payload" -> Keys.payload(affinity.offset(), affinity.length());
      case "source-prefix" -> Keys.sourcePrefix(affinity.prefixV4(), affinity.prefixV6());
      default ->
          Objects.requireNonNull(plugins.keyExtractors().get(affinity.key()), "checked when read");
    };
  }

  private static InetSocketAddress whichFailed(SluiceConfig.Front front, OsException e) {
    return front.listen().stream()
        .filter(at -> String.valueOf(e.getMessage()).contains(Address.of(at).toString()))
        .findFirst()
        .orElse(front.listen().getFirst());
  }
}
