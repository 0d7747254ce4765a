package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelFeaturesTest {
  @ParameterizedTest
  @CsvSource({
    "6.13.0, true", "6.13-rc1, true", "6.18.44-cloud-amd64, true", "7.0, true", "10.1.2, true",
    "6.12.99, false", "6.1.0-18-amd64, false", "5.15.0, false", "6, false", "unknown, false"
  })
  void comparesVersionsByNumber(String version, boolean atLeast) {
    assertThat(KernelFeatures.isAtLeast(version, 6, 13)).isEqualTo(atLeast);
  }
}
