package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Ten minutes of the same: {@code bench/failover --chaos 600}. */
@Timeout(180)
class ChaosIT {
  @TempDir Path folder;

  @Test
  void every_query_is_answered_or_counted_while_servers_are_killed_and_come_back()
      throws Exception {
    for (String program : List.of("dig", "dnsperf", "knotd", "curl")) {
      assumeTrue(
          Ended.run("sh", "-c", "PATH=$PATH:/usr/sbin command -v " + program).status() == 0,
          () -> "needs " + program);
    }
    long seed = new Random().nextLong();
    System.out.println("chaos: seed " + seed);
    try (var chaos = new Chaos(folder, seed)) {
      Chaos.Books books = chaos.reign(Duration.ofSeconds(20));
      System.out.println("chaos: " + books);
      assertThat(books.kills()).isPositive();
      assertThat(books.answered()).isGreaterThan(books.sent() * 9 / 10);
      // One of every client at most, each time. Far fewer in fact: the first few speak for all.
      assertThat(books.unanswered()).isLessThanOrEqualTo((long) books.kills() * books.clients());
    }
  }
}
