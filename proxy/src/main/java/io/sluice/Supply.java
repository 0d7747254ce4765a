package io.sluice;

import com.sun.management.UnixOperatingSystemMXBean;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Front;
import io.sluice.net.Fds;
import io.sluice.net.KernelFeatures;
import io.sluice.net.Ports;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.util.BitSet;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What each flow uses one of, or two, and the system has only so many: local ports and file
 * descriptors.
 */
final class Supply {
  private static final Logger log = LoggerFactory.getLogger(Supply.class);

  /**
   * Beside flows: the JVM's own files, the admin API's connections, a margin. Of a very low limit,
   * half of it.
   */
  private static final long OTHER_FDS = 512;

  private Supply() {}

  /** What the system lets this process have, less what everything but flows needs. */
  static Ports of(SluiceConfig config) throws StartFailure {
    BitSet ports = KernelFeatures.localPorts();
    config.fronts().forEach(front -> front.listen().forEach(at -> ports.clear(at.getPort())));
    if (ports.isEmpty()) {
      throw new StartFailure(
          "no local port is left for flows: net.ipv4.ip_local_port_range less"
              + " ip_local_reserved_ports and the fronts' own is empty; widen the range");
    }
    return new Ports(ports, new Fds(fds(config)));
  }

  private static int fds(SluiceConfig config) {
    long listeners =
        config.fronts().stream().mapToLong(front -> front.listen().size()).sum()
            * config.workers().max();
    long left = fdsMax() - Math.min(OTHER_FDS, fdsMax() / 2) - listeners;
    return Math.clamp(left, 0, Integer.MAX_VALUE);
  }

  /** What the system will refuse before our own limits do, said at start rather than under load. */
  static void warnOfScarcity(SluiceConfig config, Ports ports) {
    long flows = config.fronts().stream().mapToLong(Supply::flows).sum();
    long peers = config.fronts().stream().mapToLong(Supply::peerSockets).sum();
    if (flows + peers > ports.fds().free()) {
      log.warn(
          "all flows.max and unassured-max together are {} flows, with a file descriptor each and"
              + " {} for peer sockets, but this process may open {} beside its own: flows beyond"
              + " that are refused as NO_FD; raise the limit (ulimit -n, LimitNOFILE, --ulimit"
              + " nofile) or lower flows.max",
          flows,
          peers,
          ports.fds().free());
    }
    if (peers > 0 && !KernelFeatures.findsConnectedSocketsFast()) {
      log.warn(
          "peer-sockets = connected, but this is Linux {}: before 6.13 every datagram for a local"
              + " port walks past all sockets on it; shared is faster here",
          KernelFeatures.version());
    }
    for (SluiceConfig.Pool pool : config.pools()) {
      warnOfPorts(pool, config, ports.count());
    }
  }

  private static void warnOfPorts(SluiceConfig.Pool pool, SluiceConfig config, long ports) {
    long flows =
        config.fronts().stream()
            .filter(front -> front.pool().equals(pool.name()))
            .mapToLong(Supply::flows)
            .sum();
    long ways = pool.backends().stream().mapToLong(backend -> sources(pool, backend)).sum();
    if (ways > 0 && flows > ways * ports) { // what is not found yet will have its own
      log.warn(
          "pool {} may have to carry {} flows (flows.max and unassured-max of its fronts), but has"
              + " {} local ports for them ({} of net.ipv4.ip_local_port_range, once for each pair"
              + " of a local address and a backend): flows beyond that are refused as NO_PORT;"
              + " widen the range, give the pool source-addresses, or lower flows.max",
          pool.name(),
          flows,
          ways * ports,
          ports);
    }
  }

  private static long flows(SluiceConfig.Front front) {
    return front.flows().max() + (front.oneWay() ? 0L : front.flows().unassuredMax());
  }

  private static long peerSockets(SluiceConfig.Front front) {
    return front.peerSockets() == SluiceConfig.PeerSockets.CONNECTED
        ? Math.min(front.flows().max(), Front.PEER_SOCKETS_MAX)
        : 0;
  }

  /** Local addresses its links may begin at; 1 where the route chooses. */
  private static long sources(SluiceConfig.Pool pool, SluiceConfig.Backend backend) {
    Class<? extends InetAddress> family = backend.address().getAddress().getClass();
    List<InetAddress> sources = pool.sourceAddresses();
    return Math.max(1, sources.stream().filter(family::isInstance).count());
  }

  static long fdsOpen() {
    return os().getOpenFileDescriptorCount();
  }

  static long fdsMax() {
    return os().getMaxFileDescriptorCount();
  }

  private static UnixOperatingSystemMXBean os() {
    return (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
  }
}
