package io.sluice;

import io.prometheus.client.CollectorRegistry;
import io.sluice.Appliance.Applied;
import io.sluice.Appliance.ConfigStatus;
import io.sluice.StateFile.Put;
import io.sluice.StateFile.Ref;
import io.sluice.StateFile.State;
import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Names;
import io.sluice.config.Origin;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.discovery.Finding.Server;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The one door by which another configuration comes into force, whoever brings it, one at a time:
 * it is checked as a whole, then put in force as a whole, or nothing changes (docs/adr/0016).
 *
 * <p>What is in force is a <em>base</em>, the file or what was put in its place, and over it what
 * was changed of single backends since.
 */
final class Door implements Discovering.Entrance, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Door.class);

  /** What is in force. */
  private record InForce(Document document, String source, Instant since) {
    SluiceConfig config() {
      return document.config();
    }
  }

  private final Plant plant;
  private final Names known;
  private final InstantSource clock;
  private final List<Path> files;
  private final Kept kept;
  private final Outcomes outcomes;
  private final List<Consumer<Document>> told = new CopyOnWriteArrayList<>();
  private final List<Consumer<InvalidConfig>> warned = new CopyOnWriteArrayList<>();

  private Document base;
  private boolean closed;
  private volatile Findings findings = Findings.NONE;
  private volatile InForce now;

  /**
   * @param first what the file says, or whatever takes its place
   */
  Door(Document first, Plant plant, Names known, CollectorRegistry metrics, InstantSource clock) {
    this.plant = plant;
    this.known = known;
    this.clock = clock;
    files = first.files();
    kept = new Kept(first.config().admin().stateFile().map(path -> new StateFile(path, clock)));
    outcomes = new Outcomes(metrics, plant.journal);
    base = first;
    now = new InForce(first, source(), clock.instant());
  }

  private String source() {
    return files.isEmpty() ? "at start" : files.getFirst().toString();
  }

  /**
   * Opens everything: as the state file says, where that has something to say.
   *
   * @throws StartFailure with nothing left open
   */
  synchronized void open() throws StartFailure {
    State was = kept.read();
    if (!was.equals(State.NOTHING)) {
      try {
        restore(was);
        return;
      } catch (InvalidConfig | Refused e) {
        kept.setAside(String.valueOf(e.getMessage()));
      } catch (StartFailure e) {
        // Where the file does not start either, it is not the state file's fault.
        plant.become(findings.over(now.config(), Set.of()));
        kept.setAside(String.valueOf(e.getMessage()));
        return;
      }
    }
    plant.become(findings.over(now.config(), Set.of()));
  }

  private void restore(State was) throws InvalidConfig, Refused, StartFailure {
    Document from = base;
    if (was.configuration().isPresent()) {
      Put put = was.configuration().get();
      from = Document.restore("state file", put.text(), known);
      Diff diff = Diff.between(base.config(), from.config());
      if (!diff.restarts().isEmpty()) {
        throw new Refused("it does not fit the file: " + String.join("; ", diff.restarts()));
      }
      log.warn(
          "in force is what was put at {}, not {}: reload (SIGHUP) to go back to the file",
          put.at(),
          source());
    }
    Overlay.Laid laid = was.overlay().over(from);
    laid.givenUp().forEach(line -> log.warn("state file: {}", line));
    laid.kept().changes().forEach(change -> log.info("as was changed at run time: {}", change));
    was.drained().forEach(ref -> log.info("as was wished at run time: {} is drained", ref));
    plant.become(findings.over(laid.document().config(), was.drained()));
    base = from;
    kept.restored(new State(was.configuration(), laid.kept(), was.drained()));
    now =
        new InForce(laid.document(), was.configuration().isPresent() ? "PUT" : source(), now.since);
  }

  ConfigStatus status() {
    InForce current = now;
    return new ConfigStatus(
        current.document.version(), current.source, current.since, current.document.effective());
  }

  @Override
  public SluiceConfig config() {
    return now.config();
  }

  /** Tells of what is in force now, and of everything that comes into force, in that order. */
  synchronized void onApplied(Consumer<Document> each) {
    told.add(each);
    tell(each);
  }

  /** Tells of everything that is wrong. */
  void onInvalid(Consumer<InvalidConfig> each) {
    warned.add(each);
  }

  List<Problem> validate(String hocon) {
    try {
      Document.parse("configuration", hocon, known, Optional.of(now.document));
      return List.of();
    } catch (InvalidConfig e) {
      return e.problems();
    }
  }

  synchronized Applied configure(String hocon, Consumer<ConfigStatus> condition)
      throws InvalidConfig, Refused {
    condition.accept(status());
    Document put =
        checked(
            "PUT", () -> Document.parse("configuration", hocon, known, Optional.of(now.document)));
    State next =
        new State(
            Optional.of(new Put(put.text(), clock.instant())),
            Overlay.NONE,
            kept.state().drained());
    return enter("PUT", put, put, next, List.of());
  }

  synchronized Applied reload() throws InvalidConfig, Refused {
    if (files.isEmpty()) {
      throw refused(
          "reload", new Refused("there is no file to reload: the configuration was none"));
    }
    Document read = checked(source(), () -> Document.read(files.getFirst(), known));
    Overlay.Laid laid = kept.state().overlay().over(read);
    List<String> said = new ArrayList<>();
    kept.state()
        .configuration()
        .ifPresent(put -> said.add("what was put at " + put.at() + " is given up for the file"));
    said.addAll(laid.givenUp());
    State next = new State(Optional.empty(), laid.kept(), kept.state().drained());
    return enter(source(), laid.document(), read, next, said);
  }

  synchronized Applied change(
      String pool, String backend, UnaryOperator<Optional<SluiceConfig.Backend>> edit)
      throws InvalidConfig, Refused {
    SluiceConfig config = config();
    if (config.pools().stream().noneMatch(each -> each.name().equals(pool))) {
      throw new IllegalArgumentException("no pool '" + pool + "'");
    }
    Optional<SluiceConfig.Backend> is = Overlay.find(config, pool, backend);
    if (is.isEmpty() && findings.has(pool, backend)) {
      throw new Refused(
          ("'%s' is not configured, but was found: change it where it was found, drain it, or"
                  + " configure one with its address under another name")
              .formatted(backend));
    }
    Optional<SluiceConfig.Backend> to = edit.apply(is);
    Document changed = checked(pool + "/" + backend, () -> now.document.with(pool, backend, to));
    Overlay overlay = kept.state().overlay().with(base.config(), pool, backend, to);
    State next = new State(kept.state().configuration(), overlay, kept.state().drained());
    return enter(now.source, changed, base, next, List.of());
  }

  private interface Reading {
    Document read() throws InvalidConfig;
  }

  private Document checked(String subject, Reading reading) throws InvalidConfig {
    try {
      return reading.read();
    } catch (InvalidConfig e) {
      outcomes.enter(
          Outcomes.Result.INVALID, subject, e.problems().stream().map(Problem::toString).toList());
      warned.forEach(each -> each.accept(e));
      throw e;
    }
  }

  /**
   * Puts a document in force.
   *
   * @param from what is the base then
   * @param said what to tell beside the difference
   */
  private Applied enter(String source, Document next, Document from, State then, List<String> said)
      throws Refused {
    Diff diff = Diff.between(config(), next.config());
    if (closed) {
      throw refused(source, new Refused("Sluice is stopping"));
    }
    if (!diff.restarts().isEmpty()) {
      throw refused(
          source,
          new Refused(
              "cannot change while running: "
                  + String.join("; ", diff.restarts())
                  + ": restart Sluice for that, or leave it as it was"));
    }
    Findings found = findings.in(next.config());
    try {
      plant.become(found.over(next.config(), then.drained()));
    } catch (StartFailure e) {
      throw refused(source, new Refused(String.valueOf(e.getMessage()), e));
    }
    List<String> changes = new ArrayList<>(diff.changes());
    changes.addAll(said);
    findings = found;
    base = from;
    now = new InForce(next, source, changes.isEmpty() ? now.since : clock.instant());
    List<String> warnings = keep(then);
    outcomes.enter(
        changes.isEmpty() ? Outcomes.Result.UNCHANGED : Outcomes.Result.APPLIED,
        source,
        Stream.concat(changes.stream(), warnings.stream()).toList());
    told.forEach(this::tell);
    return new Applied(next.version(), changes, warnings);
  }

  private Refused refused(String source, Refused why) {
    outcomes.enter(Outcomes.Result.REFUSED, source, List.of(String.valueOf(why.getMessage())));
    return why;
  }

  /** What is in force must not depend on who hears of it. */
  private void tell(Consumer<Document> each) {
    try {
      each.accept(now.document);
    } catch (RuntimeException e) {
      log.error("another configuration is in force, but not all have followed", e);
    }
  }

  /**
   * What an operator wants of a backend: done, and kept, in one turn, or two who want opposites
   * could leave the pool with the one and the state file with the other. Returns what else to know.
   */
  synchronized List<String> drained(String pool, String backend, boolean really, Runnable done) {
    SortedSet<Ref> drained = new TreeSet<>(kept.state().drained());
    Ref ref = new Ref(pool, backend);
    // One that is found no longer cannot be told, but it must not come back drained.
    if (really || !drained.contains(ref) || isThere(ref)) {
      done.run();
    }
    return (really ? drained.add(ref) : drained.remove(ref))
        ? keep(new State(kept.state().configuration(), kept.state().overlay(), drained))
        : List.of();
  }

  /** Returns what else to know. */
  private List<String> keep(State next) {
    return kept.keep(next, this::isKnown, this::isThere);
  }

  /** Where backends are found, one that is not there may come back. */
  private boolean isKnown(Ref ref) {
    return Overlay.find(config(), ref.pool(), ref.backend()).isPresent()
        || discovery(ref.pool()).isPresent();
  }

  private Optional<SluiceConfig.Discovery> discovery(String pool) {
    return config().pools().stream()
        .filter(each -> each.name().equals(pool))
        .findFirst()
        .flatMap(SluiceConfig.Pool::discovery);
  }

  private boolean isThere(Ref ref) {
    return running(ref.pool()).anyMatch(each -> each.name().equals(ref.backend()));
  }

  private Stream<Backend> running(String pool) {
    Pool running = plant.pools.get(pool);
    return running == null ? Stream.empty() : running.backends().stream();
  }

  /** Who was found of late. */
  @Override
  public Findings findings() {
    return findings;
  }

  /**
   * Puts in force what was found of a pool, unless it finds its backends elsewhere by now.
   *
   * @throws Refused when it cannot be put in force; nothing has changed
   */
  @Override
  public synchronized void found(String pool, Origin by, List<Server> servers) throws Refused {
    Optional<SluiceConfig.Discovery> asked =
        discovery(pool).filter(each -> each.origin().equals(by));
    if (asked.isPresent()) {
      become(findings.with(pool, asked.get(), servers, clock.instant()));
    }
  }

  /** Removes backends that are found no longer, once their flows or their time are over. */
  @Override
  public synchronized void sweep() throws Refused {
    Instant at = clock.instant();
    become(
        findings.without(
            (pool, leaving) -> !leaving.until().isAfter(at) || isIdle(pool, leaving.server())));
  }

  private boolean isIdle(String pool, Server server) {
    return running(pool)
        .noneMatch(each -> each.address().equals(server.address()) && each.load() > 0);
  }

  private void become(Findings next) throws Refused {
    if (closed) {
      throw new Refused("Sluice is stopping");
    }
    try {
      if (!next.equals(findings)) {
        plant.become(next.over(config(), kept.state().drained()));
        findings = next;
      }
    } catch (StartFailure e) {
      throw new Refused(String.valueOf(e.getMessage()), e);
    }
  }

  /** From now on nothing comes in; returns when nothing is coming in. */
  @Override
  public synchronized void close() {
    closed = true;
  }
}
