package io.sluice;

import static java.util.function.Function.identity;
import static java.util.stream.Collectors.toMap;
import static java.util.stream.Collectors.toSet;

import io.sluice.StateFile.Ref;
import io.sluice.config.SluiceConfig;
import io.sluice.filter.Chain;
import io.sluice.front.Front;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.net.FrontSockets;
import io.sluice.net.OsException;
import io.sluice.pool.Pool;
import io.sluice.probe.Prober;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * From one configuration of the plant to the next: opens what can fail, swaps, and only then closes
 * what went. What is named alike is the same thing, and goes on.
 *
 * <p>An address that goes from one front to another is bound by both for a moment: the new sockets
 * are read once the old ones are closed.
 */
final class Transition implements AutoCloseable {
  /** Not for ever: control may be stopping. */
  private static final long CONTROL_SECONDS = 30;

  private final Plant plant;
  private final Optional<Aim> was;
  private final Aim aim;
  private final SluiceConfig next;
  private final Map<String, SluiceConfig.Pool> oldPools;
  private final Map<String, SluiceConfig.Front> oldFronts;
  private final Map<String, SluiceConfig.Pool> newPools;
  private final Map<String, SluiceConfig.Front> newFronts;

  private final Map<String, Pool> opened = new LinkedHashMap<>();
  private final Map<String, Pool.Spec> altered = new LinkedHashMap<>();
  private final Map<String, Dialer> dialers = new LinkedHashMap<>();
  private final Map<Front, Front.Change> changes = new LinkedHashMap<>();
  private boolean applied;

  Transition(Plant plant, Optional<Aim> was, Aim aim) {
    this.plant = plant;
    this.was = was;
    this.aim = aim;
    next = aim.config();
    oldPools = was.map(aimed -> pools(aimed.config())).orElse(Map.of());
    oldFronts = was.map(aimed -> fronts(aimed.config())).orElse(Map.of());
    newPools = pools(next);
    newFronts = fronts(next);
  }

  private static Map<String, SluiceConfig.Pool> pools(SluiceConfig config) {
    return config.pools().stream().collect(toMap(SluiceConfig.Pool::name, identity()));
  }

  private static Map<String, SluiceConfig.Front> fronts(SluiceConfig config) {
    return config.fronts().stream().collect(toMap(SluiceConfig.Front::name, identity()));
  }

  /**
   * Opens whatever is new.
   *
   * @throws StartFailure with words for a person; {@link #close} then undoes what was done
   */
  void open() throws StartFailure {
    requireRoom();
    for (SluiceConfig.Pool pool : next.pools()) {
      String name = pool.name();
      if (!pool.equals(oldPools.get(name)) || !aim.leaving(name).equals(leaving(name))) {
        open(pool);
      }
    }
    alterPools(false);
    List<Front.Spec> touched = new ArrayList<>();
    for (SluiceConfig.Front front : next.fronts()) {
      if (isTouched(front)) {
        touched.add(spec(front));
      }
    }
    // Those that share an address with sockets in use come last: what comes to theirs before they
    // are read would be lost if they were opened in vain.
    touched.sort(Comparator.comparing(this::shares));
    for (Front.Spec spec : touched) {
      open(spec);
    }
  }

  /** Who was already. */
  private Map<String, String> leaving(String pool) {
    return was.map(aimed -> aimed.leaving(pool)).orElse(Map.of());
  }

  /**
   * Who is out of memory can do nothing well, least of all go back. A quarter of it, because until
   * what went is closed there are the old ones and the new.
   */
  private void requireRoom() throws StartFailure {
    long bytes = 0;
    for (SluiceConfig.Pool pool : next.pools()) {
      List<Address> sources =
          pool.sourceAddresses().stream()
              .map(ip -> Address.of(new InetSocketAddress(ip, 0)))
              .toList();
      bytes += plant.ports.bytes(sources, addresses(pool));
    }
    long most = Runtime.getRuntime().maxMemory() / 4;
    if (bytes > most) {
      throw StartFailure.memory(bytes, most);
    }
  }

