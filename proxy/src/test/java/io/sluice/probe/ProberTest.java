package io.sluice.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.pool.VirtualControl;
import io.sluice.probe.ProbeResult.Verdict;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Rounds in virtual time: a check is "begun" when its thread would be, and runs when the test says
 * so.
 */
@Timeout(60)
class ProberTest {
  private static final InetSocketAddress TARGET =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 5);
  private static final Duration INTERVAL = Duration.ofSeconds(2);
  private static final Duration TIMEOUT = Duration.ofSeconds(1);
  private static final Prober.Pace PACE = new Prober.Pace(INTERVAL, TIMEOUT);

  private final VirtualControl control = new VirtualControl();
  private final Deque<Runnable> begun = new ArrayDeque<>();
  private final List<ProbeResult> results = new ArrayList<>();
  private final Random random = new Random(7);

  @Test
  void the_first_check_comes_at_random_within_the_interval() {
    List<Long> firstMs = new ArrayList<>();
    Prober prober = prober(1_000);
    for (int i = 0; i < 200; i++) {
      prober.start((_, _) -> {}, TARGET, PACE, results::add);
    }
    for (int ms = 0; ms < 2_000; ms++) {
      control.advance(Duration.ofMillis(1));
      for (; !begun.isEmpty(); begun.remove()) {
        firstMs.add((long) ms);
      }
    }
    assertThat(firstMs).hasSize(200);
    // 50 in each quarter on the average, 6 the standard deviation
    for (int quarter = 0; quarter < 4; quarter++) {
      long from = quarter * 500L;
      assertThat(firstMs.stream().filter(ms -> ms >= from && ms < from + 500))
          .hasSizeBetween(20, 80);
    }
  }

  @Test
  void checks_come_every_interval_less_some_jitter() throws Exception {
    List<Long> atNs = new ArrayList<>();
    try (Rounds _ = prober(1).start((_, _) -> {}, TARGET, PACE, _ -> {})) {
      while (atNs.size() < 200) {
        control.advance(Duration.ofMillis(1));
        if (!begun.isEmpty()) {
          atNs.add(control.nanoTime());
          runAll();
        }
      }
    }
    List<Long> gapsMs = new ArrayList<>();
    for (int i = 1; i < atNs.size(); i++) {
      gapsMs.add((atNs.get(i) - atNs.get(i - 1)) / 1_000_000);
    }
    assertThat(gapsMs).allMatch(ms -> ms >= 1_599 && ms <= 2_001);
    assertThat(gapsMs.stream().distinct()).hasSizeGreaterThan(20);
  }

  @Test
  void every_result_says_what_when_and_how_long() {
    Deque<IOException> next =
        new ArrayDeque<>(
            List.of(new IOException("answered SERVFAIL"), new LameDuck("asks to be drained")));
    prober(1)
        .start(
            (target, timeout) -> {
              assertThat(target).isEqualTo(TARGET);
              assertThat(timeout).isEqualTo(TIMEOUT);
              control.advance(Duration.ofMillis(3));
              if (!next.isEmpty()) {
                throw next.remove();
              }
            },
            TARGET,
            PACE,
            results::add);
    for (int i = 0; i < 3; i++) {
      control.advance(INTERVAL);
      runAll();
    }
    assertThat(results)
        .extracting(ProbeResult::verdict)
        .containsExactly(Verdict.FAILED, Verdict.LAME_DUCK, Verdict.PASSED);
    assertThat(results)
        .extracting(ProbeResult::reason)
        .containsExactly("answered SERVFAIL", "asks to be drained", "passed");
    assertThat(results).extracting(ProbeResult::passed).containsExactly(false, true, true);
    assertThat(results).extracting(ProbeResult::lameDuck).containsExactly(false, true, false);
    assertThat(results.getFirst().took()).isBetween(Duration.ofMillis(3), INTERVAL);
    assertThat(results.getFirst().at()).isBeforeOrEqualTo(control.wallClock().instant());
  }

  @Test
  void whatever_a_plugin_throws_is_a_failure_in_one_printable_line() {
    Deque<Throwable> next =
        new ArrayDeque<>(
            List.of(
                new IllegalStateException("no\nlicence"),
                new NoClassDefFoundError("a/B"),
                new ConnectException("Connection refused"),
                new IOException("x".repeat(1_000)),
                new IOException()));
    prober(1)
        .start(
            (_, _) -> {
              switch (next.remove()) {
                case IOException e -> throw e;
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                default -> throw new AssertionError();
              }
            },
            TARGET,
            PACE,
            results::add);
    while (results.size() < 5) {
      control.advance(INTERVAL);
      runAll();
    }
    assertThat(results)
        .extracting(ProbeResult::reason)
        .containsExactly(
            "java.lang.IllegalStateException: no?licence",
            "java.lang.NoClassDefFoundError: a/B",
            "connection refused",
            "x".repeat(200) + "...",
            "java.io.IOException");
  }

  @Test
  void a_check_that_hangs_fails_and_no_other_begins_before_it_ends() {
    punctual(1, begun::add).start((_, _) -> {}, TARGET, PACE, results::add);
    control.runDue();
    assertThat(begun).hasSize(1);

    control.advance(TIMEOUT.plus(Rounds.MARGIN));
    assertThat(results).hasSize(1);
    assertThat(results.getFirst().reason()).isEqualTo("the check hangs: no result within 2 s");

    control.advance(INTERVAL.multipliedBy(3));
    assertThat(begun).hasSize(1);
    assertThat(results).hasSize(4);
    assertThat(results.subList(1, results.size()))
        .allMatch(result -> result.reason().equals("an earlier check hangs") && !result.passed());

    int before = results.size();
    runAll();
    assertThat(results).hasSize(before); // its own result comes too late to count
    control.advance(INTERVAL);
    assertThat(begun).hasSize(1);
    runAll();
    assertThat(results.getLast().passed()).isTrue();
  }

  @Test
  void so_many_checks_are_under_way_and_no_more_and_the_next_wait_in_line() {
    Prober prober = punctual(3, begun::add);
    for (int i = 0; i < 10; i++) {
      prober.start((_, _) -> {}, TARGET, PACE, results::add);
    }
    control.runDue();
    assertThat(begun).hasSize(3);
    for (int i = 0; i < 7; i++) {
      begun.remove().run();
      control.runDue();
      assertThat(begun).hasSize(3);
    }
    runAll();
    assertThat(results).hasSize(10).allMatch(ProbeResult::passed);
  }

  @Test
  void checks_that_hang_do_not_keep_others_out() {
    Prober prober = prober(2);
    for (int i = 0; i < 2; i++) {
      prober.start((_, _) -> {}, TARGET, PACE, results::add);
    }
    control.advance(INTERVAL);
    assertThat(begun).hasSize(2);
    begun.clear(); // nobody will ever run these
    prober.start((_, _) -> {}, TARGET, PACE, results::add);
    control.advance(INTERVAL.plus(TIMEOUT).plus(Rounds.MARGIN));
    assertThat(begun).hasSize(1);
  }

  @Test
  void nothing_comes_of_rounds_that_are_closed() {
    Prober prober = prober(1);
    Rounds beforeTheFirst = prober.start((_, _) -> {}, TARGET, PACE, results::add);
    beforeTheFirst.close();
    control.advance(INTERVAL.multipliedBy(3));
    assertThat(begun).isEmpty();
    assertThat(control.pending()).isZero();

    Rounds underWay = prober.start((_, _) -> {}, TARGET, PACE, results::add);
    Rounds inLine = prober.start((_, _) -> {}, TARGET, PACE, results::add);
    control.advance(INTERVAL);
    assertThat(begun).hasSize(1);
    underWay.close();
    inLine.close();
    runAll();
    assertThat(results).isEmpty();
    assertThat(control.pending()).isZero();

    prober.start((_, _) -> {}, TARGET, PACE, results::add);
    control.advance(INTERVAL);
    assertThat(begun).hasSize(1); // their places are free again
  }

  @Test
  void a_check_that_hangs_for_ever_gives_up_its_place_even_if_its_rounds_are_closed() {
    Prober prober = prober(1);
    Rounds hanging = prober.start((_, _) -> {}, TARGET, PACE, results::add);
    control.advance(INTERVAL);
    assertThat(begun).hasSize(1);
    begun.clear(); // and never run
    hanging.close();
    prober.start((_, _) -> {}, TARGET, PACE, results::add);

    control.advance(TIMEOUT.plus(Rounds.MARGIN).plus(INTERVAL));

    assertThat(begun).hasSize(1);
  }

  @Test
  void a_check_that_is_given_up_or_closed_is_interrupted() throws Exception {
    for (boolean close : new boolean[] {true, false}) {
      var asleep = new CountDownLatch(1);
      var woken = new CountDownLatch(1);
      var thread = new AtomicReference<Thread>();
      Prober prober = punctual(1, check -> thread.set(Thread.startVirtualThread(check)));
      Rounds rounds =
          prober.start(
              (_, _) -> {
                asleep.countDown();
                try {
                  new CountDownLatch(1).await();
                } catch (InterruptedException e) {
                  woken.countDown();
                }
              },
              TARGET,
              PACE,
              results::add);
      control.runDue();
      assertThat(asleep.await(30, TimeUnit.SECONDS)).isTrue();
      if (close) {
        rounds.close();
      } else {
        control.advance(TIMEOUT.plus(Rounds.MARGIN));
        assertThat(results).hasSize(1);
      }
      assertThat(woken.await(30, TimeUnit.SECONDS)).isTrue();
      assertThat(thread.get().join(Duration.ofSeconds(30))).isTrue();
      rounds.close();
    }
  }

  private Prober prober(int most) {
    return new Prober(
        control, control::nanoTime, control.wallClock(), begun::add, random::nextLong, most);
  }

  /** Without chance: checks begin at once, and then every interval. */
  private Prober punctual(int most, Executor threads) {
    return new Prober(control, control::nanoTime, control.wallClock(), threads, _ -> 0, most);
  }

  /** Runs what was begun, and what is begun in its place. */
  private void runAll() {
    while (!begun.isEmpty()) {
      begun.remove().run();
      control.runDue();
    }
  }
}
