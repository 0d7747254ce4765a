package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Explanation;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Journal;
import io.sluice.pool.Dossier;
import io.sluice.trace.Capture;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * What an operator can see of the running appliance and do to it; the only thing the admin API
 * knows. Every answer is a consistent, immutable copy; any thread may ask.
 */
public interface Appliance {

  /**
   * Whether the configuration is applied, every front is bound and nothing is draining; and, for
   * some seconds after the start, whether every pool has found its first backends.
   */
  boolean ready();

  Status status();

  /** Who moves the datagrams, and how busy they are. */
  WorkersStatus workers();

  /**
   * Has exactly {@code count} workers active from now on; 0 returns to as many as the load needs.
   * Returns when the listeners have moved.
   *
   * @throws IllegalArgumentException with words for the operator when there are not so many
   */
  void scale(int count);

  /** By name. */
  List<FrontStatus> fronts();

  /** By name. */
  List<PoolStatus> pools();

  /**
   * Has a backend given no new flows; those it has go on, until the deadline if there is one.
   *
   * @return what else to know, such as that it will not outlive a restart
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  List<String> drain(String pool, String backend, Optional<Duration> deadline);

  /**
   * Has a backend given flows again that was drained.
   *
   * @return what else to know, such as that it will not outlive a restart
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  List<String> enable(String pool, String backend);

  /** The configuration in force. */
  ConfigStatus config();

  /** What is wrong with a configuration, in file order; nothing is opened, nothing changed. */
  List<Problem> validate(String hocon);

  /**
   * Puts a whole configuration in force, in place of the one in force and of all that was changed
   * since. A masked value stands for the one in force.
   *
   * @param condition sees the one it replaces, and throws what it likes if that is not the one
   *     meant
   * @throws InvalidConfig when it is wrong; nothing has changed
   * @throws Refused when it is right but cannot be put in force; nothing has changed
   */
  Applied configure(String hocon, Consumer<ConfigStatus> condition) throws InvalidConfig, Refused;

  /**
   * Reads the configuration file again and puts it in force; what was changed of single backends
   * stays changed unless the file says something new of them.
   *
   * @throws InvalidConfig when it is wrong; nothing has changed
   * @throws Refused when it is right but cannot be put in force; nothing has changed
   */
  Applied reload() throws InvalidConfig, Refused;

  /**
   * Adds, changes or removes one backend; other flows than those of a removed one do not notice.
   *
   * @param edit from what it is, empty if there is none, to what it is to be, empty if it is to go;
   *     may throw what it likes, and nothing changes
   * @throws IllegalArgumentException with words for the operator when there is no such pool
   * @throws InvalidConfig when the whole would be wrong; nothing has changed
   * @throws Refused when it is right but cannot be put in force; nothing has changed
   */
  Applied change(String pool, String backend, UnaryOperator<Optional<SluiceConfig.Backend>> edit)
      throws InvalidConfig, Refused;

  /** Ends a flow, so that its client's next datagram opens another; false if there is none such. */
  boolean end(long flowId);

  /**
   * What would become of a datagram, had it come now, and why; changes nothing.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such front, or it
   *     does not listen there
   */
  Explanation explain(ExplainQuery query);

  /** A page of live flows in the order of their ids. */
  FlowPage flows(FlowQuery query);

  /** The conservation ledger, one row a front, by name. */
  List<Ledger> drops();

  /**
   * Begins to show datagrams as they pass by, until closed.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such front
   * @throws IllegalStateException with words for the operator when too many captures run
   */
  Capture capture(Capture.Spec wanted);

  /** The last datagrams, as far as they are recorded, as pcapng; empty if none are. */
  Optional<byte[]> recorded();

  /** What happened of late. */
  Journal journal();

  /** The metrics of CONTRACT.md, collected when read. */
  CollectorRegistry metrics();

  /** State of the process. */
  enum Phase {
    STARTING,
    RUNNING,
    DRAINING
  }

  /**
   * The appliance at a glance.
   *
   * @param transport how datagrams move, e.g. {@code epoll, recvmmsg/sendmmsg}
   * @param workers those that are active
   * @param fdsFree how many more flows may take one; the rest is for everything else
   */
  record Status(
      String version,
      String java,
      String netty,
      String transport,
      Phase phase,
      Instant startedAt,
      Duration uptime,
      int workers,
      long flows,
      long fdsOpen,
      long fdsMax,
      long fdsFree) {}

  /**
   * The configuration in force.
   *
   * @param version another one for every other configuration
   * @param source the file it was read from, or who put it in force
   * @param since when it was put in force
   * @param effective what {@code sluice} holds, every default filled in, secrets masked; maps,
   *     lists, strings, numbers and flags
   */
  record ConfigStatus(
      String version, String source, Instant since, Map<String, Object> effective) {}

  /**
   * That a configuration is in force now.
   *
   * @param changes what differs from the one before, a line each; empty if nothing does
   * @param warnings what else to know, such as that it will not outlive a restart
   */
  record Applied(String version, List<String> changes, List<String> warnings) {
    /** There is nothing else to know. */
    public Applied(String version, List<String> changes) {
      this(version, changes, List.of());
    }
  }