  private void open(SluiceConfig.Pool pool) throws StartFailure {
    makeReady(pool);
    Pool.Spec spec = spec(pool);
    if (oldPools.containsKey(pool.name())) {
      altered.put(pool.name(), spec);
    } else {
      int workers = plant.workers.count();
      opened.put(pool.name(), Specs.open(pool, spec, workers, plant.control, plant.journal));
    }
  }

  private Pool.Spec spec(SluiceConfig.Pool pool) {
    Set<String> names =
        aim.drained().stream()
            .filter(ref -> ref.pool().equals(pool.name()))
            .map(Ref::backend)
            .collect(toSet());
    return Specs.pool(pool, names, aim.leaving(pool.name()), plant.plugins);
  }

  private void makeReady(SluiceConfig.Pool pool) throws StartFailure {
    SluiceConfig.Pool was = oldPools.get(pool.name());
    Dialer dialer = plant.dialers.get(pool.name());
    if (was == null || dialer == null || !was.sourceAddresses().equals(pool.sourceAddresses())) {
      dialers.put(pool.name(), plant.ports.dialer(sources(pool), addresses(pool)));
    } else {
      dialer.makeReady(addresses(pool));
    }
  }

  private static List<Address> sources(SluiceConfig.Pool pool) throws StartFailure {
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
    return sources;
  }

  private static List<Address> addresses(SluiceConfig.Pool pool) {
    return pool.backends().stream().map(backend -> Address.of(backend.address())).toList();
  }

  private boolean isTouched(SluiceConfig.Front front) {
    return !front.equals(oldFronts.get(front.name()))
        || !Objects.equals(oldPools.get(front.pool()), newPools.get(front.pool()));
  }

  /** Whether a new address of it is, for now, another one's. */
  private boolean shares(Front.Spec spec) {
    List<Address> fresh = new ArrayList<>(spec.listen());
    front(spec.name()).ifPresent(front -> fresh.removeAll(front.listen()));
    return fresh.stream().anyMatch(address -> ours().anyMatch(address::overlaps));
  }

  /** Addresses that are bound now. */
  private Stream<Address> ours() {
    return Stream.concat(
        plant.fronts.stream().flatMap(front -> front.bound().stream()),
        changes.values().stream().flatMap(Front.Change::opened));
  }

  private Optional<Front> front(String name) {
    return plant.fronts.stream().filter(each -> each.name().equals(name)).findFirst();
  }

  private Front.Spec spec(SluiceConfig.Front front) {
    String pool = front.pool();
    return Specs.front(
        front,
        Objects.requireNonNull(newPools.get(pool), "checked when read"),
        Objects.requireNonNull(opened.getOrDefault(pool, plant.pools.get(pool)), "opened"),
        Objects.requireNonNull(dialers.getOrDefault(pool, plant.dialers.get(pool)), "made ready"),
        filters(front),
        plant.plugins);
  }

  /** The same ones where they are to be the same: they remember things. */
  private List<Chain.Step> filters(SluiceConfig.Front front) {
    SluiceConfig.Front was = oldFronts.get(front.name());
    boolean same = was != null && was.filters().equals(front.filters());
    return front(front.name())
        .filter(_ -> same)
        .map(running -> running.course().filters())
        .orElseGet(() -> plant.plugins.filters(front));
  }

  private void open(Front.Spec spec) throws StartFailure {
    Front front = front(spec.name()).orElseGet(() -> unopened(spec));
    try {
      changes.put(front, front.prepare(spec, ours().toList()));
    } catch (OsException e) {
      Address failed =
          spec.listen().stream()
              .filter(at -> String.valueOf(e.getMessage()).contains(at.toString()))
              .findFirst()
              .orElse(spec.listen().getFirst());
      throw StartFailure.bind(
          "front '" + spec.name() + "'", "udp", failed.toInetSocketAddress(), e);
    }
  }

  private Front unopened(Front.Spec spec) {
    return new Front(spec, plant.workers, plant.traces, System::nanoTime);
  }

