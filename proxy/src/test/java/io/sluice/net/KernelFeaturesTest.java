package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
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

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      textBlock =
          """
          # range        ; reserved                ; left
          32768\t60999   ;                         ; 28232
          40000 40099    ; 40000                   ; 99
          40000 40099    ; 8080,40010-40019,40099  ; 89
          40000 40099    ; 39000-41000             ; 0
          """)
  void localPortsAreTheRangeLessWhatIsReserved(String range, String reserved, int left) {
    assertThat(KernelFeatures.localPorts(range, reserved == null ? "" : reserved).cardinality())
        .isEqualTo(left);
  }

  @Test
  void bothEndsOfTheRangeCount() {
    assertThat(KernelFeatures.localPorts("1000 1004", "1002").stream().boxed())
        .containsExactly(1000, 1001, 1003, 1004);
  }

  @Test
  void whereTheSystemTellsNothingTheRangeIsTheKernelsDefault() {
    assertThat(KernelFeatures.localPorts("", "").stream().boxed())
        .containsExactlyElementsOf(IntStream.rangeClosed(32_768, 60_999).boxed().toList());
  }
}
