package io.sluice.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Bad configurations and, to the letter, what an operator is told about them: problems.txt. */
class ProblemsTest {
  private static final Pattern CASE =
      Pattern.compile("(?<text>(?s:.*?))\\n?-->\\n(?<problems>(?:.+\\n)+)\\n?");

  @ParameterizedTest(name = "{1}")
  @MethodSource("cases")
  void everyMistakeIsNamed(String text, String problems) {
    assertThat(Samples.problems(text, Map.of("TEXT", "x"))).isEqualTo(problems);
  }

  static List<Arguments> cases() throws IOException {
    List<Arguments> cases = new ArrayList<>();
    try (var in = ProblemsTest.class.getResourceAsStream("problems.txt")) {
      String table = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      var each = CASE.matcher(table);
      int end = 0;
      while (each.find()) {
        assertThat(each.start()).isEqualTo(end);
        end = each.end();
        cases.add(Arguments.of(each.group("text"), each.group("problems").strip()));
      }
      assertThat(end).isEqualTo(table.length());
    }
    return cases;
  }
}
