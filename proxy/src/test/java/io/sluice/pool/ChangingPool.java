package io.sluice.pool;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import io.sluice.probe.ProbeResult;
import io.sluice.probe.ProbeResult.Verdict;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.function.LongUnaryOperator;
import java.util.stream.LongStream;

/** A pool of backends a, b and c that changes in virtual time, and writes down what it builds. */
final class ChangingPool {
  static final Duration TICK = Duration.ofMillis(100);
  static final int KEYS = 9_000;
  static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(40));

  final VirtualControl control = new VirtualControl();
  final Journal journal = new Journal(control.wallClock());
  final List<String> built = new ArrayList<>();
  final Change as = new Change(noting(Policies.maglev()), RULES);
  final Pool pool =
      Pool.open(
          as.spec("a", "b", "c"),
          2,
          control,
          control::nanoTime,
          control.wallClock(),
          LongUnaryOperator.identity(),
          journal);
  final Backend a = backend("a");
  final Backend b = backend("b");

  void reconfigure(Pool.Spec next) {
    Future<?> done = pool.reconfigure(next);
    assertThat(done).isNotDone();
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
  }

  void answer(Backend backend) {
    backend.asked(0, control.nanoTime());
    backend.traffic(0).add(Backend.REPLIES, 1);
    backend.answered(0, control.nanoTime(), control.nanoTime() + 1_000, false);
  }

  void drain(String name) {
    assertThat(pool.drain(name, Optional.empty())).isNotDone();
    control.runDue();
  }

  void refuse(Backend backend, int times) {
    for (int flow = 0; flow < times; flow++) {
      backend.refused(flow);
    }
    control.runDue();
  }

  void fail(String name, int times) {
    for (int i = 0; i < times; i++) {
      pool.probed(
          name, new ProbeResult(Verdict.FAILED, "no answer", TICK, control.wallClock().instant()));
    }
  }

  Backend backend(String name) {
    return pool.backends().stream().filter(b -> b.name().equals(name)).findFirst().orElseThrow();
  }

  Map<Long, String> picks() {
    Map<Long, String> picks = new HashMap<>();
    LongStream.range(0, KEYS)
        .map(i -> i * 0x9E37_79B9_7F4A_7C15L)
        .forEach(key -> picks.put(key, Optional.ofNullable(pool.pick(key)).orElseThrow().name()));
    return picks;
  }

  long share(String name) {
    return picks().values().stream().filter(name::equals).count();
  }

  Set<String> dealt() {
    return picks().values().stream().collect(toSet());
  }

  Balancer.Factory noting(Balancer.Factory policy) {
    return members -> {
      built.add(String.join(" ", members.stream().map(m -> m.name() + "*" + m.weight()).toList()));
      return policy.over(members);
    };
  }
}
