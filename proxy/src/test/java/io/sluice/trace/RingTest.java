package io.sluice.trace;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class RingTest {
  @Test
  void keepsOrderAndRefusesWhatThereIsNoRoomFor() {
    Ring<Integer> ring = new Ring<>(4);
    assertThat(ring.poll()).isNull();
    for (int i = 0; i < 4; i++) {
      assertThat(ring.offer(i)).isTrue();
    }
    assertThat(ring.offer(4)).isFalse();
    assertThat(ring.poll()).isZero();
    assertThat(ring.offer(5)).isTrue();
    assertThat(ring.poll()).isEqualTo(1);
    assertThat(ring.poll()).isEqualTo(2);
    assertThat(ring.poll()).isEqualTo(3);
    assertThat(ring.poll()).isEqualTo(5);
    assertThat(ring.poll()).isNull();
  }

  @Test
  @Timeout(60)
  void whatOneThreadPutsInAnotherTakesOutInOrder() throws InterruptedException {
    Ring<Integer> ring = new Ring<>(64);
    int count = 200_000;
    Thread writer =
        Thread.ofPlatform()
            .start(
                () -> {
                  for (int i = 0; i < count; ) {
                    if (ring.offer(i)) {
                      i++;
                    } else {
                      Thread.onSpinWait();
                    }
                  }
                });
    for (int i = 0; i < count; ) {
      Integer next = ring.poll();
      if (next == null) {
        Thread.onSpinWait();
      } else {
        assertThat(next).isEqualTo(i++);
      }
    }
    writer.join();
  }
}
