package io.sluice.pool;

import io.sluice.balance.Balancer;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A configuration to be, of backends of weight 1 at addresses of their own. */
record Change(
    Balancer.Factory policy,
    Rules rules,
    Probing probing,
    Silence silence,
    int maxEjected,
    Duration slowStart,
    UnaryOperator<Pool.Spec.Server> edit) {
  Change(Balancer.Factory policy, Rules rules) {
    this(policy, rules, Probing.USUAL, Silence.USUAL, 100, Duration.ZERO, server -> server);
  }

  Change with(Duration slow) {
    return new Change(policy, rules, probing, silence, maxEjected, slow, edit);
  }

  Change judging(Rules by, Probing and) {
    return new Change(policy, by, and, silence, maxEjected, slowStart, edit);
  }

  Change hearing(Silence by) {
    return new Change(policy, rules, probing, by, maxEjected, slowStart, edit);
  }

  Change ejecting(int percent) {
    return new Change(policy, rules, probing, silence, percent, slowStart, edit);
  }

  Change weighing(String name, int weight) {
    return editing(name, s -> new Pool.Spec.Server(s.name(), s.address(), weight));
  }

  Change moving(String name, InetSocketAddress to) {
    return editing(name, s -> new Pool.Spec.Server(s.name(), to, s.weight()));
  }

  private Change editing(String name, UnaryOperator<Pool.Spec.Server> by) {
    return new Change(
        policy,
        rules,
        probing,
        silence,
        maxEjected,
        slowStart,
        server -> server.name().equals(name) ? by.apply(server) : server);
  }

  Pool.Spec spec(String... names) {
    return new Pool.Spec(
        "p",
        policy,
        Stream.of(names).map(Change::server).map(edit).toList(),
        rules,
        silence,
        maxEjected,
        true,
        true,
        slowStart,
        probing);
  }

  private static Pool.Spec.Server server(String name) {
    int n = name.charAt(0) - 'a' + 1;
    return new Pool.Spec.Server(name, new InetSocketAddress("192.0.2." + n, 53), 1);
  }
}
