package io.sluice.config;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A whole valid configuration, as CONTRACT.md names its keys. Lists are sorted by name where things
 * have names; every reference resolves.
 *
 * @param drainTimeout how long flows may go on after SIGTERM
 * @param watch whether the file is read again when it changes
 * @param echoes embedded echo backends for trying Sluice out; empty in production
 */
public record SluiceConfig(
    Duration drainTimeout,
    Workers workers,
    List<Front> fronts,
    List<Pool> pools,
    Admin admin,
    Optional<AccessLog> accessLog,
    Recorder recorder,
    boolean watch,
    List<Echo> echoes) {

  /** The same with other pools. */
  public SluiceConfig with(List<Pool> others) {
    return new SluiceConfig(
        drainTimeout, workers, fronts, others, admin, accessLog, recorder, watch, echoes);
  }

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
   * @param filters asked in this order
   */
  public record Front(
      String name,
      List<InetSocketAddress> listen,
      String pool,
      int maxDatagramBytes,
      PeerSockets peerSockets,
      boolean oneWay,
      Flows flows,
      List<Filter> filters) {}

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
   * @param backends may be empty where some are discovered
   * @param discovery where more of them are found while Sluice runs
   * @param sourceAddresses local addresses for links, no two alike, each of a family that a backend
   *     has, or may have; for a family without any the route decides
   * @param repeatable whether a request may reach two backends
   * @param slowStart how long a backend that has come back gets a growing share; 0: all at once
   */
  public record Pool(
      String name,
      Balance balance,
      Affinity affinity,
      List<Backend> backends,
      Optional<Discovery> discovery,
      List<InetAddress> sourceAddresses,
      Health health,
      boolean repeatable,
      Rehome rehome,
      Duration slowStart) {

    /** The same with other backends. */
    public Pool with(List<Backend> others) {
      return new Pool(
          name,
          balance,
          affinity,
          others,
          discovery,
          sourceAddresses,
          health,
          repeatable,
          rehome,
          slowStart);
    }
  }

  /**
   * Backends that are found while Sluice runs.
   *
   * @param drain how long flows may stay with a backend that is found no longer; 0: not at all
   */
  public record Discovery(Origin origin, Duration drain) {}

  /**
   * How a pool chooses.
   *
   * @param policy a built-in's or a plug-in's name
   * @param by what load is; only for {@code least-load}
   */
  public record Balance(String policy, Load by) {}

  /** What {@code least-load} compares: live flows, or those times the latency of replies. */
  public enum Load {
    FLOWS,
    LATENCY
  }

  /**
   * How live flows get another backend.
   *
   * @param perSecond so many a second and front at most, lest they all come at once
   * @param back whether they go back once their own backend has come back
   */
  public record Rehome(int perSecond, boolean back) {}

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
  public record Backend(String name, InetSocketAddress address, int weight) {
    /**
     * Reads an address as a configuration writes it; asks no name server.
     *
     * @throws IllegalArgumentException with what is wrong and what to write instead, to be put
     *     behind the text
     */
    public static InetSocketAddress parseAddress(String text) {
      return Endpoint.parse(text, 1);
    }

    /** As {@link #parseAddress} reads it. */
    public String printAddress() {
      return Endpoint.print(address);
    }
  }

  /** What counts as evidence, and what to do without any eligible backend. */
  public record Health(Optional<Probe> probe, Passive passive, WhenNoneEligible whenNoneEligible) {}

  /**
   * Active checks of every backend.
   *
   * @param interval from one check to the next of the same backend, at most
   * @param timeout at most interval
   * @param rise so many passes in a row bring a backend back
   * @param fall so many failures in a row take it out
   * @param port to ask at; 0: the backend's own
   */
  public record Probe(
      Check check, Duration interval, Duration timeout, int rise, int fall, int port) {}

  /**
   * Evidence from the flows' own sockets.
   *
   * @param icmp whether ICMP errors count at all
   * @param fall so many refusals within {@code window} eject
   * @param replyRatio whether requests without a reply count, where others of the pool reply
   * @param minRequests fewer unanswered requests prove nothing
   * @param stallTimeout a request without a reply for this long is unanswered
   * @param ejectFor length of the first ejection; doubles with every relapse
   * @param ejectMax longest ejection
   * @param maxEjected percent of the pool's backends, rounded up, that may be out by such evidence
   */
  public record Passive(
      boolean icmp,
      int fall,
      Duration window,
      boolean replyRatio,
      int minRequests,
      Duration stallTimeout,
      Duration ejectFor,
      Duration ejectMax,
      int maxEjected) {}

  /** With no eligible backend: try them all, or drop. */
  public enum WhenNoneEligible {
    ALL,
    DROP
  }

  /**
   * Where the admin API listens, and to whom.
   *
   * @param tokens names unique; with none, nor client certificates, loopback only
   * @param stateFile keeps what was changed at run time over a restart
   */
  public record Admin(
      InetSocketAddress listen, List<Token> tokens, Optional<Tls> tls, Optional<Path> stateFile) {
    /** Where whoever is on this machine may ask and change everything. */
    public Admin(InetSocketAddress listen) {
      this(listen, List.of(), Optional.empty(), Optional.empty());
    }
  }

  /**
   * Who may do what.
   *
   * @param sha256 of the token, 64 lower-case hexadecimal digits
   */
  public record Token(String name, String sha256, Role role) {}

  /** What a token, or a client certificate, lets one do. */
  public enum Role {
    VIEWER,
    ADMIN
  }

  /**
   * PEM files.
   *
   * @param clientCa who signs client certificates; with it, nobody without one gets in
   * @param clientRole of who shows no token beside the certificate
   */
  public record Tls(Path certificate, Path key, Optional<Path> clientCa, Role clientRole) {}

  /**
   * One line a flow, at its end.
   *
   * @param file {@code -}: standard output
   * @param sample the share of flows, above 0 to 1
   * @param maxFileBytes at this size a new file begins
   * @param maxDays so long old files are kept
   * @param maxTotalBytes old files together
   */
  public record AccessLog(
      String file, double sample, int maxFileBytes, int maxDays, int maxTotalBytes) {}

  /**
   * The last datagrams of each worker.
   *
   * @param headers so many; 0: none
   */
  public record Recorder(int headers) {
    /** As long as nothing else is said. */
    public static final int USUAL = 1_024;
  }

  /** An echo backend inside the process. */
  public record Echo(String name, InetSocketAddress address) {}
}
