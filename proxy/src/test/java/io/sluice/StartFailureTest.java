package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StartFailureTest {
  @ParameterizedTest
  @CsvSource({
    "Address already in use, sport = :53",
    "Permission denied, CAP_NET_BIND_SERVICE",
    "Cannot assign requested address, ip address",
    "Odd weather, check the address in the configuration"
  })
  void a_socket_that_cannot_be_bound_says_what_to_do(String kernelSays, String advice) {
    var at = new InetSocketAddress(InetAddress.getLoopbackAddress(), 53);
    assertThat(StartFailure.bind("front 'dns'", "udp", at, new BindException(kernelSays)))
        .hasMessageStartingWith("front 'dns': cannot bind 127.0.0.1 port 53/udp: ")
        .hasMessageContaining(advice)
        .hasMessageNotContaining("\n");
  }

  @Test
  void linux_on_x86_64_and_arm64_may_run() {
    assertThatCode(() -> Run.requireLinux("Linux", "amd64")).doesNotThrowAnyException();
    assertThatCode(() -> Run.requireLinux("Linux", "aarch64")).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"Mac OS X, aarch64", "Windows 11, amd64", "Linux, riscv64"})
  void other_machines_are_told_where_it_runs(String os, String arch) {
    assertThatThrownBy(() -> Run.requireLinux(os, arch))
        .isInstanceOf(StartFailure.class)
        .hasMessageContainingAll("Linux x86-64 and arm64 only", os + " " + arch);
  }
}
