package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * Who was drained before the pool knew it is so from the first moment; and pools that change
 * together.
 */
class DrainedNewcomerTest {
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));

  private final VirtualControl control = new VirtualControl();

  @Test
  void itIsNotDealtBeforeAnybodyCouldSayIt() {
    Pool pool = open(spec("p", Policies.maglev(), server("a", 1, true), server("b", 2, false)));
    assertThat(dealt(pool)).containsOnly("b");
    assertDrained(pool.backends().getFirst());
    assertThat(pool.backends().getFirst().view().dossier().history()).isEmpty();

    control.advance(Duration.ofMinutes(1));
    assertDrained(pool.backends().getFirst());
    var _ = pool.enable("a");
    control.runDue();
    assertThat(dealt(pool)).containsOnly("a", "b");
  }

  @Test
  void norIsOneThatComesLater() {
    Pool pool = open(spec("p", Policies.maglev(), server("b", 2, false)));
    reconfigure(pool, spec("p", Policies.maglev(), server("a", 1, true), server("b", 2, true)));
    assertThat(dealt(pool)).containsOnly("b"); // which is no newcomer
    assertDrained(pool.backends().getFirst());
    reconfigure(pool, spec("p", Policies.maglev(), server("a", 9, true), server("b", 2, true)));
    assertThat(dealt(pool)).containsOnly("b");
    assertDrained(pool.backends().getFirst());
  }

  @Test
  void whatIsPreparedChangesNothingUntilItIsRun() {
    Pool pool = open(spec("p", Policies.maglev(), server("a", 1, false)));
    var _ = pool.drain("a", Optional.empty());
    control.runDue();
    Backend.View before = pool.backends().getFirst().view();
    Pool.Spec next = spec("p", Policies.maglev(), server("a", 1, false), server("b", 2, false));

    Runnable change = pool.prepare(next);

    assertThat(pool.backends()).extracting(Backend::name).containsExactly("a");
    assertThat(pool.backends().getFirst().view()).isEqualTo(before);
    Balancer.Factory failing =
        _ -> {
          throw new IllegalStateException("no");
        };
    assertThatIllegalStateException()
        .isThrownBy(() -> pool.prepare(spec("p", failing, server("a", 1, false))));
    change.run();
    assertThat(dealt(pool)).containsOnly("b");
  }

  private static void assertDrained(Backend backend) {
    assertThat(backend.eligible()).isFalse();
    assertThat(backend.view().state()).isEqualTo(State.DRAINING);
    assertThat(backend.view().reason()).isEqualTo("draining: an operator wished so");
    assertThat(backend.view().dossier().draining().orElseThrow().deadline()).isEmpty();
    assertThat(backend.patienceNs()).isEqualTo(Long.MAX_VALUE);
  }

  private List<String> dealt(Pool pool) {
    return IntStream.range(0, 1_000)
        .mapToObj(key -> pool.pick(key * 0x9E37_79B9_7F4A_7C15L))
        .map(backend -> backend == null ? "nobody" : backend.name())
        .toList();
  }

  private Pool open(Pool.Spec spec) {
    return Pool.open(spec, 1, control, control::nanoTime);
  }

  private void reconfigure(Pool pool, Pool.Spec next) {
    var _ = pool.reconfigure(next);
    control.runDue();
  }

  private static Pool.Spec.Server server(String name, int last, boolean drained) {
    return new Pool.Spec.Server(
        name, new InetSocketAddress(InetAddress.ofLiteral("192.0.2." + last), 53), 1, drained);
  }

  private static Pool.Spec spec(String name, Balancer.Factory policy, Pool.Spec.Server... servers) {
    return new Pool.Spec(name, policy, new ArrayList<>(List.of(servers)), RULES, true);
  }
}
