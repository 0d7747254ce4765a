package io.sluice.pool;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Who the backends of a pool are, by the configuration in force: made whole, never changed, but for
 * what each watch makes of its backend.
 *
 * @param watches one for each server of {@code spec}, in that order
 */
record Roster(Pool.Spec spec, List<Watch> watches, List<Backend> backends) {

  private Roster(Pool.Spec spec, List<Watch> watches) {
    this(spec, watches, watches.stream().map(Watch::backend).toList());
  }

  static Roster of(Pool.Spec spec, Function<Pool.Spec.Server, Watch> newcomer) {
    return new Roster(spec, spec.servers().stream().map(newcomer).toList());
  }

  /** The next one: who keeps name and address is the same backend, anybody else a newcomer. */
  Roster after(Pool.Spec next, Function<Pool.Spec.Server, Watch> newcomer) {
    Map<String, Watch> known =
        watches.stream().collect(Collectors.toMap(watch -> watch.backend().name(), w -> w));
    return of(
        next,
        server -> {
          Watch same = known.get(server.name());
          return same != null && same.backend().address().equals(server.address())
              ? same
              : newcomer.apply(server);
        });
  }

  /** Has all of them judged by its rules. */
  void apply() {
    for (int i = 0; i < watches.size(); i++) {
      watches.get(i).heed(spec, spec.servers().get(i));
    }
  }

  /**
   * The watch over a backend.
   *
   * @throws IllegalArgumentException with words for the operator when there is no such backend
   */
  Watch watch(String backend) {
    return watches.stream()
        .filter(watch -> watch.backend().name().equals(backend))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "pool '%s' has no backend '%s'; there are: %s"
                        .formatted(
                            spec.name(),
                            backend,
                            String.join(", ", backends.stream().map(Backend::name).toList()))));
  }

  /** Those that are not in another one. */
  List<Watch> without(Roster other) {
    Set<Watch> those = Set.copyOf(other.watches);
    return watches.stream().filter(watch -> !those.contains(watch)).toList();
  }

  boolean hasNoneEligible() {
    return indexes(Watch::isEligible).findAny().isEmpty();
  }

  /** Of those that are to stay. */
  private IntStream indexes(Predicate<Watch> which) {
    return IntStream.range(0, watches.size())
        .filter(i -> spec.servers().get(i).leaving().isEmpty() && which.test(watches.get(i)));
  }

  /** Who is to be dealt now; for want of any eligible one, those that nobody wished away. */
  List<Snapshot.Member> members() {
    if (!hasNoneEligible() || !spec.allWhenNoneEligible()) {
      return members(Watch::isEligible);
    }
    List<Snapshot.Member> wanted = members(watch -> !watch.isUnwanted());
    return wanted.isEmpty() ? members(_ -> true) : wanted;
  }

  private List<Snapshot.Member> members(Predicate<Watch> which) {
    return indexes(which)
        .mapToObj(i -> new Snapshot.Member(backends.get(i), spec.servers().get(i).weight()))
        .toList();
  }

  /** Whether passive evidence may take this one out, however others came to be out. */
  boolean hasRoomToEject(Watch one) {
    long size = indexes(_ -> true).count();
    long out = indexes(watch -> watch != one && !watch.isEligible()).count();
    long most = Math.ceilDiv(spec.maxEjected() * size, 100);
    return out < (spec.maxEjected() == 100 ? most : Math.min(most, Math.max(1, size - 1)));
  }
}
