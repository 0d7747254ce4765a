package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.IoRegistration;
import io.sluice.metrics.Journal;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** With a clock and CPU times of the test's own. */
class AutoscalerTest {
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final Workers workers = Workers.start(1, 3);
  private final long[] cpuNanos = new long[3];
  private final List<Integer> spreads = new ArrayList<>();
  private final Journal journal = new Journal(() -> Instant.EPOCH);
  private long now = 5;
  private final Autoscaler autoscaler =
      new Autoscaler(
          workers, 1, spreads::add, journal, worker -> cpuNanos[worker.index()], () -> now);

  @AfterEach
  void close() {
    workers.close();
  }

  @Test
  void aLoadThatLastsBringsWorkersAndThenTheListeners() {
    second(0.9, 0, 0);
    assertActive(1);
    second(0.9, 0, 0);
    assertActive(2);
    second(0.9, 0.9, 0);
    second(0.9, 0.9, 0);
    assertActive(3);
    assertThat(spreads).containsExactly(1, 2, 2, 3);
    assertThat(journal.after(0)).extracting(Journal.Event::what).containsExactly("2", "3");
  }

  @Test
  void aLoadThatEndsSendsThemAway() {
    autoscaler.fix(3);
    autoscaler.fix(0);
    for (int i = 0; i < 30; i++) {
      assertActive(3);
      second(0.1, 0.1, 0.1);
    }
    for (int i = 0; i < 30; i++) {
      assertActive(2);
      second(0.1, 0.1, 0.1);
    }
    assertActive(1);
    for (int i = 0; i < 100; i++) {
      second(0, 0, 0);
    }
    assertActive(1);
  }

  @Test
  void whatAnOperatorFixesNoLoadChanges() {
    autoscaler.fix(2);
    assertThat(autoscaler.view())
        .isEqualTo(new Autoscaler.View(2, 1, 3, true, List.of(0.0, 0.0, 0.0)));
    for (int i = 0; i < 100; i++) {
      second(1, 1, 0);
    }
    for (int i = 0; i < 100; i++) {
      second(0, 0, 0);
    }
    assertActive(2);
    assertThat(spreads).hasSize(201).containsOnly(2);
  }

  @Test
  void anOperatorMayFixFewerThanTheLeastButAutomaticKeepsIt() {
    Autoscaler atLeastTwo =
        new Autoscaler(
            workers, 2, spreads::add, journal, worker -> cpuNanos[worker.index()], () -> now);
    atLeastTwo.fix(1);
    assertActive(1);
    atLeastTwo.fix(0);
    assertActive(2);
    assertThat(atLeastTwo.view().fixed()).isFalse();
  }

  @Test
  void thereIsNoOtherNumberOfWorkers() {
    for (int count : new int[] {-1, 4, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> autoscaler.fix(count))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("must be 1 to 3 (workers.max), or 0 for automatic, not " + count);
    }
    assertThat(spreads).isEmpty();
  }

  @Test
  void utilisationIsCpuTimeByTimeSinceTheLastLook() {
    cpuNanos[0] = SECOND / 2;
    cpuNanos[1] = 5 * SECOND; // more than a thread can use: two clocks never quite agree
    now += 2 * SECOND;
    autoscaler.tick();
    assertThat(autoscaler.view().utilisation()).containsExactly(0.25, 1.0, 0.0);
    now += SECOND;
    autoscaler.tick();
    assertThat(autoscaler.view().utilisation()).containsExactly(0.0, 0.0, 0.0);
  }

  @Test
  void closedItMovesNothing() {
    autoscaler.close();
    second(1, 0, 0);
    second(1, 0, 0);
    autoscaler.fix(3);
    assertThat(spreads).isEmpty();
    assertActive(1);
  }

  @Test
  void aWorkersCpuTimeIsItsLoopsAndNoneBeforeItsFirstSocket() throws Exception {
    assertThat(workers.get(0).cpuNanos()).isZero();
    UdpSocket socket = UdpSocket.open(false);
    long[] spent = new long[1];
    workers.onEach(
        worker -> {
          if (worker.index() == 0) {
            IoRegistration registration = worker.register(socket);
            long before = worker.cpuNanos();
            while (worker.cpuNanos() - before < 1_000_000) {
              Thread.onSpinWait();
            }
            spent[0] = worker.cpuNanos() - before;
            registration.cancel();
          }
        });
    socket.close();
    assertThat(spent[0]).isBetween(1_000_000L, workers.get(0).cpuNanos());
    assertThat(workers.get(1).cpuNanos()).isZero();
  }

  private void second(double... busy) {
    now += SECOND;
    for (int i = 0; i < busy.length; i++) {
      cpuNanos[i] += (long) (busy[i] * SECOND);
    }
    autoscaler.tick();
  }

  private void assertActive(int count) {
    assertThat(workers.active()).isEqualTo(count);
  }
}
