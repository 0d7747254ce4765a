package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PortQueueTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 100, 28_232, 65_535})
  void handsOutEveryPortOnceThenNone(int count) {
    PortQueue queue = new PortQueue(ports(count));
    assertThat(queue.size()).isEqualTo(count);
    assertThat(takeAll(queue)).hasSize(count).doesNotHaveDuplicates().allMatch(port -> port > 0);
    assertThat(queue.size()).isZero();
    assertThat(queue.take()).isEqualTo(PortQueue.NONE);
  }

  @Test
  void aPortGivenBackComesLastOfAll() {
    PortQueue queue = new PortQueue(ports(100));
    int first = queue.take();
    queue.give(first);
    List<Integer> order = takeAll(queue);
    assertThat(order).hasSize(100);
    assertThat(order.getLast()).isEqualTo(first);
  }

  @Test
  void portsComeInTheOrderTheyWereGivenBackForMoreLapsThanItsTurnsCount() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    PortQueue queue = new PortQueue(ports(7));
    List<Integer> taken = takeAll(queue);
    Deque<Integer> model = new ArrayDeque<>();
    for (int i = 0; i < 7 * 40_000 * 2; i++) { // turns begin again after 32,768 laps
      if (random.nextBoolean() && !taken.isEmpty()) {
        Collections.swap(taken, random.nextInt(taken.size()), taken.size() - 1);
        int port = taken.removeLast();
        queue.give(port);
        model.add(port);
      } else {
        Integer expected = model.poll();
        int port = queue.take();
        assertThat(port).as("seed %d", seed).isEqualTo(expected == null ? -1 : expected);
        if (expected != null) {
          taken.add(port);
        }
      }
      assertThat(queue.size()).as("seed %d", seed).isEqualTo(model.size());
    }
  }

  @Test
  void everyOrderIsAsLikelyAsAnyOther() {
    Map<List<Integer>, Integer> seen = new HashMap<>();
    for (int i = 0; i < 6_000; i++) {
      seen.merge(takeAll(new PortQueue(ports(3))), 1, Integer::sum);
    }
    assertThat(seen).hasSize(6);
    // 1,000 expected; the standard deviation is 29, so a fair shuffle fails once in 10^10 runs.
    assertThat(seen.values()).allSatisfy(n -> assertThat(n).isBetween(810, 1_190));
  }

  @Test
  void isShuffledAnewForEveryBackend() {
    assertThat(takeAll(new PortQueue(ports(1_000))))
        .isNotEqualTo(takeAll(new PortQueue(ports(1_000))));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 64})
  void noPortHasTwoOwnersAndNoneIsLostWhateverTheThreadsDo(int count) {
    long seed = new Random().nextLong();
    PortQueue queue = new PortQueue(ports(count));
    AtomicIntegerArray owners = new AtomicIntegerArray(count + 1);
    AtomicLong taken = new AtomicLong();
    List<CompletableFuture<Void>> threads =
        IntStream.range(0, 4)
            .mapToObj(
                i ->
                    CompletableFuture.runAsync(
                        () -> takeAndGive(queue, owners, taken, new Random(seed + i)),
                        run -> Thread.ofPlatform().start(run)))
            .toList();
    threads.forEach(CompletableFuture::join);
    assertThat(taken.get()).isPositive();
    List<Integer> left = takeAll(queue);
    Collections.sort(left);
    assertThat(left)
        .as("seed %d", seed)
        .isEqualTo(IntStream.rangeClosed(1, count).boxed().toList());
  }

  private static void takeAndGive(
      PortQueue queue, AtomicIntegerArray owners, AtomicLong taken, Random random) {
    Deque<Integer> mine = new ArrayDeque<>();
    for (int i = 0; i < 200_000; i++) {
      if (random.nextBoolean()) {
        int port = queue.take();
        if (port != PortQueue.NONE) {
          assertThat(owners.incrementAndGet(port)).isEqualTo(1);
          mine.add(port);
          taken.incrementAndGet();
        }
      } else if (!mine.isEmpty()) {
        give(queue, owners, mine.poll());
      }
    }
    mine.forEach(port -> give(queue, owners, port));
  }

  private static void give(PortQueue queue, AtomicIntegerArray owners, int port) {
    owners.decrementAndGet(port);
    queue.give(port);
  }

  private static char[] ports(int count) {
    char[] ports = new char[count];
    for (int i = 0; i < count; i++) {
      ports[i] = (char) (i + 1);
    }
    return ports;
  }

  private static List<Integer> takeAll(PortQueue queue) {
    List<Integer> taken = new ArrayList<>();
    for (int port = queue.take(); port != PortQueue.NONE; port = queue.take()) {
      taken.add(port);
    }
    return taken;
  }
}
