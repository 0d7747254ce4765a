package io.sluice.admin;

import static com.tngtech.archunit.lang.conditions.ArchConditions.onlyDependOnClassesThat;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import io.sluice.Subcommand;
import io.sluice.config.InvalidConfig;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import io.sluice.front.Explanation;
import io.sluice.metrics.Drop;
import io.sluice.metrics.Journal;
import io.sluice.pool.Dossier;
import io.sluice.pool.State;
import io.sluice.probe.ProbeResult;
import io.sluice.trace.Capture;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The admin API sees the facade, not the rooms behind it. */
@AnalyzeClasses(
    packages = {"io.sluice.admin", "io.sluice.ctl"},
    importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
  private static final Set<String> FROM_OTHER_ROOMS =
      Stream.of(
              SluiceConfig.Admin.class,
              SluiceConfig.Role.class,
              SluiceConfig.Tls.class,
              SluiceConfig.Token.class,
              SluiceConfig.Backend.class,
              InvalidConfig.class,
              Problem.class,
              Drop.class,
              Journal.class,
              Journal.Kind.class,
              Journal.Event.class,
              Journal.Listening.class,
              Capture.class,
              Capture.Spec.class,
              Capture.Client.class,
              Dossier.class,
              Dossier.Draining.class,
              Dossier.Transition.class,
              State.class,
              Explanation.class,
              Explanation.Outcome.class,
              Explanation.Stage.class,
              Explanation.Step.class,
              Explanation.Verdict.class,
              ProbeResult.class)
          .map(Class::getName)
          .collect(Collectors.toUnmodifiableSet());

  private static final DescribedPredicate<JavaClass> FACADE_OR_FOREIGN =
      DescribedPredicate.describe(
          "are of the root package, this one, no one of ours, or " + FROM_OTHER_ROOMS,
          type ->
              switch (type.getPackageName()) {
                case "io.sluice", "io.sluice.admin" -> true;
                case String other ->
                    !other.startsWith("io.sluice.") || FROM_OTHER_ROOMS.contains(type.getName());
              });

  @ArchTest
  static final ArchRule admin_sees_only_the_facade =
      classes()
          .that()
          .resideInAPackage("io.sluice.admin")
          .should(onlyDependOnClassesThat(FACADE_OR_FOREIGN))
          .allowEmptyShould(true);

  @ArchTest
  static final ArchRule ctl_sees_only_the_contract =
      noClasses()
          .that()
          .resideInAPackage("io.sluice.ctl")
          .should()
          .dependOnClassesThat(
              DescribedPredicate.describe(
                  "are ours, but for Subcommand",
                  type ->
                      type.getPackageName().startsWith("io.sluice")
                          && !type.getPackageName().equals("io.sluice.ctl")
                          && !type.isEquivalentTo(Subcommand.class)));

  @ArchTest
  static final ArchRule native_memory_is_only_in_net =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAPackage("java.lang.foreign..")
          .allowEmptyShould(true);
}
