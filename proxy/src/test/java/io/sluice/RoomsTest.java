package io.sluice;

import static com.tngtech.archunit.lang.conditions.ArchPredicates.are;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import io.sluice.affinity.KeyExtractor;
import io.sluice.balance.Balancer;
import io.sluice.discovery.Discovery;
import io.sluice.filter.DatagramFilter;
import io.sluice.probe.Probe;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.NullMarked;

/** The rooms of DESIGN section 2: who may import whom, and what no room may hold. */
@AnalyzeClasses(packages = "io.sluice", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
  private static final String ROOT = "io.sluice";

  /** What each room may import of ours; the root may import all, and nobody the root. */
  private static final Map<String, Set<String>> MAY_IMPORT =
      Map.ofEntries(
          Map.entry(
              "front", Set.of("flow", "pool", "affinity", "filter", "trace", "net", "metrics")),
          Map.entry("flow", Set.of("filter", "pool", "affinity", "trace", "net", "metrics")),
          Map.entry("pool", Set.of("balance", "probe", "metrics")),
          Map.entry("probe", Set.of()),
          Map.entry("filter", Set.of("metrics")),
          Map.entry("affinity", Set.of()),
          Map.entry("balance", Set.of()),
          Map.entry("trace", Set.of("net", "metrics")),
          Map.entry("net", Set.of("metrics")),
          Map.entry("discovery", Set.of("config")),
          Map.entry("config", Set.of()),
          Map.entry("metrics", Set.of()));

  @ArchTest
  static void every_room_imports_only_what_it_may(JavaClasses all) {
    MAY_IMPORT.forEach((room, allowed) -> importsOnly(room, allowed).check(all));
  }

  @ArchTest
  static void every_package_is_a_room(JavaClasses all) {
    var rooms = new TreeSet<String>();
    all.forEach(type -> rooms.add(type.getPackageName()));
    rooms.remove(ROOT);
    assertThat(rooms).allMatch(name -> MAY_IMPORT.containsKey(name.substring(ROOT.length() + 1)));
  }

  @ArchTest
  static void every_package_is_null_marked(JavaClasses all) {
    for (JavaClass type : all) {
      assertThat(type.getPackage().isAnnotatedWith(NullMarked.class))
          .as("@NullMarked on the package-info of %s", type.getPackageName())
          .isTrue();
    }
  }

  @ArchTest
  static final ArchRule no_cycles = slices().matching("io.sluice.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule arithmetic_and_configuration_know_no_netty =
      noClasses()
          .that()
          .resideInAnyPackage("io.sluice.balance", "io.sluice.config", "io.sluice.metrics")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.netty..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule sockets_are_only_in_net =
      noClasses()
          .that()
          .resideInAnyPackage("io.sluice.pool", "io.sluice.affinity", "io.sluice.filter")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.netty.channel..", "io.netty.bootstrap..", "java.nio.channels..")
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule native_memory_is_only_in_net =
      noClasses()
          .that()
          .resideOutsideOfPackage("io.sluice.net")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("java.lang.foreign..");

  @ArchTest
  static final ArchRule nothing_here_knows_http_but_who_asks_by_it =
      noClasses()
          .that()
          .resideOutsideOfPackages("io.sluice.probe", "io.sluice.discovery")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.vertx..", "io.netty.handler.codec.http..", "java.net.http..", "com.sun.net..");

  @ArchTest
  static final ArchRule names_say_what_a_thing_is =
      noClasses()
          .should()
          .haveSimpleNameEndingWith("Manager")
          .orShould()
          .haveSimpleNameEndingWith("Helper")
          .orShould()
          .haveSimpleNameEndingWith("Impl")
          .orShould()
          .haveSimpleNameStartingWith("Abstract")
          .orShould()
          .resideInAnyPackage("..util..", "..common..", "..impl..");

  @ArchTest
  static final ArchRule implementations_of_seams_are_final_and_package_private =
      classes()
          .that(
              are(
                  DescribedPredicate.describe(
                      "implementations of a seam",
                      type ->
                          !type.isInterface()
                              && (type.isAssignableTo(Balancer.class)
                                  || type.isAssignableTo(DatagramFilter.class)
                                  || type.isAssignableTo(DatagramFilter.Factory.class)
                                  || type.isAssignableTo(KeyExtractor.class)
                                  || type.isAssignableTo(Discovery.class)
                                  || type.isAssignableTo(Probe.class)))))
          .should()
          .haveModifier(JavaModifier.FINAL)
          .andShould()
          .notBePublic()
          .allowEmptyShould(true);

  @ArchTest
  static void a_seam_has_at_most_four_abstract_methods(JavaClasses all) {
    for (Class<?> seam :
        List.of(
            Plugin.class,
            AdminServer.class,
            Balancer.class,
            Balancer.Factory.class,
            Balancer.Member.class,
            KeyExtractor.class,
            DatagramFilter.Factory.class,
            Discovery.class,
            Probe.class)) {
      assertThat(all.get(seam).getMethods())
          .as("abstract methods of %s", seam)
          .filteredOn(method -> method.getModifiers().contains(JavaModifier.ABSTRACT))
          .hasSizeBetween(1, 4);
    }
  }

  private static ArchRule importsOnly(String room, Set<String> allowed) {
    String home = ROOT + "." + room;
    return classes()
        .that()
        .resideInAPackage(home)
        .should(
            new ArchCondition<>("import of ours only " + new TreeSet<>(allowed)) {
              @Override
              public void check(JavaClass type, ConditionEvents events) {
                type.getDirectDependenciesFromSelf().stream()
                    .filter(use -> isOurs(use.getTargetClass().getPackageName()))
                    .filter(use -> !use.getTargetClass().getPackageName().equals(home))
                    .filter(use -> !allowed.contains(roomOf(use.getTargetClass())))
                    .forEach(
                        use ->
                            events.add(SimpleConditionEvent.violated(use, use.getDescription())));
              }
            })
        .allowEmptyShould(true);
  }

  private static boolean isOurs(String packageName) {
    return packageName.equals(ROOT) || packageName.startsWith(ROOT + ".");
  }

  /** The root's name is empty, which no room may import. */
  private static String roomOf(JavaClass type) {
    String name = type.getPackageName();
    return name.equals(ROOT) ? "" : name.substring(ROOT.length() + 1);
  }
}
