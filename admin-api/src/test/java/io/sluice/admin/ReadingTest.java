package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.admin.Reading.Failure;
import org.junit.jupiter.api.Test;

/** Backend 1 fails from 1,000 to 2,000 ms; an answer takes 10 ms if nothing is wrong. */
class ReadingTest {
  private static final long MS = 1_000_000;
  private static final int NOBODY = -1;
  private static final int SICK = 1;
  private static final int OTHER = 2;

  private final long origin = System.nanoTime();
  private final Trace trace = new Trace(3, 100, 100);

  private void ask(int flow, long atMs, int by) {
    ask(flow, atMs, by, 10);
  }

  private void ask(int flow, long atMs, int by, long latencyMs) {
    int number = trace.sent(flow, origin + atMs * MS);
    if (by != NOBODY) {
      trace.answered(flow, number, by, origin + (atMs + latencyMs) * MS);
    }
  }

  private Reading read() {
    return Reading.of(
        trace,
        new Failure(SICK, trace.at(origin + 1_000 * MS), trace.at(origin + 2_000 * MS), 500 * MS));
  }

  /** Answers are noted to 128 ns. */
  private static long ms(long nanos) {
    return Math.round(nanos / 1e6);
  }

  @Test
  void an_old_flow_s_wait_counts_from_the_first_request_that_failed() {
    ask(0, 900, SICK);
    ask(0, 1_010, SICK); // when the failure began in fact, we do not know
    ask(0, 1_100, NOBODY);
    ask(0, 1_200, NOBODY);
    ask(0, 1_300, OTHER);
    ask(1, 900, SICK);
    ask(1, 1_050, NOBODY);
    ask(1, 1_100, OTHER);
    ask(2, 900, OTHER);
    ask(2, 1_100, OTHER);

    Reading reading = read();

    assertThat(ms(reading.oldFlowsAgainMaxNs())).isEqualTo(210);
    assertThat(ms(reading.oldFlowsAgainP50Ns())).isEqualTo(60);
    assertThat(reading.home()).isEqualTo(2);
    assertThat(reading.moved()).isEqualTo(2);
    assertThat(reading.movedInVain()).isZero();
    assertThat(reading.sent()).isEqualTo(10);
    assertThat(reading.lost()).isEqualTo(3);
    assertThat(reading.lostOfFlow()).isEqualTo(2);
    assertThat(trace.surprises()).isZero();
  }

  @Test
  void a_flow_that_stays_is_answered_again_when_its_backend_is_back_or_never() {
    ask(0, 900, SICK);
    ask(0, 1_100, NOBODY);
    ask(0, 2_100, SICK);
    assertThat(ms(read().oldFlowsAgainMaxNs())).isEqualTo(1_010);
    assertThat(ms(read().recoveryNs())).isEqualTo(110);

    ask(1, 900, SICK);
    ask(1, 1_100, NOBODY);
    assertThat(read().oldFlowsAgainMaxNs()).isEqualTo(Reading.NEVER);
    assertThat(read().moved()).isZero();
  }

  @Test
  void late_answers_are_answers_and_count_as_the_failure() {
    ask(0, 900, SICK);
    ask(0, 1_100, SICK, 600);
    ask(0, 1_200, SICK, 600);
    assertThat(ms(read().oldFlowsAgainMaxNs())).isEqualTo(600);
    assertThat(read().lost()).isZero();
    assertThat(read().recoveryNs()).isEqualTo(Reading.NEVER);
  }

  @Test
  void a_healthy_backend_s_flow_that_moves_did_so_in_vain() {
    ask(0, 900, OTHER);
    ask(0, 1_100, 0);
    assertThat(read().movedInVain()).isOne();
  }

  @Test
  void new_flows_avoid_it_when_twenty_in_a_row_do() {
    int newcomers = trace.regulars();
    ask(newcomers, 900, NOBODY); // before it
    for (int i = 0; i < 19; i++) {
      ask(newcomers, 1_000 + i, OTHER);
    }
    ask(newcomers, 1_100, NOBODY);
    for (int i = 0; i < 19; i++) {
      ask(newcomers, 1_200 + i, OTHER);
    }
    ask(newcomers, 1_300, SICK, 600);
    for (int i = 0; i < 19; i++) {
      ask(newcomers, 1_400 + i, OTHER);
    }
    assertThat(read().newFlowsAvoidNs()).isEqualTo(Reading.NEVER);
    ask(newcomers, 1_500, OTHER);
    ask(newcomers, 1_600, NOBODY); // on trial, later
    assertThat(ms(read().newFlowsAvoidNs())).isEqualTo(200); // from 1,100 to 1,300
    assertThat(read().newcomersLost()).isEqualTo(3);
    assertThat(read().lost()).isZero();
  }

  @Test
  void an_answer_that_nobody_asked_for_or_comes_twice_is_a_surprise() {
    ask(0, 900, SICK);
    trace.answered(0, 0, SICK, origin);
    trace.answered(0, 100, SICK, origin);
    trace.answered(-1, 0, SICK, origin);
    assertThat(trace.surprises()).isEqualTo(3);
    assertThat(trace.answered()).isOne();
  }
}
