package io.sluice.admin;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * What became of every request to one front: when it was sent, when it was answered (or, one-way,
 * when it arrived) and by which backend.
 *
 * <p>One thread sends; answers may be noted by any.
 */
final class Trace {
  private final int regulars;
  private final long origin = System.nanoTime() - 1; // so that no time is 0, which stands for never
  private final long[][] sentAt;
  private final int[] sent;
  private final AtomicLongArray[] answers;
  private final AtomicLong surprises = new AtomicLong();

  /** Times are nanoseconds of one clock; {@code answeredAt} 0: never. */
  record Request(long sentAt, long answeredAt, int by) {
    boolean isAnswered() {
      return answeredAt != 0;
    }

    long latencyNs() {
      return answeredAt - sentAt;
    }
  }

  /**
   * @param regulars flows that ask again and again, numbered from 0; the flow after the last stands
   *     for all newcomers, each a flow of one request
   * @param requests of a flow, at most
   */
  Trace(int regulars, int requests, int newcomers) {
    this.regulars = regulars;
    sentAt = new long[regulars + 1][];
    answers = new AtomicLongArray[regulars + 1];
    sent = new int[regulars + 1];
    for (int flow = 0; flow <= regulars; flow++) {
      int room = flow < regulars ? requests : newcomers;
      sentAt[flow] = new long[room];
      answers[flow] = new AtomicLongArray(room);
    }
  }

  int regulars() {
    return regulars;
  }

  /** Returns the request's number. */
  int sent(int flow, long nanos) {
    sentAt[flow][sent[flow]] = nanos - origin;
    return sent[flow]++;
  }

  /**
   * @param by a backend, 0 to 127
   */
  void answered(int flow, int number, int by, long nanos) {
    boolean known = flow >= 0 && flow <= regulars && number >= 0 && number < sentAt[flow].length;
    // The low bits say who: 128 ns are no loss of precision here.
    if (!known || !answers[flow].compareAndSet(number, 0, (nanos - origin | 127) - 127 + by)) {
      surprises.incrementAndGet();
    }
  }

  /** Answers to nothing that was asked, or not for the first time. */
  long surprises() {
    return surprises.get();
  }

  /** A moment of {@code System.nanoTime()} on the clock of the requests. */
  long at(long nanos) {
    return nanos - origin;
  }

  Stream<Request> of(int flow) {
    return IntStream.range(0, sent[flow])
        .mapToObj(
            number -> {
              long answer = answers[flow].get(number);
              return new Request(sentAt[flow][number], answer & ~127, (int) (answer & 127));
            });
  }

  Stream<Request> newcomers() {
    return of(regulars);
  }

  long sent() {
    return IntStream.of(sent).asLongStream().sum();
  }

  long answered() {
    return IntStream.rangeClosed(0, regulars)
        .mapToLong(flow -> of(flow).filter(Request::isAnswered).count())
        .sum();
  }

  /** Requests of the regulars that were never answered, by flow. */
  LongStream lost() {
    return IntStream.range(0, regulars)
        .mapToLong(flow -> of(flow).filter(request -> !request.isAnswered()).count());
  }
}
