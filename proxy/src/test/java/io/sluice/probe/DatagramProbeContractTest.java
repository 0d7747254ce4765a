package io.sluice.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What holds for every built-in that asks by a datagram. */
@Timeout(60)
class DatagramProbeContractTest {
  private static final Duration LONG = Duration.ofSeconds(10);
  private static final Duration SHORT = Duration.ofMillis(50);

  static List<Spoken> all() {
    return Spoken.all();
  }

  @ParameterizedTest
  @MethodSource("all")
  void the_right_answer_passes(Spoken spoken) throws Exception {
    try (var server = new Answerer(question -> List.of(spoken.rightAnswer().apply(question)))) {
      spoken.probe().check(server.address(), LONG);
      assertThat(server.asked).hasValue(1);
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void silence_fails_when_the_time_is_over_and_says_so(Spoken spoken) throws Exception {
    try (var server = Answerer.silent()) {
      long beganNs = System.nanoTime();
      assertThatThrownBy(() -> spoken.probe().check(server.address(), SHORT))
          .isInstanceOf(IOException.class)
          .hasMessage("no answer within 50 ms");
      assertThat(System.nanoTime() - beganNs).isGreaterThanOrEqualTo(SHORT.toNanos());
    }
  }

  @ParameterizedTest
  @MethodSource("all")
  void a_closed_port_refuses_at_once(Spoken spoken) throws Exception {
    InetSocketAddress closed;
    try (var socket =
        new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
      closed = (InetSocketAddress) socket.getLocalSocketAddress();
    }
    assertThatThrownBy(() -> spoken.probe().check(closed, LONG))
        .isInstanceOf(IOException.class)
        .hasMessage("connection refused");
  }

  /** All but udp, which has nothing to tell answers apart by. */
  static List<Spoken> withId() {
    return all().stream().filter(spoken -> !spoken.name().equals("udp")).toList();
  }

  @ParameterizedTest
  @MethodSource("withId")
  void answers_to_other_questions_are_passed_over(Spoken spoken) throws Exception {
    try (var server =
        new Answerer(
            question ->
                List.of(
                    new byte[0],
                    spoken.answerToAnother(),
                    question,
                    spoken.rightAnswer().apply(question)))) {
      spoken.probe().check(server.address(), LONG);
    }
  }

  @ParameterizedTest
  @MethodSource("withId")
  void answers_to_other_questions_alone_are_none(Spoken spoken) throws Exception {
    try (var server = new Answerer(_ -> List.of(spoken.answerToAnother(), new byte[] {1}))) {
      assertThatThrownBy(() -> spoken.probe().check(server.address(), Duration.ofMillis(500)))
          .isInstanceOf(IOException.class)
          .hasMessage("no answer within 500 ms (but 2 that did not fit the question)");
    }
  }

  @ParameterizedTest
  @MethodSource("withId")
  void no_two_questions_are_alike(Spoken spoken) {
    Set<ByteBuffer> questions = new HashSet<>();
    for (int i = 0; i < 20; i++) {
      questions.add(ByteBuffer.wrap(spoken.ask().datagram()));
    }
    // a DNS id has but 16 bits: two of twenty are alike once in 345 times, three once in 10^6
    assertThat(questions).hasSizeGreaterThan(18);
  }

  @ParameterizedTest
  @MethodSource("all")
  void each_check_asks_from_another_port(Spoken spoken) throws Exception {
    try (var server = new Answerer(question -> List.of(spoken.rightAnswer().apply(question)))) {
      for (int i = 0; i < 5; i++) {
        spoken.probe().check(server.address(), LONG);
      }
      // the kernel chooses among thousands: a port twice is no wonder, five times the same is
      assertThat(server.askers()).hasSizeGreaterThan(1);
    }
  }

  /** A thousand spoilt answers; what comes of one is a verdict, a stray or an IOException. */
  @ParameterizedTest
  @MethodSource("all")
  void no_garbage_does_more_than_fail_a_check(Spoken spoken) {
    long seed = new Random().nextLong();
    var random = new Random(seed);
    for (int i = 0; i < 1_000; i++) {
      Question question = spoken.ask();
      byte[] spoilt = spoil(spoken.rightAnswer().apply(question.datagram()), random);
      try {
        question.isAnsweredBy(ByteBuffer.wrap(spoilt).asReadOnlyBuffer());
      } catch (IOException e) {
        assertThat(Reason.of(e)).hasSizeBetween(1, 203).matches("[ -~]+");
      } catch (BufferUnderflowException | IndexOutOfBoundsException stray) {
        assertThat(stray).isNotNull();
      } catch (RuntimeException | Error e) {
        throw new AssertionError(
            "seed " + seed + ", answer " + i + ": " + Arrays.toString(spoilt), e);
      }
    }
  }

  private static byte[] spoil(byte[] answer, Random random) {
    byte[] spoilt =
        switch (random.nextInt(4)) {
          case 0 -> Arrays.copyOf(answer, random.nextInt(answer.length + 1));
          case 1 -> Arrays.copyOf(answer, answer.length + random.nextInt(600));
          default -> answer.clone();
        };
    int changes = spoilt.length == 0 ? 0 : random.nextInt(6);
    for (int c = 0; c < changes; c++) {
      spoilt[random.nextInt(spoilt.length)] = (byte) random.nextInt();
    }
    return spoilt;
  }
}
