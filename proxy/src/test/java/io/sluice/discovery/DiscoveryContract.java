package io.sluice.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.pool.VirtualControl;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What every discovery keeps to, whoever it asks. */
abstract class DiscoveryContract {
  /** Longer than any discovery takes to see that something has changed. */
  static final Duration LONG = Duration.ofMinutes(2);

  private final long seed = Long.getLong("sluice.seed", 77_231_005L);
  private final Random random = new Random(seed);
  final VirtualControl timer = new VirtualControl();
  final List<Finding> findings = Collections.synchronizedList(new ArrayList<>());
  private final List<Discovery> open = new ArrayList<>();

  /** One that has not begun, in this test's time. */
  abstract Discovery discovery() throws Exception;

  /** From now on these are the backends, numeric addresses with ports. */
  abstract void there(Set<String> addresses) throws Exception;

  /** From now on whoever is asked has nothing to say that could be believed. */
  abstract void broken() throws Exception;

  Discovery started() throws Exception {
    Discovery discovery = discovery();
    open.add(discovery);
    discovery.start(findings::add);
    return discovery;
  }

  @AfterEach
  void close() {
    open.forEach(Discovery::close);
  }

  /** Time passes until it has told something more. */
  Finding next() throws Exception {
    int told = findings.size();
    awaitMore(told);
    return findings.getLast();
  }

  /** By default all that is done is done in virtual time. */
  void awaitMore(int told) throws Exception {
    for (int step = 0; step < 1_000 && findings.size() == told; step++) {
      timer.advance(Duration.ofMillis(250));
    }
    assertThat(findings).as("findings").hasSizeGreaterThan(told);
  }

  static Set<String> addresses(Finding finding) {
    assertThat(finding).isInstanceOf(Finding.Found.class);
    return ((Finding.Found) finding)
        .servers().stream()
            .map(
                server ->
                    server.address().getAddress().getHostAddress()
                        + ":"
                        + server.address().getPort())
            .collect(Collectors.toCollection(TreeSet::new));
  }

  private Set<String> someAddresses() {
    Set<String> some = new TreeSet<>();
    int count = 1 + random.nextInt(20);
    while (some.size() < count) {
      some.add("192.0.2." + (1 + random.nextInt(40)) + ":53");
    }
    return some;
  }

  @Test
  void tells_who_is_there_and_who_is_there_instead() throws Exception {
    System.out.printf("%s: -Dsluice.seed=%d%n", getClass().getSimpleName(), seed);
    there(Set.of("192.0.2.1:53"));
    started();
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
    Set<String> last = Set.of("192.0.2.1:53");
    for (int i = 0; i < 20; i++) {
      Set<String> now = someAddresses();
      if (now.equals(last)) {
        continue;
      }
      there(now);
      Finding told = next();
      while (addresses(told).equals(last)) {
        told = next();
      }
      assertThat(addresses(told)).as("step %d of seed %d", i, seed).isEqualTo(now);
      last = now;
    }
  }

  @Test
  void names_and_addresses_are_told_once_each_and_in_order() throws Exception {
    there(someAddresses());
    started();
    Finding.Found found = (Finding.Found) next();
    List<String> names = found.servers().stream().map(Finding.Server::name).toList();
    assertThat(names).isSorted().doesNotHaveDuplicates();
    assertThat(new HashSet<>(found.servers().stream().map(Finding.Server::address).toList()))
        .hasSameSizeAs(names);
    assertThat(found.servers())
        .allMatch(server -> server.weight() >= 1 && server.weight() <= 1_000);
  }

  @Test
  void the_same_backend_has_the_same_name_whoever_comes_and_goes() throws Exception {
    there(Set.of("192.0.2.1:53", "192.0.2.2:53"));
    started();
    String name = nameOf(next(), "192.0.2.2");
    there(Set.of("192.0.2.2:53", "192.0.2.3:53"));
    Finding told = next();
    while (addresses(told).contains("192.0.2.1:53")) {
      told = next();
    }
    assertThat(nameOf(told, "192.0.2.2")).isEqualTo(name);
  }

  private static String nameOf(Finding finding, String ip) {
    return ((Finding.Found) finding)
        .servers().stream()
            .filter(server -> server.address().getAddress().getHostAddress().equals(ip))
            .findFirst()
            .orElseThrow()
            .name();
  }

  @Test
  void what_is_broken_is_told_as_a_failure_and_mends() throws Exception {
    broken();
    started();
    assertThat(next())
        .isInstanceOfSatisfying(
            Finding.Failed.class, failed -> assertThat(failed.why()).isNotBlank());
    there(Set.of("192.0.2.1:53"));
    Finding told = next();
    while (told instanceof Finding.Failed) {
      told = next();
    }
    assertThat(addresses(told)).containsExactly("192.0.2.1:53");
  }

  @Test
  void nobody_there_is_a_failure_too() throws Exception {
    there(Set.of());
    started();
    assertThat(next()).isInstanceOf(Finding.Failed.class);
  }

  @Test
  void tells_nothing_once_it_is_closed() throws Exception {
    there(Set.of("192.0.2.1:53"));
    Discovery discovery = started();
    next();
    discovery.close();
    discovery.close();
    int told = findings.size();
    there(Set.of("192.0.2.2:53"));
    timer.advance(LONG);
    assertThat(findings).hasSize(told);
  }
}
