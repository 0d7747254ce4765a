package io.sluice.balance;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Comparator.comparing;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Maglev consistent hashing: members take turns in claiming slots of a prime-sized table, each
 * along its own permutation of the slots.
 *
 * <p>Eisenbud et al., "Maglev", NSDI 2016, section 3.4, listing 1; table size from section 5.3.
 * Weight: a member claims a slot on every turn on which its credit reaches the largest weight; all
 * start with credit for the first turn, so that none, however light, is left without a slot. 1,000
 * equal members hold 65 or 66 slots each (spread 1.5 %).
 *
 * <p>Turns go by name and permutations come from names, never from positions: appliances agree
 * whatever order they learned the members in.
 */
final class Maglev implements Balancer {
  static final int SLOTS = 65_537; // prime, so that every skip visits every slot

  /** FNV-1a, 64 bits: Fowler, Noll, Vo; RFC 9923. */
  private static final long FNV_BASIS = 0xcbf29ce484222325L;

  private static final long FNV_PRIME = 0x100000001b3L;

  /**
   * Index of the member that owns the slot. As chars (128 KiB) the table stays in a core's L2 cache
   * where ints would fill half of it; more members than fit a char could not all own a slot anyway.
   */
  final char[] slots = new char[SLOTS];

  Maglev(List<? extends Member> members) {
    if (members.size() > Character.MAX_VALUE + 1) {
      throw new IllegalArgumentException(
          "maglev takes at most 65536 members, not " + members.size() + ": use ketama");
    }
    deal(members);
  }

  @Override
  public int pick(long key) {
    // Mixed, for the table's size is 2^16 + 1: unmixed keys whose 16-bit quarters repeat in pairs
    // are multiples of it, and all of them would meet in slot 0.
    return slots[remainder(mix(key), SLOTS)];
  }

  @Override
  public Balancer preview() {
    return this;
  }

  /** Deals out the slots, in at most 65,537 rounds: the heaviest claims one in each. */
  private void deal(List<? extends Member> members) {
    int[] weights = members.stream().mapToInt(Member::weight).toArray();
    int heaviest = IntStream.of(weights).max().orElseThrow();
    long[] credit = IntStream.of(weights).mapToLong(w -> (long) heaviest - w).toArray();
    long[] hashes = members.stream().mapToLong(m -> hash(m.name())).toArray();
    int[] next = LongStream.of(hashes).mapToInt(h -> remainder(h, SLOTS)).toArray();
    int[] skip = LongStream.of(hashes).mapToInt(h -> remainder(mix(h), SLOTS - 1) + 1).toArray();
    int[] turns = byName(members);
    boolean[] taken = new boolean[SLOTS];
    int free = SLOTS;
    while (true) {
      for (int i : turns) {
        credit[i] += weights[i];
        if (credit[i] < heaviest) {
          continue;
        }
        credit[i] -= heaviest;
        while (taken[next[i]]) {
          next[i] = (next[i] + skip[i]) % SLOTS;
        }
        taken[next[i]] = true;
        slots[next[i]] = (char) i;
        if (--free == 0) {
          return;
        }
      }
    }
  }

  private static int[] byName(List<? extends Member> members) {
    return IntStream.range(0, members.size())
        .boxed()
        .sorted(comparing(i -> members.get(i).name()))
        .mapToInt(i -> i)
        .toArray();
  }

  private static long hash(String name) {
    long hash = FNV_BASIS;
    for (byte b : name.getBytes(UTF_8)) {
      hash = (hash ^ (b & 0xff)) * FNV_PRIME;
    }
    return mix(hash);
  }

  private static int remainder(long dividend, int divisor) {
    return (int) Long.remainderUnsigned(dividend, divisor);
  }

  /** MurmurHash3's 64-bit finaliser (Appleby): each bit of the input flips half of the output. */
  private static long mix(long x) {
    x = (x ^ (x >>> 33)) * 0xff51afd7ed558ccdL;
    x = (x ^ (x >>> 33)) * 0xc4ceb9fe1a85ec53L;
    return x ^ (x >>> 33);
  }
}
