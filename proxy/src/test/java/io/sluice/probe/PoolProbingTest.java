package io.sluice.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import io.sluice.pool.Backend;
import io.sluice.pool.Pool;
import io.sluice.pool.Rules;
import io.sluice.pool.State;
import io.sluice.pool.VirtualControl;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whom a pool asks, and what, as its configuration changes. */
final class PoolProbingTest {
  private static final Duration SECOND = Duration.ofSeconds(1);
  private static final Rules RULES = new Rules(true, 3, SECOND, SECOND, SECOND);

  private final VirtualControl control = new VirtualControl();
  private final Journal journal = new Journal(control.wallClock());
  private final Prober prober =
      new Prober(control, control::nanoTime, control.wallClock(), Runnable::run, _ -> 0, 10);
  private final Prober.Pace pace = new Prober.Pace(SECOND, SECOND);
  private final List<String> asked = new ArrayList<>();
  private final Pool pool = Pool.open(spec("a", "b"), 1, control, control::nanoTime, journal);

  @Test
  void whoJoinsIsAskedAndWhoHasGoneIsNot() {
    probe("?", true, 0);
    assertThat(nextAsked()).containsExactlyInAnyOrder("? 192.0.2.1:53", "? 192.0.2.2:53");
    reconfigure(spec("b", "c"));
    assertThat(nextAsked()).containsExactlyInAnyOrder("? 192.0.2.2:53", "? 192.0.2.3:53");
  }

  @Test
  void whoStaysIsAskedAtItsPaceWhateverElseChanges() {
    probe("?", false, 0);
    for (int i = 0; i < 3; i++) {
      control.advance(Duration.ofMillis(500));
      reconfigure(i % 2 == 0 ? spec("a", "b", "c") : spec("a", "b"));
    }
    control.advance(Duration.ofMillis(500));
    assertThat(asked).filteredOn(what -> what.endsWith(".1:53")).hasSize(3);
    assertThat(pool.backends().getFirst().view().state()).isEqualTo(State.DOWN);
  }

  @Test
  void anotherProbeTakesThePlaceOfTheOneBeforeAndGoesOnWithItsRow() {
    probe("?", false, 0);
    control.advance(SECOND);
    assertThat(pool.backends()).extracting(b -> b.view().score()).containsOnly(33);
    asked.clear();
    probe("!", false, 7);
    assertThat(nextAsked()).containsExactlyInAnyOrder("! 192.0.2.1:7", "! 192.0.2.2:7");
    assertThat(pool.backends()).extracting(b -> b.view().state()).containsOnly(State.DOWN);
    probe("!", true, 7);
    control.advance(SECOND);
    assertThat(pool.backends()).extracting(b -> b.view().state()).containsOnly(State.UP);
  }

  @Test
  void withNoProbeAnyMoreWhoWasDownByItIsUp() {
    probe("?", false, 0);
    control.advance(SECOND.multipliedBy(2));
    assertThat(pool.pick(1)).as("all are tried").isNotNull();
    assertThat(pool.backends()).extracting(b -> b.view().state()).containsOnly(State.DOWN);
    Future<?> done = pool.probeNoLonger();
    control.runDue();
    assertThat(done).isDone();
    assertThat(pool.backends())
        .extracting(b -> b.view().reason())
        .containsOnly("up: it is probed no longer");
    assertThat(pool.backends()).allMatch(b -> b.view().dossier().probe().isEmpty());
    assertThat(pool.backends()).allMatch(Backend::eligible);
    asked.clear();
    control.advance(Duration.ofMinutes(1));
    reconfigure(spec("a", "b", "c"));
    assertThat(nextAsked()).isEmpty();
  }

  @Test
  void aPoolThatIsClosedAsksNobody() {
    probe("?", true, 0);
    Future<?> late = pool.probe(prober, asking("!", true), pace, 0);
    pool.close();
    control.advance(Duration.ofMinutes(1));
    assertThat(late).isDone();
    assertThat(asked).noneMatch(what -> what.startsWith("!")).hasSize(2);
    assertThat(control.pending()).isZero();
  }

  private void probe(String question, boolean passes, int port) {
    Future<?> done = pool.probe(prober, asking(question, passes), pace, port);
    control.runDue();
    assertThat(done).isDone();
  }

  private Probe asking(String question, boolean passes) {
    return (target, timeout) -> {
      asked.add(question + " " + target.getAddress().getHostAddress() + ":" + target.getPort());
      if (!passes) {
        throw new IOException("no answer");
      }
    };
  }

  private void reconfigure(Pool.Spec next) {
    Future<?> done = pool.reconfigure(next);
    control.runDue();
    assertThat(done.state()).isEqualTo(Future.State.SUCCESS);
  }

  private List<String> nextAsked() {
    asked.clear();
    control.advance(SECOND);
    return List.copyOf(asked);
  }

  private static Pool.Spec spec(String... names) {
    List<Pool.Spec.Server> servers =
        Stream.of(names)
            .map(
                name ->
                    new Pool.Spec.Server(
                        name,
                        new InetSocketAddress("192.0.2." + (name.charAt(0) - 'a' + 1), 53),
                        1))
            .toList();
    return new Pool.Spec("p", Policies.maglev(), servers, RULES, true);
  }
}
