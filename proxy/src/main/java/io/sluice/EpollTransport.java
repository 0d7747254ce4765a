package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.sluice.config.Document;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Discoveries;
import io.sluice.metrics.Journal;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import io.sluice.net.Workers;
import io.sluice.trace.Traces;
import java.time.InstantSource;
import java.util.List;
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
  public Datapath open(Document document, Plugins plugins) throws StartFailure {
    try {
      Workers.requireSupported();
    } catch (UnsupportedOperationException e) {
      throw new StartFailure(String.valueOf(e.getMessage()));
    }
    SluiceConfig config = document.config();
    Ports ports = Supply.of(config);
    Supply.warnOfScarcity(config, ports);
    Traces traces = Watching.traces(config);
    Workers workers = Workers.start(config.workers().min(), config.workers().max());
    var control =
        new ScheduledThreadPoolExecutor(
            1, Thread.ofPlatform().daemon().name("sluice-control").factory());
    control.setRemoveOnCancelPolicy(true);
    InstantSource clock = InstantSource.system();
    Plant plant =
        new Plant(config.workers(), plugins, workers, control, ports, traces, new Journal(clock));
    CollectorRegistry metrics = new CollectorRegistry();
    Door door = new Door(document, plant, plugins.names(), metrics, clock);
    try {
      door.open();
      Discoveries discoveries = new Discoveries();
      Discovering discovering =
          new Discovering(
              door, discoveries::of, discoveries.timer(), plant.journal, metrics, clock);
      Relay relay = new Relay(name(), plant, door, discovering, discoveries, metrics);
      plant.autoscale();
      return relay;
    } catch (StartFailure | RuntimeException e) {
      plant.close();
      throw e;
    }
  }
}
