package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NearestTest {
  @ParameterizedTest
  @CsvSource({
    "listen, listen, 0",
    "LISTEN, listen, 0",
    "listn, listen, 1",
    "lisetn, listen, 1",
    "lixten, listen, 1",
    "xlisten, listen, 1",
    "kitten, sitting, 3",
    "a, listen, 6"
  })
  void countsLettersInsertedDeletedReplacedOrSwapped(String written, String known, int distance) {
    assertThat(Nearest.distance(written, known)).isEqualTo(distance);
  }

  @Test
  void suggestsTheNearestOrElseAll() {
    Set<String> known = Set.of("weight", "address");
    assertThat(Nearest.hint("adress", known)).isEqualTo("did you mean 'address'?");
    assertThat(Nearest.hint("port", known)).isEqualTo("known here: address, weight");
    assertThat(Nearest.hint("x".repeat(100_000), known)).isEqualTo("known here: address, weight");
    assertThat(Nearest.hint("x", Set.of())).isEqualTo("none is known");
  }
}
