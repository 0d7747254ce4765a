package io.sluice.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * A whole valid configuration, as CONTRACT.md names its keys. Lists are sorted by name where things
 * have names; every reference resolves.
 *
 * @param drainTimeout how long flows may go on after SIGTERM
 * @param echoes embedded echo backends for trying Sluice out; empty in production
 */
public record SluiceConfig(
    Duration drainTimeout,
    Workers workers,
    List<Front> fronts,
    List<Pool> pools,
    Admin admin,
    List<Echo> echoes) {

  /**
   * Event loops.
   *
   * @param max never 0: "one a core" is resolved when read
   */
  public record Workers(int min, int max) {}

  /**
   * A named service clients send to.
   *
   * @param listen numeric addresses, at least one, no two alike; port 0 lets the kernel choose
   * @param pool name of an existing pool
   * @param maxDatagramBytes 1 to 65,507; larger ones are dropped as OVERSIZE
   * @param peerSockets where an assured flow's datagrams come in
   * @param oneWay no replies expected: flows are assured from birth
   */
  public record Front(
      String name,
      List<InetSocketAddress> listen,
      String pool,
      int maxDatagramBytes,
      PeerSockets peerSockets,
      boolean oneWay,
      Flows flows) {}

  /** All flows of a front by its listeners, or each assured one by a front socket of its own. */
  public enum PeerSockets {
    SHARED,
    CONNECTED
  }

  /**
   * Bounds of a front's flow table.
   *
   * @param max assured flows
   * @param idleTimeout an assured flow ends after this long without a datagram either way
   * @param unassuredTimeout a flow ends this long after its opening unless its backend has answered
   * @param unassuredMax flows not yet answered; newcomers compete for this space among themselves
   * @param newPerSecond flows opened a second, with a burst of one second's worth
   */
  public record Flows(
      int max,
      Duration idleTimeout,
      Duration unassuredTimeout,
      int unassuredMax,
      int newPerSecond) {}

  /**
   * Backends with a balancer.
   *
   * @param sourceAddresses local addresses for links, no two alike, each of a family that a backend
   *     has; for a family without any the route decides
   */
  public record Pool(
      String name,
      Balance balance,
      Affinity affinity,
      List<Backend> backends,
      List<InetAddress> sourceAddresses,
      Health health) {}

  /**
   * How a pool chooses.
   *
   * @param policy a built-in's or a plug-in's name
   */
  public record Balance(String policy) {}

  /**
   * Which bytes decide the backend. Options of other keys than {@code key} hold 0, 0, 24 and 56.
   *
   * @param key a built-in's or a plug-in's name
   * @param offset first payload byte of the key; only for {@code payload}
   * @param length 1 to 64 payload bytes; only for {@code payload}
   * @param prefixV4 leading bits of an IPv4 source, 1 to 32; only for {@code source-prefix}
   * @param prefixV6 leading bits of an IPv6 source, 1 to 128; only for {@code source-prefix}
   */
  public record Affinity(String key, int offset, int length, int prefixV4, int prefixV6) {}

  /**
   * One server.
   *
   * @param weight 1 to 1,000
   */
  public record Backend(String name, InetSocketAddress address, int weight) {}

  /** What counts as evidence, and what to do without any eligible backend. */
  public record Health(Passive passive, WhenNoneEligible whenNoneEligible) {}

  /**
   * Evidence from the flows' own sockets.
   *
   * @param icmp whether ICMP errors count at all
   * @param fall so many refusals within {@code window} eject
   * @param ejectFor length of the first ejection; doubles with every relapse
   * @param ejectMax longest ejection
   */
  public record Passive(
      boolean icmp, int fall, Duration window, Duration ejectFor, Duration ejectMax) {}

  /** With no eligible backend: try them all, or drop. */
  public enum WhenNoneEligible {
    ALL,
    DROP
  }

  /** Where the admin API listens; loopback only until it knows authentication. */
  public record Admin(InetSocketAddress listen) {}

  /** An echo backend inside the process. */
  public record Echo(String name, InetSocketAddress address) {}
}
