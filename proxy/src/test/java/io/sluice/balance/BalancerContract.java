package io.sluice.balance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What the seam asks of every balancer. A balancer's test, a plug-in's too, implements this, or
 * {@link ConsistentBalancerContract} if picks follow the key.
 */
public interface BalancerContract {
  long SEED = 42;

  /** The balancer under test. */
  Balancer.Factory factory();

  /** How far off its due a member's share may be, as a part of its due, sampling noise apart. */
  double unevenness();

  @Test
  default void equalMembersShareEqually() {
    assertShares(100_000, members(10, i -> 1));
  }

  @Test
  default void sharesFollowTheWeights() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 5; round++) {
      assertShares(100_000, members(random.nextInt(2, 20), i -> random.nextInt(1, 11)));
    }
  }

  @Test
  default void aThousandMembersShareEqually() {
    assertShares(100_000, members(1_000, i -> 1));
  }

  @Test
  default void aThousandMembersOfTheLargestWeightShareEqually() {
    assertShares(100_000, members(1_000, i -> 1_000));
  }

  @Test
  default void lightMemberBesideHeavyOneGetsItsShare() {
    assertShares(500_000, members(2, i -> i == 0 ? 1 : 1_000));
  }

  @Test
  default void heavyMemberAmongManyLightOnesGetsItsShare() {
    assertShares(100_000, members(1_001, i -> i == 500 ? 1_000 : 1));
  }

  @Test
  default void theLargestIntsAreWeightsToo() {
    List<FakeMember> members = members(3, i -> i == 0 ? 1 : Integer.MAX_VALUE);
    int[] counts = counts(100_000, members);
    assertThat(counts[0]).isLessThan(10_000);
    assertThat(counts[1]).isBetween(30_000, 70_000);
  }

  @Test
  default void whatAPreviewPicksIsPickedNextAndAskingItChangesNothing() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int round = 0; round < 50; round++) {
      int size = random.nextInt(1, 6);
      Balancer balancer = factory().over(members(size, i -> random.nextInt(1, 4)));
      for (int turn = 0; turn < 20; turn++) {
        long key = random.nextLong();
        try {
          Balancer preview = balancer.preview();
          int first = preview.pick(key);
          int second = preview.pick(key + 1);
          assertThat(balancer.preview().pick(key)).isEqualTo(first);
          assertThat(balancer.pick(key)).isEqualTo(first);
          assertThat(balancer.pick(key + 1)).isEqualTo(second);
        } catch (Undetermined chance) {
          assertThat(chance).hasMessageNotContaining("null");
          assertThat(size).isGreaterThan(1);
        }
      }
    }
  }

  @Test
  default void singleMemberGetsEverything() {
    Balancer balancer = factory().over(members(1, i -> 7));
    SplittableRandom keys = new SplittableRandom(SEED);
    for (long key : new long[] {0, 1, -1, Long.MIN_VALUE, Long.MAX_VALUE, keys.nextLong()}) {
      assertThat(balancer.pick(key)).as("key %d", key).isZero();
    }
  }

  @Test
  default void picksAreIndicesIntoTheMembers() {
    SplittableRandom random = new SplittableRandom(SEED);
    for (int n = 1; n <= 40; n++) {
      Balancer balancer = factory().over(members(n, i -> random.nextInt(1, 101)));
      for (long key : new long[] {0, -1, Long.MIN_VALUE, Long.MAX_VALUE, random.nextLong()}) {
        assertThat(balancer.pick(key)).as("%d members, key %d", n, key).isBetween(0, n - 1);
      }
    }
  }

  @Test
  default void laterChangesOfTheListDoNotReachTheBalancer() {
    List<FakeMember> members = new ArrayList<>(members(5, i -> 1));
    Balancer balancer = factory().over(members);
    members.clear();
    for (long key = 0; key < 100; key++) {
      assertThat(balancer.pick(key)).isBetween(0, 4);
    }
  }

  @Test
  default void loopsPickingAtOnceShareAsOneDoes() throws Exception {
    int loops = 4;
    int picks = 25_000;
    List<FakeMember> members = members(8, i -> i + 1);
    Balancer balancer = factory().over(members);
    try (var threads = Executors.newFixedThreadPool(loops)) {
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int loop = 0; loop < loops; loop++) {
        SplittableRandom keys = new SplittableRandom(SEED + loop);
        tasks.add(
            () -> {
              for (int i = 0; i < picks; i++) {
                members.get(balancer.pick(keys.nextLong())).flows().incrementAndGet();
              }
              return null;
            });
      }
      for (var task : threads.invokeAll(tasks)) {
        task.get();
      }
    }
    assertShares(members.stream().mapToInt(FakeMember::load).toArray(), members);
  }

  @Test
  default void picksWithoutAllocating() {
    List<FakeMember> members = members(20, i -> i + 1);
    Balancer balancer = factory().over(members);
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    int picks = 10_000;
    long picked = 0;
    long before = 0;
    for (int i = -picks; i < picks; i++) { // the first half loads classes and thread-locals
      before = i == 0 ? threads.getCurrentThreadAllocatedBytes() : before;
      picked += balancer.pick(i * 0x9e3779b97f4a7c15L);
    }
    long bytes = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(picked).isPositive();
    assertThat(bytes).as("bytes for %d picks", picks).isLessThan(picks);
  }

  /** Members m0000, m0001, ... without load. */
  static List<FakeMember> members(int n, IntUnaryOperator weight) {
    return IntStream.range(0, n)
        .mapToObj(i -> new FakeMember("m%04d".formatted(i), weight.applyAsInt(i)))
        .toList();
  }

  /** Each member's picks, every one of which stays as load. */
  private int[] counts(int picks, List<FakeMember> members) {
    Balancer balancer = factory().over(members);
    SplittableRandom keys = new SplittableRandom(SEED);
    int[] counts = new int[members.size()];
    for (int i = 0; i < picks; i++) {
      int picked = balancer.pick(keys.nextLong());
      counts[picked]++;
      members.get(picked).flows().incrementAndGet();
    }
    return counts;
  }

  private void assertShares(int picks, List<FakeMember> members) {
    assertShares(counts(picks, members), members);
  }

  /** Asserts that {@code counts} follow the weights, six standard deviations of noise apart. */
  default void assertShares(int[] counts, List<FakeMember> members) {
    long weights = members.stream().mapToLong(FakeMember::weight).sum();
    long picks = IntStream.of(counts).sum();
    for (int i = 0; i < counts.length; i++) {
      double due = (double) picks * members.get(i).weight() / weights;
      assertThat((double) counts[i])
          .as("picks of %s, seed %d", members.get(i), SEED)
          .isCloseTo(due, within(unevenness() * due + 6 * Math.sqrt(due) + 1));
    }
  }

  /** A member that counts its flows. */
  record FakeMember(String name, int weight, AtomicInteger flows, AtomicLong nanos)
      implements Balancer.Member {
    public FakeMember(String name, int weight) {
      this(name, weight, new AtomicInteger(), new AtomicLong());
    }

    @Override
    public int load() {
      return flows.get();
    }

    @Override
    public long latencyNanos() {
      return nanos.get();
    }
  }
}
