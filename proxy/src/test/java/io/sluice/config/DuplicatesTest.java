package io.sluice.config;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DuplicatesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "sluice.pools { a { }, a { } }",
        "sluice { pools { a = { }\n \"a\" : { } } }",
        "{ sluice.pools.a { } , sluice { pools { a\n { } } } }",
        "sluice { pools.a { x = [ { y = 1 } ] }\n x = \"\"\"}\"\"\"\n # }\n pools.a =\n { } }",
        "include \"x\"\nsluice.pools.a { }\nsluice.pools { a { } }",
        "fronts { a { } }\nfronts { a { } }",
        "sluice.pools.p.backends { a { }, b { }, a { } }"
      })
  void aNameOpenedTwiceIsReported(String text) {
    assertThat(find(text)).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sluice.pools { a { }, b { } }\nsluice.pools { c { } }",
        "sluice.pools.a { weight = 1, weight = ${?W} }\nsluice.pools.a.weight = 2",
        "sluice { pools.a { } # pools.a { }\n // pools.a { }\n x = \"pools.a { }\" }",
        "sluice { pools.a { }\n x = \"\\\"\", y = [ pools, { pools.a { } } ] }",
        "sluice { fronts.a { }, pools.a { backends.a { } }, pools.b.backends.a { } }",
        "sluice.pools.a { flows { } , flows { } }",
        "a { }, a { }"
      })
  void whatOnlyLooksLikeItIsNot(String text) {
    assertThat(find(text)).isEmpty();
  }

  @Test
  void thePlaceIsTheSecondOne() {
    assertThat(find("sluice {\n pools.a { }\n\n pools.a { backends.b { } }\n}"))
        .containsExactly(
            new Problem(
                "f",
                4,
                "sluice.pools.a",
                "stands at line 2 already, and HOCON merges the two: rename one"));
  }

  @Test
  void howManyThereAreCostsNoMoreThanTheirNumber() {
    // each would be compared with all others: 10^10 comparisons, and minutes
    String pools = IntStream.range(0, 100_000).mapToObj(i -> "p" + i + "{}\n").collect(joining());
    assertTimeoutPreemptively(
        Duration.ofMinutes(1),
        () -> assertThat(find("sluice.pools {" + pools + pools + "}")).hasSize(100_000));
  }

  @Test
  void aNeighbourOfWhatStandsTwiceStaysKnown() {
    assertThat(
            find(
                "sluice.pools { a { backends.x { } }, ab { backends.x { } }\n"
                    + " a { backends.x { } }, ab.backends.x { } }"))
        .extracting(Problem::line)
        .containsExactly(2, 2);
  }

  private static List<Problem> find(String text) {
    Report report = new Report();
    report.opened("f");
    Duplicates.find("f", text, report);
    return report.problems();
  }
}
