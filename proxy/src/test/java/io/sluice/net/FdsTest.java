package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class FdsTest {
  @Test
  void givesAsManyAsThereAreAndThenWhatComesBack() {
    Fds fds = new Fds(2);
    assertThat(List.of(fds.take(), fds.take(), fds.take())).containsExactly(true, true, false);
    assertThat(fds.free()).isZero();
    fds.giveBack();
    assertThat(fds.free()).isEqualTo(1);
    assertThat(List.of(fds.take(), fds.take())).containsExactly(true, false);
  }

  @Test
  void neverMoreThanThereAreAreOutWhateverTheThreadsDo() {
    Fds fds = new Fds(3);
    AtomicInteger out = new AtomicInteger();
    IntStream.range(0, 4)
        .mapToObj(
            _ ->
                CompletableFuture.runAsync(
                    () -> {
                      for (int i = 0; i < 200_000; i++) {
                        if (fds.take()) {
                          assertThat(out.incrementAndGet()).isBetween(1, 3);
                          out.decrementAndGet();
                          fds.giveBack();
                        }
                      }
                    },
                    run -> Thread.ofPlatform().start(run)))
        .toList()
        .forEach(CompletableFuture::join);
    assertThat(fds.free()).isEqualTo(3);
  }
}
