package io.sluice;

import io.netty.util.NetUtil;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.SluiceConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The life of the process, from a valid configuration to a graceful stop. */
final class Run {
  private static final Logger LOG = LoggerFactory.getLogger(Run.class);

  /**
   * Signals that stop; a second one ends the process with 128 plus its number, as shells expect.
   */
  private static final Map<String, Integer> STOPPING = Map.of("INT", 2, "TERM", 15);

  private final Transport transport;
  private final Plugins plugins;
  private final PrintWriter out;
  private final CountDownLatch stop = new CountDownLatch(1);

  Run(Transport transport, Plugins plugins, PrintWriter out) {
    this.transport = transport;
    this.plugins = plugins;
    this.out = out;
  }

  /** Relays until a signal says stop. */
  void run(Document config) throws StartFailure, InterruptedException {
    relay(config, (appliance, admin) -> {});
  }

  /** The same, and says what a person can try. */
  void demo(Document config) throws StartFailure, InterruptedException {
    relay(config, this::suggest);
  }

  private interface Started {
    void with(Appliance appliance, InetSocketAddress admin);
  }

  private void relay(Document document, Started started) throws StartFailure, InterruptedException {
    requireLinux(System.getProperty("os.name"), System.getProperty("os.arch"));
    // Before the first socket: a signal while starting is not lost either.
    STOPPING.forEach((name, number) -> Signals.handle(name, () -> stopOn(name, 128 + number)));
    Signals.handle("HUP", () -> LOG.info("SIGHUP: still starting, with what the file says"));
    try (var echoes = Echoes.open(document.config().echoes());
        var datapath = transport.open(document, plugins);
        var admin = serveAdmin(datapath.appliance(), datapath.inForce().admin());
        var watch = new FileWatch(() -> reload("file changed", datapath.appliance()))) {
      datapath.onApplied(watch::follow);
      datapath.onInvalid(invalid -> watch.expect(invalid.files()));
      datapath.onApplied(applied -> admin.admit(applied.config().admin().tokens()));
      Signals.handle("HUP", () -> reload("SIGHUP", datapath.appliance()));
      announce(datapath.appliance(), echoes, url(datapath.inForce().admin(), admin.address()));
      started.with(datapath.appliance(), admin.address());
      stop.await();
      datapath.drain(datapath.inForce().drainTimeout());
    }
    LOG.info("stopped");
  }

  /** Whoever asked is not there to be told: so all that came of it is logged. */
  static void reload(String why, Appliance appliance) {
    try {
      List<String> changes = appliance.reload().changes();
      LOG.info("{}: {}", why, changes.isEmpty() ? "nothing has changed" : "reloaded");
      changes.forEach(change -> LOG.info("  {}", change));
    } catch (InvalidConfig e) {
      LOG.warn("{}: nothing has changed, for the configuration has problems", why);
      e.problems().forEach(problem -> LOG.warn("  {}", problem));
    } catch (Refused e) {
      LOG.warn("{}: nothing has changed: {}", why, e.getMessage());
    }
  }

  private void stopOn(String signal, int status) {
    if (stop.getCount() == 0) {
      LOG.warn("a second signal, SIG{}: exiting at once", signal);
      Runtime.getRuntime().halt(status);
    }
    LOG.info("SIG{}: no new flows; the others may go on until drain-timeout", signal);
    stop.countDown();
  }

  /** One clear line instead of an UnsatisfiedLinkError. */
  static void requireLinux(String os, String arch) throws StartFailure {
    boolean supported = os.equals("Linux") && List.of("amd64", "aarch64").contains(arch);
    if (!supported) {
      throw new StartFailure(
          "datagrams move on Linux x86-64 and arm64 only, and this is %s %s; run it there, or in a"
                  .formatted(os, arch)
              + " Linux virtual machine or container");
    }
  }

  private static AdminServer.Running serveAdmin(Appliance appliance, SluiceConfig.Admin config)
      throws StartFailure {
    AdminServer server =
        ServiceLoader.load(AdminServer.class, Run.class.getClassLoader())
            .findFirst()
            .orElseThrow(
                () ->
                    new StartFailure(
                        "no admin API on the class path: start with ./sluice, or put"
                            + " sluice-admin-api and its libraries there"));
    try {
      return server.serve(appliance, config);
    } catch (BindException e) {
      throw StartFailure.bind("admin API", "tcp", config.listen(), e);
    } catch (IOException e) {
      throw new StartFailure("admin API: " + e.getMessage(), e);
    }
  }

  private static void announce(Appliance appliance, Echoes echoes, String admin) {
    for (Appliance.FrontStatus front : appliance.fronts()) {
      front
          .listen()
          .forEach(
              at -> LOG.info("front {} on {}/udp, pool {}", front.name(), text(at), front.pool()));
    }
    LOG.info(
        "sluice {} is up: admin API on {}, {} embedded echo backends",
        Build.version(),
        admin,
        echoes.size());
  }

  private static String url(SluiceConfig.Admin config, InetSocketAddress bound) {
    return (config.tls().isPresent() ? "https://" : "http://") + text(bound);
  }

  private void suggest(Appliance appliance, InetSocketAddress admin) {
    InetSocketAddress front = appliance.fronts().getFirst().listen().getFirst();
    out.printf(
        Locale.ROOT,
        """

        The demo is running. In another terminal:
          nc -u %1$s %2$d                 # type a line: an echo backend answers through the front
          echo hello | socat - UDP:%1$s:%2$d
          curl %3$s/v1/status      # also /v1/fronts /v1/pools /v1/flows /v1/drops /metrics
        Ctrl-C stops it. Your own configuration: ./sluice run -c FILE (conf/sluice.conf has every key).

        """,
        NetUtil.toAddressString(front.getAddress()),
        front.getPort(),
        text(admin));
  }

  private static String text(InetSocketAddress address) {
    return NetUtil.toSocketAddressString(address);
  }
}
