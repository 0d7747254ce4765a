package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.balance.Policies;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Backends a, b and c, of which some are to go, but not yet; and pools without any. */
final class PoolLeavingTest {
  private static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofSeconds(40));

  private final VirtualControl control = new VirtualControl();
  private final Pool pool = Pool.open(spec("a", "b", "c"), 1, control, control::nanoTime);
  private final Backend a = pool.backends().getFirst();

  /** Names; with a minus, of one that is leaving. */
  private static Pool.Spec spec(String... names) {
    return new Pool.Spec(
        "p",
        Policies.maglev(),
        Arrays.stream(names).map(PoolLeavingTest::server).toList(),
        RULES,
        true);
  }

  private static Pool.Spec.Server server(String name) {
    String bare = name.replace("-", "");
    return new Pool.Spec.Server(
        bare,
        new InetSocketAddress(InetAddress.ofLiteral("192.0.2.1"), bare.charAt(0)),
        1,
        false,
        name.equals(bare) ? Optional.empty() : Optional.of("it is found no longer"));
  }

  private void becomes(String... names) {
    Future<?> done = pool.reconfigure(spec(names));
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
  }

  private Set<String> dealt() {
    return LongStream.range(0, 2_000)
        .mapToObj(key -> pool.pick(key * 0x9E37_79B9_7F4A_7C15L))
        .map(backend -> backend == null ? "none" : backend.name())
        .collect(Collectors.toSet());
  }

  @Test
  void oneThatIsLeavingIsDealtNoLongerAndKeepsItsFlows() {
    a.flowOpened();
    becomes("-a", "b", "c");
    assertThat(pool.backends()).startsWith(a);
    assertThat(dealt()).containsExactlyInAnyOrder("b", "c");
    assertThat(a.eligible()).isFalse();
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
    assertThat(a.view().reason()).isEqualTo("draining: it is found no longer");
    control.advance(Duration.ofMinutes(1));
    assertThat(a.patienceNs()).isEqualTo(Long.MAX_VALUE);
    becomes("b", "c");
    assertThat(a.patienceNs()).isZero();
    assertThat(pool.leaving()).containsExactly(a);
  }

  @Test
  void oneThatComesBackIsDealtAtOnce() {
    becomes("-a", "b", "c");
    becomes("a", "b", "c");
    assertThat(pool.backends()).startsWith(a);
    assertThat(dealt()).containsExactlyInAnyOrder("a", "b", "c");
    assertThat(a.view().state()).isEqualTo(State.UP);
  }

  @Test
  void oneThatIsLeavingAndDiesLosesItsFlows() {
    a.flowOpened();
    becomes("-a", "b", "c");
    for (int flow = 0; flow < 3; flow++) {
      assertThat(a.refused(flow)).isTrue();
    }
    control.runDue();
    assertThat(a.view().state()).isEqualTo(State.EJECTED);
    assertThat(a.patienceNs()).isZero();
    control.advance(Duration.ofSeconds(6));
    assertThat(dealt()).containsExactlyInAnyOrder("b", "c"); // on trial is no reason to return
  }

  @Test
  void oneThatAnOperatorDrainedStaysDrainedWhenItComesBack() {
    var _ = pool.drain("a", Optional.empty());
    control.runDue();
    becomes("-a", "b", "c");
    becomes("a", "b", "c");
    assertThat(dealt()).containsExactlyInAnyOrder("b", "c");
    var _ = pool.enable("a");
    control.runDue();
    assertThat(dealt()).containsExactlyInAnyOrder("a", "b", "c");
  }

  @Test
  void enablingOneThatIsLeavingDoesNotKeepIt() {
    becomes("-a", "b", "c");
    var _ = pool.enable("a");
    control.runDue();
    assertThat(dealt()).containsExactlyInAnyOrder("b", "c");
    assertThat(a.view().state()).isEqualTo(State.DRAINING);
  }

  @Test
  void whereAllOthersAreOutThoseThatLeaveAreNoWayOut() {
    becomes("-a", "b");
    Backend b = pool.backends().getLast();
    for (int flow = 0; flow < 3; flow++) {
      b.refused(flow);
    }
    control.runDue();
    assertThat(b.view().state()).isEqualTo(State.EJECTED);
    assertThat(dealt()).containsExactly("b"); // when-none-eligible = all
  }

  @Test
  void aPoolMayHaveNobodyYetAndNobodyAnyLonger() {
    try (Pool empty = Pool.open(spec(), 1, control, control::nanoTime)) {
      assertThat(empty.pick(1)).isNull();
      assertThat(empty.backends()).isEqualTo(List.of());
      control.advance(Duration.ofSeconds(10));
      Future<?> done = empty.reconfigure(spec("b"));
      control.runDue();
      assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
      assertThat(empty.pick(1)).isNotNull();
      Future<?> gone = empty.reconfigure(spec());
      control.runDue();
      assertThat(gone.state()).isEqualTo(Future.State.SUCCESS);
      assertThat(empty.pick(1)).isNull();
    }
  }
}
