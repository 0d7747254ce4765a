package io.sluice.front;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void atFirstListenersAreDealtInTurn() {
    assertThat(Spread.over(nobody(5), 2)).containsExactly(0, 1, 0, 1, 0);
    assertThat(Spread.over(nobody(3), 1)).containsExactly(0, 0, 0);
    assertThat(Spread.over(nobody(3), 3)).containsExactly(0, 1, 2);
  }

  @Test
  void aNewWorkerTakesFromTheFullestAndNothingElseMoves() {
    assertThat(Spread.over(new int[] {0, 1, 0, 1, 0}, 3)).containsExactly(0, 1, 0, 1, 2);
    assertThat(Spread.over(new int[] {0, 0, 0, 0}, 2)).containsExactly(0, 0, 1, 1);
  }

  @Test
  void whatAWorkerLeavesIsDealtAndNothingElseMoves() {
    assertThat(Spread.over(new int[] {0, 1, 2, 1, 2}, 2)).containsExactly(0, 1, 0, 1, 0);
  }

  @Test
  void aSpreadThatFitsStays() {
    assertThat(Spread.over(new int[] {2, 1, 0, 2}, 3)).containsExactly(2, 1, 0, 2);
  }

  @Test
  void anyHistoryIsEvenAndMovesNoMoreThanItMust() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      int[] at = nobody(1 + random.nextInt(17));
      for (int step = 0; step < 10; step++) {
        int active = 1 + random.nextInt(at.length);
        if (random.nextInt(5) == 0) {
          at[random.nextInt(at.length)] = Spread.NOBODY;
        }
        int[] to = Spread.over(at, active);
        assertThat(to).as("seed %d", seed).hasSameSizeAs(at);
        int[] held = held(to, active);
        assertThat(
                Arrays.stream(held).max().orElseThrow() - Arrays.stream(held).min().orElseThrow())
            .as("seed %d: %s", seed, Arrays.toString(to))
            .isLessThanOrEqualTo(1);
        assertThat(moves(at, to)).as("seed %d", seed).isEqualTo(fewestMoves(at, active));
        at = to;
      }
    }
  }

  /** All but those that can stay: a fair share each, of which so many are one larger as must be. */
  private static int fewestMoves(int[] at, int active) {
    int share = at.length / active;
    int larger = at.length % active;
    int stay = 0;
    for (int held : held(at, active)) {
      stay += Math.min(held, share);
      if (held > share && larger > 0) {
        stay++;
        larger--;
      }
    }
    return at.length - stay;
  }

  private static int moves(int[] from, int[] to) {
    return (int) IntStream.range(0, from.length).filter(i -> from[i] != to[i]).count();
  }

  private static int[] held(int[] at, int active) {
    int[] held = new int[active];
    Arrays.stream(at).filter(i -> i >= 0 && i < active).forEach(i -> held[i]++);
    return held;
  }

  private static int[] nobody(int listeners) {
    int[] at = new int[listeners];
    Arrays.fill(at, Spread.NOBODY);
    return at;
  }
}
