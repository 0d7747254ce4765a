package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import io.prometheus.client.Gauge;
import io.sluice.Appliance.DiscoveryStatus;
import io.sluice.config.Document;
import io.sluice.config.Origin;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Discovery;
import io.sluice.discovery.Finding;
import io.sluice.discovery.Finding.Server;
import io.sluice.metrics.Journal;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks for the backends of those pools that want it, and brings what is found to the door: at most
 * once a second a pool, and only what differs. What fails changes nothing, and is told once.
 */
final class Discovering implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Discovering.class);

  /** Both how often a pool may change, and how often those are looked at that are to leave. */
  private static final long PACE_MS = 1_000;

  /** So long the appliance waits for a first finding before it calls itself ready without. */
  private static final Duration WARM_UP = Duration.ofSeconds(15);

  /** How long what was refused waits at most until it is tried again. */
  private static final long MOST_BACK_OFF_MS = 30_000;

  private static final int MOST_NAMES = 10;

  /** What could forge a line of the log, or drive a terminal. */
  private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]");

  private enum Result {
    CHANGED,
    UNCHANGED,
    FAILED,
    REFUSED
  }

  /** How the door takes what is found. */
  interface Entrance {
    void found(String pool, Origin by, List<Server> servers) throws Refused;

    void sweep() throws Refused;

    SluiceConfig config();

    Findings findings();
  }

  private final Entrance door;
  private final Function<Origin, Discovery> discoveries;
  private final ScheduledExecutorService timer;
  private final Journal journal;
  private final InstantSource clock;
  private final Instant startedAt;
  private final Counter updates;
  private final Gauge found;
  private final Gauge foundAt;
  private final Map<String, Search> searches = new ConcurrentSkipListMap<>();
  private boolean sweeping;

  Discovering(
      Entrance door,
      Function<Origin, Discovery> discoveries,
      ScheduledExecutorService timer,
      Journal journal,
      CollectorRegistry metrics,
      InstantSource clock) {
    this.door = door;
    this.discoveries = discoveries;
    this.timer = timer;
    this.journal = journal;
    this.clock = clock;
    startedAt = clock.instant();
    updates =
        Counter.build("sluice_discovery_updates_total", "Looks for backends, by what came of it.")
            .labelNames("pool", "result")
            .register(metrics);
    found =
        Gauge.build("sluice_discovery_backends", "Backends found at the last look that found any.")
            .labelNames("pool")
            .register(metrics);
    foundAt =
        Gauge.build(
                "sluice_discovery_found_timestamp_seconds",
                "When backends were last found; 0: never.")
            .labelNames("pool")
            .register(metrics);
  }

  /** One pool's. */
  private final class Search {
    private final String pool;
    private final Origin origin;
    private final Discovery discovery;
    private volatile DiscoveryStatus status;

    // the timer's alone
    private Optional<Finding.Found> waiting = Optional.empty();
    private Optional<Future<?>> entering = Optional.empty();
    private Instant lastTry = Instant.EPOCH;
    private int refusals;
    private Optional<Instant> nextAt = Optional.empty();
    private volatile boolean closed;

    Search(String pool, Origin origin) {
      this.pool = pool;
      this.origin = origin;
      discovery = discoveries.apply(origin);
      int inForce = door.findings().of(pool).servers().size(); // another origin's
      status =
          new DiscoveryStatus(
              origin.kind(),
              origin.wanted(),
              inForce,
              Optional.empty(),
              Optional.empty(),
              Optional.empty(),
              Optional.empty());
      for (Result result : Result.values()) {
        count(result, 0);
      }
      found.labels(pool).set(inForce);
      foundAt.labels(pool).set(0);
      discovery.start(this::take);
    }

    private void count(Result result, int by) {
      updates.labels(pool, result.name().toLowerCase(Locale.ROOT)).inc(by);
    }

    private void take(Finding finding) {
      if (closed) {
        return;
      }
      nextAt = finding.next().map(clock.instant()::plus);
      switch (finding) {
        case Finding.Found some -> {
          waiting = Optional.of(some);
          enterIn(Math.max(0, PACE_MS - sinceLastTryMs()));
        }
        case Finding.Failed failed -> failed(Result.FAILED, failed.why());
      }
    }

    private long sinceLastTryMs() {
      return Math.max(0, Duration.between(lastTry, clock.instant()).toMillis());
    }

    private void enterIn(long millis) {
      entering.ifPresent(earlier -> earlier.cancel(false));
      entering = later(millis, this::enter);
    }

    private void enter() {
      Optional<Finding.Found> some = waiting;
      waiting = Optional.empty();
      if (closed || some.isEmpty()) {
        return;
      }
      try {
        enter(some.get());
        refusals = 0;
      } catch (Throwable e) { // an Error would end the looking, and nobody would hear of it
        failed(Result.REFUSED, "found, but not put in force: " + why(e));
        // Somebody who looks only when there is something new does not find it again.
        waiting = some;
        enterIn(Math.min(MOST_BACK_OFF_MS, PACE_MS << Math.min(refusals++, 5)));
      }
    }

    private void enter(Finding.Found some) throws Refused {
      Findings.Fits fits = Findings.Fits.in(door.config());
      if (some.servers().stream().noneMatch(server -> fits.unfit(server.address()).isEmpty())) {
        failed(Result.FAILED, "none that is found can be a backend: " + join(leftOut(some, fits)));
        return;
      }
      List<Server> before = door.findings().of(pool).servers();
      boolean same = before.equals(some.servers());
      if (!same) {
        lastTry = clock.instant();
        door.found(pool, origin, some.servers());
        sweepLater();
      }
      entered(some, before, same, fits);
    }

    /** Nothing of it, if another configuration has closed this meanwhile. */
    private synchronized void entered(
        Finding.Found some, List<Server> before, boolean same, Findings.Fits fits) {
      if (closed) {
        return;
      }
      boolean recovered = status.error().isPresent();
      Instant now = clock.instant();
      status =
          new DiscoveryStatus(
              origin.kind(),
              origin.wanted(),
              some.servers().size(),
              Optional.of(now),
              Optional.empty(),
              status.failedAt(),
              nextAt);
      found.labels(pool).set(some.servers().size());
      foundAt.labels(pool).set(now.toEpochMilli() / 1e3);
      count(same ? Result.UNCHANGED : Result.CHANGED, 1);
      if (!same) {
        tell("CHANGED", words(before, some, fits));
      } else if (recovered) {
        tell("RECOVERED", some.servers().size() + " backends, as before");
      }
    }

    /** Told once, however often it fails the same way. */
    private synchronized void failed(Result result, String said) {
      if (closed) {
        return;
      }
      String why = printable(said);
      boolean told = status.error().equals(Optional.of(why));
      status =
          new DiscoveryStatus(
              origin.kind(),
              origin.wanted(),
              status.found(),
              status.foundAt(),
              Optional.of(why),
              Optional.of(clock.instant()),
              nextAt);
      count(result, 1);
      if (!told) {
        int kept = door.findings().of(pool).servers().size();
        tell(result.name(), why + (kept > 0 ? "; keeping the " + kept + " found last" : ""));
      }
    }

    private void tell(String what, String said) {
      String why = printable(said);
      journal.enter(Journal.Kind.DISCOVERY, pool, what, why);
      boolean well = what.equals("CHANGED") || what.equals("RECOVERED");
      log.atLevel(well ? org.slf4j.event.Level.INFO : org.slf4j.event.Level.WARN)
          .log("pool {}: {} by {}: {}", pool, what, origin.kind(), why);
    }

    private static String words(List<Server> before, Finding.Found some, Findings.Fits fits) {
      List<String> words = new ArrayList<>();
      words.add(some.servers().size() + " backends");
      names("come", some.servers(), before, words);
      names("gone", before, some.servers(), words);
      leftOut(some, fits).forEach(each -> words.add("left out " + each));
      words.addAll(some.asides());
      return join(words);
    }

    private static List<String> leftOut(Finding.Found some, Findings.Fits fits) {
      List<String> words = new ArrayList<>();
      for (Server server : some.servers()) {
        fits.unfit(server.address()).ifPresent(why -> words.add(server.name() + ", which " + why));
      }
      return words;
    }

    private static String join(List<String> words) {
      return String.join("; ", words.subList(0, Math.min(words.size(), MOST_NAMES)));
    }

    private static void names(
        String what, List<Server> of, List<Server> without, List<String> words) {
      List<String> names =
          of.stream()
              .map(Server::name)
              .filter(name -> without.stream().noneMatch(other -> other.name().equals(name)))
              .toList();
      if (!names.isEmpty()) {
        String more =
            names.size() > MOST_NAMES ? " and " + (names.size() - MOST_NAMES) + " more" : "";
        words.add(
            what
                + ": "
                + String.join(", ", names.subList(0, Math.min(names.size(), MOST_NAMES)))
                + more);
      }
    }

    void close() {
      closed = true;
      discovery.close();
      removeMetrics();
    }

    private synchronized void removeMetrics() {
      for (Result result : Result.values()) {
        updates.remove(pool, result.name().toLowerCase(Locale.ROOT));
      }
      found.remove(pool);
      foundAt.remove(pool);
    }
  }

  /** What was refused says so in words for a person, what failed may have none. */
  private static String why(Throwable e) {
    return e instanceof Refused ? String.valueOf(e.getMessage()) : e.toString();
  }

  /** For what comes from name servers and other hosts. */
  private static String printable(String text) {
    return UNPRINTABLE
        .matcher(text)
        .replaceAll(
            each -> Matcher.quoteReplacement("\\u%04x".formatted(each.group().codePointAt(0))));
  }

  /** Looks for what a configuration wants to be looked for; told whenever there is another. */
  void follow(Document document) {
    Map<String, Origin> wanted = new ConcurrentSkipListMap<>();
    for (SluiceConfig.Pool pool : document.config().pools()) {
      pool.discovery().ifPresent(by -> wanted.put(pool.name(), by.origin()));
    }
    searches.forEach(
        (pool, search) -> {
          if (!search.origin.equals(wanted.get(pool))) {
            searches.remove(pool);
            search.close();
          }
        });
    wanted.forEach((pool, origin) -> searches.computeIfAbsent(pool, _ -> new Search(pool, origin)));
  }

  Optional<DiscoveryStatus> status(String pool) {
    return Optional.ofNullable(searches.get(pool)).map(search -> search.status);
  }

  /**
   * Whether there is, at the start, a pool without any backend, because none was found yet. Not for
   * long: one that is never found must not keep the others from clients.
   */
  boolean isWarmingUp() {
    return Duration.between(startedAt, clock.instant()).compareTo(WARM_UP) < 0
        && door.config().pools().stream()
            .filter(pool -> pool.discovery().isPresent() && pool.backends().isEmpty())
            .anyMatch(pool -> door.findings().of(pool.name()).servers().isEmpty());
  }

  /** As long as there are some that are to leave. */
  private void sweepLater() {
    if (!sweeping && door.findings().anyLeaving()) {
      sweeping = true;
      var _ = later(PACE_MS, this::sweep);
    }
  }

  private void sweep() {
    sweeping = false;
    try {
      door.sweep();
    } catch (Throwable e) { // or nobody would be swept ever again
      log.warn("backends that are found no longer cannot be removed yet: {}", why(e));
    }
    sweepLater();
  }

  private Optional<Future<?>> later(long millis, Runnable step) {
    return timer.isShutdown()
        ? Optional.empty()
        : Optional.of(timer.schedule(step, millis, TimeUnit.MILLISECONDS));
  }

  /** Nothing is looked for any longer. */
  @Override
  public void close() {
    searches.values().forEach(Search::close);
    searches.clear();
  }
}
