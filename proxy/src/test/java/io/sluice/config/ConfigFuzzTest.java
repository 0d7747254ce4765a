package io.sluice.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Map;

/**
 * Whatever the text, a configuration or its problems come out. {@code mvn verify} runs the seeds
 * among the test resources; {@code JAZZER_FUZZ=1 mvn -pl proxy test -Dtest=ConfigFuzzTest
 * -Djazzer.hooks=true} goes on from there.
 */
class ConfigFuzzTest {
  @FuzzTest(maxDuration = "1m")
  void anyTextIsAConfigurationOrProblems(byte[] bytes) {
    try {
      SluiceConfig config = Samples.read(new String(bytes, UTF_8), Map.of("PORT", "53"));
      assertThat(config.fronts()).isNotEmpty();
      assertThat(config.pools()).isNotEmpty();
    } catch (InvalidConfig e) {
      assertThat(e.problems()).isNotEmpty();
      for (Problem problem : e.problems()) {
        assertThat(problem.file()).isEqualTo("f");
        assertThat(problem.line()).isPositive();
        assertThat(problem.toString().chars()).noneMatch(Character::isISOControl);
      }
    }
  }
}
