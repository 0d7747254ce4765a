package io.sluice.config;

import static io.sluice.config.ConfigReader.ROOT;
import static java.util.Comparator.comparing;
import static java.util.stream.Collectors.toSet;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Affinity;
import io.sluice.config.SluiceConfig.Backend;
import io.sluice.config.SluiceConfig.Balance;
import io.sluice.config.SluiceConfig.Discovery;
import io.sluice.config.SluiceConfig.Echo;
import io.sluice.config.SluiceConfig.Flows;
import io.sluice.config.SluiceConfig.Front;
import io.sluice.config.SluiceConfig.Health;
import io.sluice.config.SluiceConfig.Load;
import io.sluice.config.SluiceConfig.Passive;
import io.sluice.config.SluiceConfig.PeerSockets;
import io.sluice.config.SluiceConfig.Pool;
import io.sluice.config.SluiceConfig.Rehome;
import io.sluice.config.SluiceConfig.WhenNoneEligible;
import io.sluice.config.SluiceConfig.Workers;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * Sluice's keys: which there are, their defaults, their ranges, and what must fit within a section.
 * What must fit between sections is {@link Conflicts}' business.
 */
final class Schema {
  static final String PAYLOAD_FORM = "affinity { key = payload, offset = 4, length = 8 }";

  private static final int MAX_DATAGRAM = 65_507; // 65,535 less 20 bytes of IPv4 and 8 of UDP
  private static final int MAX_WORKERS = 1_024;
  private static final int MAX_FLOWS = 10_000_000;
  private static final int MAX_KEY = 64;
  private static final Set<String> LATER_KEYS = Set.of("quic-connection-id", "dns-name");

  private final Names known;
  private final Conflicts conflicts = new Conflicts();

  Schema(Names known) {
    this.known = known;
  }

  /** The whole file; {@code sluice} is all there may be in it. */
  SluiceConfig file(Cursor file) {
    file.value(ROOT);
    file.reportUnknown();
    if (file.has(ROOT)) {
      return file.section(ROOT, this::sluice);
    }
    file.problem(ROOT, "is missing: everything stands under sluice { ... }");
    return sluice(Cursor.silent(ROOT, new Spot("", 0, ROOT)));
  }

  private SluiceConfig sluice(Cursor in) {
    Duration drainTimeout = in.duration("drain-timeout", Duration.ofSeconds(10));
    Workers workers = in.section("workers", Schema::workers);
    List<Front> fronts = in.someNamed("fronts", "fronts { dns { ... } }", this::front);
    List<Pool> pools = in.someNamed("pools", "pools { resolvers { ... } }", this::pool);
    Admin admin = in.section("admin", AdminSchema::read);
    List<Echo> echoes = in.named("echo", this::echo);
    conflicts.pools(pools.stream().map(Pool::name).collect(toSet()));
    return new SluiceConfig(
        drainTimeout,
        workers,
        sorted(fronts, Front::name),
        sorted(pools, Pool::name),
        admin,
        TraceSchema.accessLog(in),
        in.section("recorder", TraceSchema::recorder),
        in.flag("watch", false),
        sorted(echoes, Echo::name));
  }

  private static <T> List<T> sorted(List<T> named, Function<T, String> name) {
    return named.stream().sorted(comparing(name)).toList();
  }

  private static Workers workers(Cursor in) {
    int asked = in.count("max", 0, MAX_WORKERS, 0);
    int max = asked == 0 ? Runtime.getRuntime().availableProcessors() : asked;
    int min = in.count("min", 1, MAX_WORKERS, 1);
    if (min > max) {
      in.problem(
          "min", "must be at most max, which is " + max + (asked == 0 ? " (one a core)" : ""));
    }
    return new Workers(min, max);
  }

  private Front front(String name, Value value) {
    return value.section(
        in -> {
          in.later("routes");
          in.later("per-datagram", "false");
          in.later("client-address", "none");
          in.later("accept-client-address", "none");
          List<InetSocketAddress> listen = listen(in);
          boolean oneWay = in.flag("one-way", false);
          int maxDatagram = in.bytes("max-datagram", 1, MAX_DATAGRAM, 1_500);
          return new Front(
              name,
              listen,
              pool(in, maxDatagram),
              maxDatagram,
              peerSockets(in, oneWay),
              oneWay,
              in.section("flows", Schema::flows),
              FilterSchema.read(in, known.filters()));
        });
  }