  /** Who decides how many workers are active. */
  enum Scaling {
    AUTOMATIC,
    FIXED
  }

  /**
   * All workers.
   *
   * @param count how many are active, the first ones
   * @param min how many are active at least while scaling is automatic
   * @param max how many there are
   */
  record WorkersStatus(int count, int min, int max, Scaling scaling, List<WorkerStatus> workers) {}

  /**
   * One event loop.
   *
   * @param active whether it reads listeners; one that does not has the flows it had, to their end
   * @param utilisation CPU time it used of the last second, 0 to 1
   */
  record WorkerStatus(int index, boolean active, long listeners, long flows, double utilisation) {}

  /**
   * One front.
   *
   * @param listen addresses really bound (port 0 resolved)
   * @param kernelDrops datagrams the kernel dropped because a front socket's receive buffer was
   *     full
   */
  record FrontStatus(
      String name,
      List<InetSocketAddress> listen,
      String pool,
      long flows,
      long assuredFlows,
      long unassuredFlows,
      long maxFlows,
      long flowsOpened,
      long kernelDrops) {}

  /**
   * One pool, its backends by name.
   *
   * @param leaving removed backends that still have flows, in the order in which they were
   * @param portsFree left for new flows, by local address ({@code any}: the route's choice): those
   *     to the backend that has fewest
   * @param discovery how more backends than those configured are found, if they are
   */
  record PoolStatus(
      String name,
      String policy,
      String affinity,
      List<BackendStatus> backends,
      List<LeavingStatus> leaving,
      Map<String, Integer> portsFree,
      Optional<DiscoveryStatus> discovery) {}

  /**
   * How a pool finds its backends, and what came of it.
   *
   * @param kind {@code dns}, {@code file} or {@code kubernetes}
   * @param wanted what is asked for
   * @param found how many were found at the last look that found any
   * @param foundAt when that was
   * @param error why the last look found none, or could not be heeded; empty: all is well
   * @param failedAt when that last happened, well again or not
   * @param nextAt when it looks again; empty: when there is something new
   */
  record DiscoveryStatus(
      String kind,
      String wanted,
      int found,
      Optional<Instant> foundAt,
      Optional<String> error,
      Optional<Instant> failedAt,
      Optional<Instant> nextAt) {}

  /** A removed backend; another may have its name by now, or its address. */
  record LeavingStatus(String name, InetSocketAddress address, long flows) {}

  /**
   * One backend.
   *
   * @param state UP, SUSPECT, EJECTED, TRIAL, DOWN or DRAINING
   * @param eligible whether it is given new flows
   * @param score 100 is beyond doubt, at 0 its guilt is proven
   * @param reason why it is in that state, in words for a person
   * @param since when it came into that state
   * @param latency how long its replies take of late, peaks first; 0 until it has been seen
   * @param unreachable ICMP errors since start
   * @param dossier what else is known of it
   * @param origin {@code configured}, or the kind of discovery that found it
   */
  record BackendStatus(
      String name,
      InetSocketAddress address,
      int weight,
      String state,
      boolean eligible,
      int score,
      String reason,
      Instant since,
      long flows,
      Duration latency,
      long unreachable,
      long ejections,
      long requests,
      long replies,
      Dossier dossier,
      String origin) {}

  /**
   * Which flows to list.
   *
   * @param client either an address ({@code 192.0.2.1}, every port) or address and port
   * @param limit rows at most
   * @param after only flows whose id is greater; 0 for the first page
   */
  record FlowQuery(
      Optional<String> front,
      Optional<String> backend,
      Optional<Client> client,
      int limit,
      long after) {}

  /**
   * A datagram to be explained.
   *
   * @param local where it is sent to; empty: wherever this client has a flow, or else where the
   *     front first listens
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record ExplainQuery(
      String front, InetSocketAddress client, Optional<InetSocketAddress> local, byte[] payload) {}

  /** A client to look for; {@code port} 0 means any. */
  record Client(java.net.InetAddress address, int port) {}

  /**
   * A page of flows.
   *
   * @param next what to pass as {@code after} for the next page; empty on the last one
   */
  record FlowPage(List<FlowStatus> flows, Optional<Long> next) {}

  /** One live flow. */
  record FlowStatus(
      long id,
      String front,
      InetSocketAddress client,
      InetSocketAddress local,
      String pool,
      String backend,
      int worker,
      boolean assured,
      Instant openedAt,
      Duration idle,
      long requests,
      long replies,
      long requestBytes,
      long replyBytes) {}

  /** The conservation ledger of one front. */
  record Ledger(String front, Side request, Side reply) {
    /**
     * One direction; {@code received = forwarded + the sum of dropped + pending}, always.
     *
     * @param pending received and waiting to be handed over to another worker at this instant
     * @param receivedBytes payload of those received
     */
    public record Side(
        long received, long forwarded, Map<Drop, Long> dropped, long pending, long receivedBytes) {}
  }
}
