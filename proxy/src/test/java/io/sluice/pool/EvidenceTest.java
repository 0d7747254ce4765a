package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class EvidenceTest {
  private final VirtualControl control = new VirtualControl();
  private final List<Long> seen = new ArrayList<>();
  private final AtomicInteger answers = new AtomicInteger();
  private Runnable afterLook = () -> {};
  private final Evidence evidence = new Evidence(control, this::look);

  @Test
  void oneLookIsAskedForHoweverMuchIsReported() {
    LongStream.range(0, 100).forEach(evidence::refusal);
    evidence.answer();
    evidence.answer();
    assertThat(control.submitted()).isEqualTo(1);

    control.runDue();
    assertThat(seen).containsExactlyInAnyOrderElementsOf(LongStream.range(0, 100).boxed().toList());
    assertThat(answers).hasValue(1);
  }

  @Test
  void everyLookEmptiesItAndTheNextReportAsksAgain() {
    evidence.refusal(7);
    control.runDue();
    control.runDue();
    assertThat(seen).containsExactly(7L);

    evidence.refusal(7);
    evidence.answer();
    control.runDue();
    assertThat(seen).containsExactly(7L, 7L);
    assertThat(answers).hasValue(1);
    assertThat(control.submitted()).isEqualTo(2);
  }

  @Test
  void aReportDuringALookAsksForAnother() {
    afterLook = () -> evidence.refusal(8);
    evidence.refusal(7);
    control.runDue();
    assertThat(seen).containsExactly(7L, 8L);
  }

  @Test
  void keepsWhatItHasRoomForAndHasRoomAgainAfterwards() {
    LongStream.range(0, 10_000).forEach(evidence::refusal);
    control.runDue();
    assertThat(seen).hasSize(Evidence.SLOTS);

    LongStream.range(0, 10_000).forEach(evidence::refusal);
    control.runDue();
    assertThat(seen).hasSize(2 * Evidence.SLOTS);
  }

  /** As many reports as slots: none can find its slot full, so every one must be seen. */
  @Test
  void noReportIsLeftLyingWhenLoopsAndControlRace() throws InterruptedException {
    long perLoop = Evidence.SLOTS / 2;
    for (int round = 0; round < 500; round++) {
      Racing racing = new Racing();
      Thread a = Thread.ofPlatform().start(() -> racing.report(0, perLoop));
      Thread b = Thread.ofPlatform().start(() -> racing.report(perLoop, 2 * perLoop));
      while (a.isAlive() || b.isAlive()) {
        racing.runAsked();
      }
      a.join();
      b.join();
      racing.runAsked();
      assertThat(racing.seen)
          .as("round %d", round)
          .containsExactlyInAnyOrderElementsOf(LongStream.range(0, 2 * perLoop).boxed().toList());
    }
  }

  @Test
  void aLoopDoesNotNoticeThatControlHasStopped() {
    Evidence late =
        new Evidence(
            _ -> {
              throw new RejectedExecutionException();
            },
            this::look);
    assertThatCode(
            () -> {
              late.refusal(1);
              late.refusal(2);
              late.answer();
            })
        .doesNotThrowAnyException();
  }

  private void look() {
    if (evidence.takeAnswer()) {
      answers.incrementAndGet();
    }
    evidence.takeRefusals(seen::add);
    Runnable once = afterLook;
    afterLook = () -> {};
    once.run();
  }

  /** Loops that report while the test's thread is control. */
  private static final class Racing {
    final ConcurrentLinkedQueue<Runnable> asked = new ConcurrentLinkedQueue<>();
    final List<Long> seen = new ArrayList<>();
    final Evidence evidence = new Evidence(asked::add, this::look);

    void report(long from, long to) {
      LongStream.range(from, to).forEach(evidence::refusal);
    }

    void runAsked() {
      for (Runnable look = asked.poll(); look != null; look = asked.poll()) {
        look.run();
      }
    }

    private void look() {
      evidence.takeRefusals(seen::add);
    }
  }
}
