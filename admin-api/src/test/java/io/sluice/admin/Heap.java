package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What lives on another JVM's heap, after a full collection. */
final class Heap {
  /** {@code 12: 10000 1120000 io.sluice.flow.Flow}, perhaps with a module behind it. */
  private static final Pattern ROW =
      Pattern.compile("^ *\\d+: +(\\d+) +(\\d+) +(\\S+)", Pattern.MULTILINE);

  /**
   * Ports of the range that somebody else holds, here the test's own clients, are set aside by
   * number: as many as there are such ports, whatever the flows.
   */
  private static final Set<String> SET_ASIDE =
      Set.of("java.util.concurrent.ConcurrentLinkedQueue$Node", "java.lang.Integer");

  /** What the collector puts into the gaps it leaves. */
  private static final String FILLER = "[Ljdk.internal.vm.FillerElement;";

  /** All instances of a class. */
  record Held(long instances, long bytes) {}

  private final Map<String, Held> classes = new HashMap<>();

  private Heap() {}

  static Heap of(long pid) throws Exception {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    Ended histogram =
        Ended.run(new ProcessBuilder(jcmd.toString(), Long.toString(pid), "GC.class_histogram"));
    assertThat(histogram.status()).as(histogram.err()).isZero();
    Heap heap = new Heap();
    Matcher row = ROW.matcher(histogram.out());
    while (row.find()) {
      if (row.group(3).equals(FILLER)) {
        continue;
      }
      Held held = new Held(Long.parseLong(row.group(1)), Long.parseLong(row.group(2)));
      heap.classes.merge(
          row.group(3),
          held,
          (a, b) -> new Held(a.instances + b.instances, a.bytes + b.bytes)); // two class loaders
    }
    return heap;
  }

  /** The classes, those that hold most first. */
  List<String> byBytes() {
    return classes.keySet().stream()
        .sorted(Comparator.comparingLong((String name) -> of(name).bytes()).reversed())
        .toList();
  }

  /** The classes that hold more than they did, those that grew most first. */
  List<String> grownSince(Heap before) {
    return classes.keySet().stream()
        .filter(name -> of(name).bytes() > before.of(name).bytes())
        .sorted(
            Comparator.comparingLong((String name) -> of(name).bytes() - before.of(name).bytes())
                .reversed())
        .limit(10)
        .map(name -> "%s +%d".formatted(name, of(name).bytes() - before.of(name).bytes()))
        .toList();
  }

  Held of(String className) {
    return classes.getOrDefault(className, new Held(0, 0));
  }

  static boolean isOfPortsSetAside(String className) {
    return SET_ASIDE.contains(className);
  }

  /** All but the numbers of ports set aside. */
  long bytes() {
    return classes.keySet().stream()
        .filter(name -> !isOfPortsSetAside(name))
        .mapToLong(name -> of(name).bytes())
        .sum();
  }
}
