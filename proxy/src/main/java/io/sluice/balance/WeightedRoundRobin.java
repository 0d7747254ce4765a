package io.sluice.balance;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toList;

import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

/**
 * Smooth weighted round-robin: each member is picked as often as its weight says and as evenly
 * spaced as can be, so that 5, 1, 1 makes a b a a a c a and not a a a a a b c.
 *
 * <p>The rule is nginx's (since 1.3.1): at every pick each contender earns its weight, the richest
 * is picked and pays the sum. It needs a lock where loops share it, so the whole cycle is dealt out
 * beforehand and the loops draw tickets from a counter: any run of whole cycles is exact, whoever
 * takes part. Members of equal weight contend as one and take turns, which makes a pool of equals
 * plain round-robin and building cost picks x distinct weights: at worst half a second, for 1,000
 * weights.
 */
final class WeightedRoundRobin implements Balancer {
  /**
   * Longest cycle aimed at: 1 MiB. Weights are divided by their greatest common divisor; what is
   * longer even so (never at up to 262 members of weights up to 1,000) is rounded to fit: each
   * share to about half a slot, and none below one.
   */
  static final int MAX_CYCLE = 1 << 18;

  final int[] cycle;
  private final AtomicLong tickets;

  /** Starts at {@code first}, counted along the cycle. */
  WeightedRoundRobin(List<? extends Member> members, int first) {
    this(cycle(slots(members)), first);
  }

  private WeightedRoundRobin(int[] cycle, long first) {
    this.cycle = cycle;
    tickets = new AtomicLong(first);
  }

  @Override
  public int pick(long key) {
    return cycle[(int) (tickets.getAndIncrement() % cycle.length)];
  }

  @Override
  public Balancer preview() {
    return new WeightedRoundRobin(cycle, tickets.get());
  }

  /** How many slots of the cycle each member gets. */
  private static int[] slots(List<? extends Member> members) {
    long sum = members.stream().mapToLong(Member::weight).sum();
    int divisor =
        members.stream().mapToInt(Member::weight).reduce(0, WeightedRoundRobin::greatestDivisor);
    return members.stream()
        .mapToLong(Member::weight)
        .map(w -> sum / divisor <= MAX_CYCLE ? w / divisor : (w * MAX_CYCLE + sum / 2) / sum)
        .mapToInt(slots -> (int) Math.max(1, slots))
        .toArray();
  }

  private static int[] cycle(int[] slots) {
    int[] cycle = new int[IntStream.of(slots).sum()];
    int[][] peers = byWeight(slots);
    int[] income = new int[peers.length];
    for (int g = 0; g < peers.length; g++) {
      income[g] = slots[peers[g][0]] * peers[g].length;
    }
    int[] credit = new int[peers.length];
    int[] turns = new int[peers.length];
    for (int i = 0; i < cycle.length; i++) {
      int richest = 0;
      for (int g = 0; g < peers.length; g++) {
        credit[g] += income[g];
        richest = credit[g] > credit[richest] ? g : richest;
      }
      credit[richest] -= cycle.length;
      cycle[i] = peers[richest][turns[richest]++ % peers[richest].length];
    }
    return cycle;
  }

  /** The members of each weight, heaviest first. */
  private static int[][] byWeight(int[] slots) {
    return IntStream.range(0, slots.length)
        .boxed()
        .collect(groupingBy(i -> slots[i], TreeMap::new, toList()))
        .descendingMap()
        .values()
        .stream()
        .map(group -> group.stream().mapToInt(i -> i).toArray())
        .toArray(int[][]::new);
  }

  private static int greatestDivisor(int a, int b) {
    return b == 0 ? a : greatestDivisor(b, a % b);
  }
}