  /**
   * Goes over to what was opened.
   *
   * @throws StartFailure when a policy that went well just now fails; then nothing has changed
   */
  void apply() throws StartFailure {
    alterPools(true);
    applied = true;
    plant.pools.putAll(opened);
    plant.dialers.putAll(dialers);
    newPools.values().forEach(this::probe);
    changes.values().forEach(Front.Change::apply);
    List<Front> gone =
        plant.fronts.stream().filter(front -> !newFronts.containsKey(front.name())).toList();
    gone.forEach(Front::close);
    plant.fronts.removeAll(gone);
    changes.keySet().stream()
        .filter(front -> !oldFronts.containsKey(front.name()))
        .forEach(plant.fronts::add);
    plant.fronts.forEach(front -> front.spread(plant.workers.active()));
    forget();
    plant.autoscaler.least(next.workers().min());
  }

  /**
   * All of them in one turn of control, or none.
   *
   * @param really or only to see whether they can
   */
  private void alterPools(boolean really) throws StartFailure {
    if (altered.isEmpty()) {
      return;
    }
    Future<?> done =
        plant.control.submit(
            () -> {
              List<Runnable> ready = prepared();
              if (really) {
                ready.forEach(Runnable::run);
              }
              return null;
            });
    try {
      done.get(CONTROL_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StartFailure failure) {
        throw failure;
      }
      throw new IllegalStateException(e);
    } catch (TimeoutException e) {
      done.cancel(true);
      throw new IllegalStateException("the control thread does not answer: this is a bug", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private List<Runnable> prepared() throws StartFailure {
    List<Runnable> ready = new ArrayList<>();
    for (Map.Entry<String, Pool.Spec> each : altered.entrySet()) {
      try {
        ready.add(pool(each.getKey()).prepare(each.getValue()));
      } catch (RuntimeException | LinkageError | StackOverflowError | AssertionError e) {
        throw Specs.policyFailed(Objects.requireNonNull(newPools.get(each.getKey())), e);
      }
    }
    return ready;
  }

  private Pool pool(String name) {
    return Objects.requireNonNull(plant.pools.get(name), name);
  }

  private void probe(SluiceConfig.Pool pool) {
    Optional<SluiceConfig.Probe> was =
        Optional.ofNullable(oldPools.get(pool.name())).flatMap(old -> old.health().probe());
    Optional<SluiceConfig.Probe> then = pool.health().probe();
    if (then.isPresent() && !then.equals(was)) {
      SluiceConfig.Probe probe = then.get();
      var _ =
          pool(pool.name())
              .probe(
                  plant.prober,
                  plant.plugins.probe(probe.check()),
                  new Prober.Pace(probe.interval(), probe.timeout()),
                  probe.port());
    } else if (then.isEmpty() && was.isPresent()) {
      var _ = pool(pool.name()).probeNoLonger();
    }
  }

  /** Closes pools that are gone, and the outlets to backends that nobody has any more. */
  private void forget() {
    for (String name : oldPools.keySet()) {
      if (!newPools.containsKey(name)) {
        pool(name).close();
        plant.pools.remove(name);
        plant.dialers.remove(name);
      }
    }
    plant.workers.onEach(worker -> {}); // whoever was opening a flow to one of them has done so
    newPools.forEach(
        (name, pool) ->
            Objects.requireNonNull(plant.dialers.get(name)).retain(Set.copyOf(addresses(pool))));
    plant.ports.tidy(plant.dialers.values());
  }

  /** Outlets that only the refused change wanted; no link was ever opened by them. */
  private void forgetMadeReady() {
    oldPools.forEach(
        (name, pool) ->
            Objects.requireNonNull(plant.dialers.get(name)).retain(Set.copyOf(addresses(pool))));
    plant.ports.tidy(plant.dialers.values());
  }

  /** Unless it was applied, all that was opened goes. */
  @Override
  public void close() {
    if (!applied) {
      changes.values().forEach(Front.Change::close);
      opened.values().forEach(Pool::close);
      forgetMadeReady();
    }
  }
}
