package io.sluice.pool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A backend that is hardly used and answers nothing, beside one that is busy and answers all. */
final class ReplyRatioTest {
  private static final int STALL = 30;

  static Stream<Arguments> vain() {
    return Stream.of(
        Arguments.of("one", List.of(50), List.of(), false),
        Arguments.of("one and its repetition", List.of(50), List.of(60), false),
        Arguments.of("one and a burst", List.of(50), List.of(50, 51, 52, 53, 54, 55), false),
        Arguments.of("one, repeated twice", List.of(50), List.of(60, 70), true),
        Arguments.of("two clients", List.of(50, 51), List.of(), false),
        Arguments.of("three clients", List.of(50, 50, 50), List.of(), true));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("vain")
  void itTakesThreeRequestsInVainToBeSilent(
      String what, List<Integer> asked, List<Integer> repeated, boolean silent) {
    ReplyRatio ratio = new ReplyRatio(2, 10, 100, STALL);
    boolean everSilent = false;
    for (int tick = 0; tick < 200; tick++) {
      ratio.tick();
      ratio.sample(0, until(tick, asked), 0, until(tick, repeated), 0, 0);
      ratio.sample(1, 100L * tick, 100L * tick, 0, 100L * tick, 0);
      everSilent |= ratio.hearing(0).silent();
      assertThat(ratio.hearing(1).silent()).isFalse();
      if (tick < 50 + STALL) {
        assertThat(everSilent).as("before stall-timeout").isFalse();
      }
    }
    assertThat(everSilent).as(what).isEqualTo(silent);
  }

  private static long until(int tick, List<Integer> at) {
    return at.stream().filter(each -> each <= tick).count();
  }
}
