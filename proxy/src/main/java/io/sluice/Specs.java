package io.sluice;

import io.sluice.affinity.KeyExtractor;
import io.sluice.affinity.Keys;
import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.config.SluiceConfig;
import io.sluice.filter.Chain;
import io.sluice.flow.Course;
import io.sluice.flow.Limits;
import io.sluice.front.Front;
import io.sluice.metrics.Journal;
import io.sluice.net.Address;
import io.sluice.net.Dialer;
import io.sluice.pool.Pool;
import io.sluice.pool.Probing;
import io.sluice.pool.Rules;
import io.sluice.pool.Silence;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ScheduledExecutorService;

/** From what a configuration says to what the rooms want to know. */
final class Specs {
  private Specs() {}

  /**
   * Opens a pool.
   *
   * @throws StartFailure when its policy fails on its backends
   */
  static Pool open(
      SluiceConfig.Pool pool,
      Pool.Spec spec,
      int workers,
      ScheduledExecutorService control,
      Journal journal)
      throws StartFailure {
    try {
      return Pool.open(spec, workers, control, System::nanoTime, journal);
    } catch (RuntimeException | LinkageError | StackOverflowError | AssertionError e) {
      throw policyFailed(pool, e);
    }
  }

  static StartFailure policyFailed(SluiceConfig.Pool pool, Throwable e) {
    return new StartFailure(
        "pool '%s': balance policy '%s' failed on its backends: %s"
            .formatted(pool.name(), pool.balance().policy(), e),
        e);
  }

  /**
   * @param drained names of backends that an operator has drained
   * @param leaving which of its backends have to go, and why
   */
  static Pool.Spec pool(
      SluiceConfig.Pool pool, Set<String> drained, Map<String, String> leaving, Plugins plugins) {
    SluiceConfig.Health health = pool.health();
    SluiceConfig.Passive passive = health.passive();
    return new Pool.Spec(
        pool.name(),
        policy(pool.balance(), plugins),
        pool.backends().stream()
            .map(
                each ->
                    new Pool.Spec.Server(
                        each.name(),
                        each.address(),
                        each.weight(),
                        drained.contains(each.name()),
                        Optional.ofNullable(leaving.get(each.name()))))
            .toList(),
        new Rules(
            passive.icmp(),
            passive.fall(),
            passive.window(),
            passive.ejectFor(),
            passive.ejectMax()),
        new Silence(passive.replyRatio(), passive.minRequests(), passive.stallTimeout()),
        passive.maxEjected(),
        health.whenNoneEligible() == SluiceConfig.WhenNoneEligible.ALL,
        pool.repeatable(),
        pool.slowStart(),
        health.probe().map(probe -> new Probing(probe.rise(), probe.fall())).orElse(Probing.USUAL));
  }

  private static Balancer.Factory policy(SluiceConfig.Balance balance, Plugins plugins) {
    return balance.by() == SluiceConfig.Load.LATENCY
        ? Policies.leastLatency()
        : Objects.requireNonNull(plugins.balancers().get(balance.policy()), "checked when read");
  }

  /**
   * @param filters what it has of them
   */
  static Front.Spec front(
      SluiceConfig.Front front,
      SluiceConfig.Pool ofFront,
      Pool pool,
      Dialer dialer,
      List<Chain.Step> filters,
      Plugins plugins) {
    return new Front.Spec(
        front.name(),
        front.listen().stream().map(Address::of).toList(),
        limits(front, ofFront.rehome()),
        new Course(
            pool,
            dialer,
            affinity(ofFront.affinity(), plugins),
            front.maxDatagramBytes(),
            front.peerSockets() == SluiceConfig.PeerSockets.CONNECTED,
            filters));
  }

  private static Limits limits(SluiceConfig.Front front, SluiceConfig.Rehome rehome) {
    SluiceConfig.Flows flows = front.flows();
    return new Limits(
        flows.max(),
        flows.idleTimeout(),
        flows.unassuredTimeout(),
        flows.unassuredMax(),
        flows.newPerSecond(),
        front.oneWay(),
        rehome.perSecond(),
        rehome.back());
  }

  private static KeyExtractor affinity(SluiceConfig.Affinity affinity, Plugins plugins) {
    return switch (affinity.key()) {
      case "payload" -> Keys.payload(affinity.offset(), affinity.length());
      case "source-prefix" -> Keys.sourcePrefix(affinity.prefixV4(), affinity.prefixV6());
      default ->
          Objects.requireNonNull(plugins.keyExtractors().get(affinity.key()), "checked when read");
    };
  }
}