  private static PeerSockets peerSockets(Cursor in, boolean oneWay) {
    String peerSockets = in.word("peer-sockets", "shared", Set.of("shared", "connected"), Set.of());
    if (oneWay && peerSockets.equals("connected")) {
      in.problem(
          "peer-sockets",
          "connected is for clients that are answered; with one-way = true leave it out");
    }
    return PeerSockets.valueOf(peerSockets.toUpperCase(Locale.ROOT));
  }

  private List<InetSocketAddress> listen(Cursor in) {
    Value value = in.required("listen", "listen = [\"0.0.0.0:5300\", \"[::]:5300\"]");
    List<Value> elements = value == null ? null : value.elements();
    if (value == null || elements == null) {
      return List.of();
    }
    if (elements.isEmpty()) {
      value.problem("needs at least one address, e.g. [\"0.0.0.0:5300\"]");
    }
    List<InetSocketAddress> listen = new ArrayList<>();
    for (Value element : elements) {
      InetSocketAddress address = element.address(0);
      if (address != null) {
        conflicts.listen(element, address);
        listen.add(address);
      }
    }
    return List.copyOf(listen);
  }

  private String pool(Cursor in, int maxDatagram) {
    Value value = in.required("pool", "pool = resolvers");
    String pool = value == null ? null : value.text();
    if (value == null || pool == null) {
      return "";
    }
    conflicts.front(value, pool, maxDatagram);
    return pool;
  }

  private static Flows flows(Cursor in) {
    in.later("max-per-source", "0");
    int max = in.count("max", 1, MAX_FLOWS, 100_000);
    Duration idle = in.duration("idle-timeout", Duration.ofSeconds(60));
    // the smaller defaults give way to what is set beside them, so that nobody must set both
    Duration unassured = in.duration("unassured-timeout", least(Duration.ofSeconds(5), idle));
    int unassuredMax = in.count("unassured-max", 1, MAX_FLOWS, Math.min(10_000, max));
    if (unassured.compareTo(idle) > 0) {
      in.problem("unassured-timeout", "must not exceed idle-timeout");
    }
    if (unassuredMax > max) {
      in.problem("unassured-max", "must not exceed max, which is " + max);
    }
    return new Flows(
        max, idle, unassured, unassuredMax, in.count("new-per-second", 1, MAX_FLOWS, 20_000));
  }

  private Pool pool(String name, Value value) {
    return value.section(
        in -> {
          Optional<Discovery> discovery = DiscoverySchema.read(in);
          List<Backend> backends = sorted(backends(in, discovery.isPresent()), Backend::name);
          return new Pool(
              name,
              in.section("balance", this::balance),
              in.section("affinity", a -> affinity(name, a)),
              backends,
              discovery,
              sourceAddresses(in, backends, discovery.isPresent()),
              in.section("health", this::health),
              in.flag("repeatable", true),
              in.section("rehome", Schema::rehome),
              in.durationOrNone("slow-start", Duration.ZERO));
        });
  }

  private Balance balance(Cursor in) {
    String policy = in.word("policy", "maglev", known.policies(), Set.of());
    Value value = in.value("by");
    if (value != null && !policy.equals("least-load")) {
      value.problem("goes with policy = least-load, not with " + policy);
    }
    String by =
        policy.equals("least-load")
            ? in.word("by", "flows", Set.of("flows", "latency"), Set.of())
            : "flows";
    return new Balance(policy, Load.valueOf(by.toUpperCase(Locale.ROOT)));
  }

  private static Rehome rehome(Cursor in) {
    return new Rehome(in.count("per-second", 1, MAX_FLOWS, 5_000), in.flag("return", false));
  }

  private List<Backend> backends(Cursor in, boolean mayBeNone) {
    Conflicts.Backends addresses = conflicts.backends();
    BiFunction<String, Value, Backend> read =
        (name, value) -> value.section(b -> backend(name, b, addresses));
    return mayBeNone
        ? in.named("backends", read)
        : in.someNamed("backends", "backends { a { address = \"192.0.2.1:53\" } }", read);
  }

  private static Backend backend(String name, Cursor in, Conflicts.Backends addresses) {
    Value value = in.required("address", "address = \"192.0.2.1:53\"");
    InetSocketAddress address = value == null ? null : value.address(1);
    if (value != null && address != null) {
      addresses.add(value, address);
    }
    return new Backend(
        name, address == null ? Cursor.NOWHERE : address, in.count("weight", 1, 1_000, 1));
  }

