package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class ScalingPolicyTest {
  private final ScalingPolicy policy = new ScalingPolicy(1, 4);

  @Test
  void growsByOneWhenBusyForTwoSamples() {
    assertThat(next(1, 0.8)).isEqualTo(1);
    assertThat(next(1, 0.8)).isEqualTo(2);
  }

  @Test
  void aSingleBusySampleIsNotLoad() {
    for (int i = 0; i < 20; i++) {
      assertThat(next(1, 1.0)).isEqualTo(1);
      assertThat(next(1, 0.74)).isEqualTo(1);
    }
  }

  @Test
  void eachStepNeedsTwoSamplesOfItsOwn() {
    next(1, 1.0);
    assertThat(next(1, 1.0)).isEqualTo(2);
    assertThat(next(2, 1.0, 1.0)).isEqualTo(2);
    assertThat(next(2, 1.0, 1.0)).isEqualTo(3);
  }

  @Test
  void theMeanOfTheActiveDecidesWhetherToGrow() {
    for (int i = 0; i < 10; i++) {
      assertThat(next(2, 1.0, 0.49)).isEqualTo(2); // of flows that stay where they are
    }
    next(2, 1.0, 0.52);
    assertThat(next(2, 1.0, 0.52)).isEqualTo(3);
  }

  @Test
  void shrinksByOneAfterThirtySamplesThatWouldFit() {
    assertAsksFor(29, 3, 3, 0.4, 0.3, 0.25);
    assertThat(next(3, 0.4, 0.3, 0.25)).isEqualTo(2); // 0.475 each for two
  }

  @Test
  void oneSampleThatWouldNotFitBeginsTheCountAnew() {
    assertAsksFor(29, 2, 2, 0.2, 0.2);
    assertThat(next(2, 0.3, 0.21)).isEqualTo(2);
    assertAsksFor(29, 2, 2, 0.2, 0.2);
    assertThat(next(2, 0.2, 0.2)).isEqualTo(1);
  }

  @Test
  void theLoadOfThoseThatEndTheirFlowsWillComeBackToTheOthers() {
    assertAsksFor(100, 2, 2, 0.2, 0.2, 0.2);
  }

  @Test
  void neverBelowTheLeastNorAboveTheLargest() {
    ScalingPolicy narrow = new ScalingPolicy(2, 3);
    for (int i = 0; i < 100; i++) {
      assertThat(narrow.next(2, List.of(0.0, 0.0, 0.0))).isEqualTo(2);
    }
    for (int i = 0; i < 100; i++) {
      assertThat(narrow.next(3, List.of(1.0, 1.0, 1.0))).isEqualTo(3);
    }
  }

  @Test
  void aStepIsForgottenWhenAnotherDecides() {
    next(1, 1.0);
    policy.restart();
    assertThat(next(1, 1.0)).isEqualTo(1);
  }

  /** However a constant load is dealt to those who are active, the number comes to rest. */
  @Test
  void underAConstantLoadItComesToRest() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 200; round++) {
      ScalingPolicy steady = new ScalingPolicy(1, 8);
      double load = 8 * random.nextDouble();
      int active = 1 + random.nextInt(8);
      int changes = 0;
      for (int second = 0; second < 600; second++) {
        double each = Math.min(1, load / active);
        List<Double> sample = Collections.nCopies(active, each);
        int next = steady.next(active, sample);
        if (next != active) {
          active = next;
          changes++;
          assertThat(second).as("seed %d, load %f", seed, load).isLessThan(8 * 30);
        }
      }
      assertThat(changes).as("seed %d, load %f", seed, load).isLessThan(8);
      assertThat(active == 8 || load / active <= ScalingPolicy.BUSY).isTrue();
    }
  }

  private void assertAsksFor(int samples, int count, int active, double... utilisation) {
    for (int i = 0; i < samples; i++) {
      assertThat(next(active, utilisation)).isEqualTo(count);
    }
  }

  private int next(int active, double... utilisation) {
    return policy.next(active, DoubleStream.of(utilisation).boxed().toList());
  }
}
