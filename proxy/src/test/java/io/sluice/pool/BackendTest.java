package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class BackendTest {
  private static final Instant BIRTH = Instant.parse("2025-01-01T00:00:00Z");
  private static final InetSocketAddress ADDRESS = new InetSocketAddress("192.0.2.1", 53);

  private static final long STALL_NS = 1_000;

  private final VirtualControl control = new VirtualControl();
  private final Backend backend = backend(true, State.UP);

  @Test
  void loadIsExactWhateverTheLoopsDoAtOnce() throws InterruptedException {
    int kept = 1_000;
    onLoops(
        4,
        () -> {
          for (int i = 0; i < 50_000; i++) {
            backend.flowOpened();
            if (i >= kept) {
              backend.flowClosed();
            }
          }
        });
    assertThat(backend.load()).isEqualTo(4 * kept);
  }

  @Test
  void closingAFlowThatWasNeverOpenedCrashesLoudly() {
    backend.flowOpened();
    backend.flowClosed();
    assertThatThrownBy(backend::flowClosed)
        .isInstanceOf(AssertionError.class)
        .hasMessage("a has -1 flows");
  }

  @Test
  void aMillionRefusalsAreCountedExactlyAndWaitInOneTask() throws InterruptedException {
    onLoops(
        4,
        () -> {
          for (int flow = 0; flow < 250_000; flow++) {
            backend.refused(flow);
          }
        });
    assertThat(backend.view().unreachable()).isEqualTo(1_000_000);
    assertThat(control.submitted()).isEqualTo(1);
  }

  @Test
  void refusalsOfAnEjectedBackendAreOnlyCounted() {
    Backend ejected = backend(true, State.EJECTED);
    ejected.refused(1);
    assertThat(ejected.view().unreachable()).isEqualTo(1);
    assertThat(control.submitted()).isZero();
  }

  @Test
  void refusalsThatAreNoEvidenceAreOnlyCounted() {
    Backend indifferent = backend(false, State.UP);
    indifferent.refused(1);
    assertThat(indifferent.view().unreachable()).isEqualTo(1);
    assertThat(control.submitted()).isZero();
  }

  @Test
  void answersAreNewsOnlyOnTrialAndOnce() {
    backend.answered();
    backend(true, State.EJECTED).answered();
    assertThat(control.submitted()).isZero();

    Backend onTrial = backend(true, State.TRIAL);
    onTrial.answered();
    onTrial.answered();
    assertThat(control.submitted()).isEqualTo(1);
  }

  @Test
  void theViewAddsUpWhatTheWorkersCounted() {
    backend.flowOpened();
    backend.traffic(0).add(Backend.REQUESTS, 1);
    backend.traffic(1).add(Backend.REQUESTS, 2);
    backend.traffic(0).add(Backend.REPLIES, 4);
    backend.traffic(1).add(Backend.REQUEST_BYTES, 8);
    backend.traffic(0).add(Backend.REPLY_BYTES, 16);
    backend.traffic(1).add(Backend.REPLY_BYTES, 32);
    assertThat(backend.view())
        .isEqualTo(
            new Backend.View(
                State.UP, true, 99, "because", BIRTH, 7, Dossier.EMPTY, 0, 1, 0, 3, 4, 8, 48));
  }

  private Backend backend(boolean icmp, State state) {
    return new Backend(
        new Pool.Spec.Server("a", ADDRESS, 1),
        2,
        new Evidence(control, () -> {}),
        new Backend.Standing(
            true,
            Long.MAX_VALUE,
            Backend.ALL_KEYS,
            state,
            99,
            "because",
            BIRTH,
            7,
            Dossier.EMPTY,
            new Backend.Terms(1, icmp, STALL_NS)));
  }

  private static void onLoops(int loops, Runnable each) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < loops; i++) {
      threads.add(Thread.ofPlatform().start(each));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }
}