  /** Whether the machine has them is seen when it starts: the configuration may be another's. */
  private static List<InetAddress> sourceAddresses(
      Cursor in, List<Backend> backends, boolean maybeOthers) {
    Value value = in.value("source-addresses");
    List<Value> elements = value == null ? null : value.elements();
    Map<String, InetAddress> sources = new LinkedHashMap<>(); // as text, which tells scopes apart
    for (Value element : elements == null ? List.<Value>of() : elements) {
      InetAddress ip = element.ip();
      if (ip == null) {
        continue;
      }
      if (!Endpoint.isOneHost(new InetSocketAddress(ip, 0))) {
        element.problem(element.shown() + " is no address of one host");
      } else if (sources.putIfAbsent(ip.getHostAddress(), ip) != null) {
        element.problem(element.shown() + " stands here twice");
      } else if (!maybeOthers
          && backends.stream().noneMatch(backend -> mayLeaveFrom(ip, backend.address()))) {
        element.problem(
            element.shown()
                + " is of another family than every backend: no flow could leave from it");
      }
    }
    return List.copyOf(sources.values());
  }

  private static boolean mayLeaveFrom(InetAddress source, InetSocketAddress backend) {
    return backend.isUnresolved() // and so reported already
        || source.getClass() == backend.getAddress().getClass();
  }

  private Affinity affinity(String pool, Cursor in) {
    String key = affinityKey(in);
    int offset = option(in, "offset", key, "payload", 0, MAX_DATAGRAM - 1, 0);
    int length = option(in, "length", key, "payload", 1, MAX_KEY, 0);
    if (key.equals("payload")) {
      in.required("offset", PAYLOAD_FORM);
      if (in.required("length", PAYLOAD_FORM) != null) {
        conflicts.payload(pool, in, offset + length);
      }
    }
    return new Affinity(
        key,
        offset,
        length,
        option(in, "prefix-v4", key, "source-prefix", 1, 32, 24),
        option(in, "prefix-v6", key, "source-prefix", 1, 128, 56));
  }

  private String affinityKey(Cursor in) {
    String otherwise = "source-address";
    Value value = in.value("key");
    if (value != null && value.isObject()) {
      boolean payload = value.mentions("payload");
      value.problem(
          "must be one word: write " + (payload ? PAYLOAD_FORM : "affinity { key = source-ip }"));
      return otherwise;
    }
    return in.word("key", otherwise, known.affinityKeys(), LATER_KEYS);
  }

  /** An option of one affinity key; beside another it would do nothing, without a word. */
  private static int option(
      Cursor in, String option, String key, String itsKey, int min, int max, int otherwise) {
    Value value = in.value(option);
    if (value != null && !key.equals(itsKey)) {
      value.problem("goes with key = " + itsKey + ", not with " + key);
    }
    return key.equals(itsKey) ? in.count(option, min, max, otherwise) : otherwise;
  }

  private Health health(Cursor in) {
    Passive passive = in.section("passive", Schema::passive);
    String none = in.word("when-none-eligible", "all", Set.of("all", "drop"), Set.of());
    return new Health(
        ProbeSchema.read(in, known.probes()),
        passive,
        WhenNoneEligible.valueOf(none.toUpperCase(Locale.ROOT)));
  }

  private static Passive passive(Cursor in) {
    Duration ejectFor = in.duration("eject-for", Duration.ofSeconds(5));
    Duration ejectMax = in.duration("eject-max", most(Duration.ofMinutes(5), ejectFor));
    if (ejectMax.compareTo(ejectFor) < 0) {
      in.problem("eject-max", "must not be shorter than eject-for, the first ejection");
    }
    return new Passive(
        in.flag("icmp", true),
        in.count("fall", 1, 1_000, 3),
        in.duration("window", Duration.ofSeconds(10)),
        in.flag("reply-ratio", true),
        in.count("min-requests", 1, 1_000_000, 10),
        in.duration("stall-timeout", Duration.ofSeconds(3)),
        ejectFor,
        ejectMax,
        in.count("max-ejected", 1, 100, 50));
  }

  private static Duration least(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? a : b;
  }

  private static Duration most(Duration a, Duration b) {
    return a.compareTo(b) > 0 ? a : b;
  }

  private Echo echo(String name, Value value) {
    InetSocketAddress address = value.address(1);
    if (address == null) {
      return new Echo(name, Cursor.NOWHERE);
    }
    if (!address.getAddress().isLoopbackAddress()) {
      value.problem("echo backends are for trying out: use 127.0.0.1 or [::1]");
    }
    conflicts.echo(value, address);
    return new Echo(name, address);
  }
}
