package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AllowanceTest {
  private static final InetAddress A = InetAddress.ofLiteral("192.0.2.1");
  private static final InetAddress B = InetAddress.ofLiteral("192.0.2.2");
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private long now = -SECOND;
  private final Allowance allowance = new Allowance(4, 3, () -> now);

  @Test
  void aBurstIsGrantedAndThenSoManyASecond() {
    assertThat(taken(A, 10)).isEqualTo(3);
    assertThat(allowance.take(A)).isEqualTo(SECOND / 4);
    now += SECOND / 4 - 1;
    assertThat(allowance.take(A)).isEqualTo(1);
    now += 1;
    assertThat(taken(A, 10)).isEqualTo(1);
    now += SECOND;
    assertThat(taken(A, 10)).isEqualTo(3);
  }

  @Test
  void overALongTimeTheRateIsExact() {
    int taken = 0;
    for (int i = 0; i < 1_000; i++) {
      taken += taken(A, 5);
      now += SECOND / 10;
    }
    assertThat(taken).isEqualTo(2 + 4 * 100);
  }

  @Test
  void lookingTakesNothing() {
    for (int i = 0; i < 10; i++) {
      assertThat(allowance.wait(A)).isZero();
    }
    assertThat(taken(A, 10)).isEqualTo(3);
  }

  @Test
  void sourcesDoNotTakeFromOneAnother() {
    assertThat(taken(A, 10)).isEqualTo(3);
    assertThat(taken(B, 10)).isEqualTo(3);
  }

  @Test
  void anIpv6NetworkIsOneSource() {
    assertThat(taken(InetAddress.ofLiteral("2001:db8::1"), 2)).isEqualTo(2);
    assertThat(taken(InetAddress.ofLiteral("2001:db8:0:0:ffff::2"), 2)).isEqualTo(1);
    assertThat(taken(InetAddress.ofLiteral("2001:db8:0:1::1"), 3)).isEqualTo(3);
  }

  @Test
  void ofTooManySourcesTheOneNotSeenForLongestIsForgotten() {
    assertThat(taken(A, 3)).isEqualTo(3);
    assertThat(taken(B, 3)).isEqualTo(3);
    for (int i = 2; i < Allowance.SOURCES; i++) {
      allowance.take(InetAddress.ofLiteral("10.0." + i / 256 + "." + i % 256));
    }
    assertThat(allowance.take(A)).isPositive();
    allowance.take(InetAddress.ofLiteral("10.1.0.0"));
    assertThat(allowance.take(B)).isZero();
    assertThat(allowance.take(A)).isPositive();
  }

  private int taken(InetAddress source, int wanted) {
    int taken = 0;
    for (int i = 0; i < wanted; i++) {
      taken += allowance.take(source) == 0 ? 1 : 0;
    }
    return taken;
  }
}
