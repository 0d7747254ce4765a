package io.sluice.front;

import io.sluice.EchoServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntPredicate;

/** A backend that notes what comes, by flow and number, and answers some of it. */
final class Recorder implements AutoCloseable {
  /**
   * Of 2,304 bytes in the kernel each, into a receive buffer of 212,992 (Linux's default), of which
   * as much as a quarter can be spoken for: no kernel need drop any.
   */
  static final int UNDER_WAY = 60;

  private final IntPredicate answers;
  private final EchoServer server;
  private final Map<Integer, List<Integer>> numbers = new HashMap<>();
  private final AtomicInteger count = new AtomicInteger();

  /**
   * @param answers which numbers, whatever flow's
   */
  Recorder(IntPredicate answers) throws IOException {
    this.answers = answers;
    server = new EchoServer("127.0.0.1", this::take);
  }

  /** What a client sends. */
  static byte[] payload(int flow, int number) {
    return ByteBuffer.allocate(8).putInt(flow).putInt(number).array();
  }

  private void take(ByteBuffer payload, EchoServer.Answer answer) throws IOException {
    int number = payload.getInt(4);
    note(payload.getInt(0), number);
    if (answers.test(number)) {
      answer.send(payload);
    }
    count.incrementAndGet();
  }

  private synchronized void note(int flow, int number) {
    numbers.computeIfAbsent(flow, any -> new ArrayList<>()).add(number);
  }

  InetSocketAddress address() {
    return server.address();
  }

  /** In the order of their arrival. */
  synchronized List<Integer> numbers(int flow) {
    return List.copyOf(numbers.getOrDefault(flow, List.of()));
  }

  synchronized void forget() {
    numbers.clear();
  }

  /** How many have come, and been answered if they are to be. */
  int count() {
    return count.get();
  }

  void awaitRoom(int sent) throws InterruptedException {
    awaitCount(sent - UNDER_WAY);
  }

  void awaitCount(int atLeast) throws InterruptedException {
    while (count.get() < atLeast) {
      if (Thread.interrupted()) { // by the time-out
        throw new InterruptedException();
      }
      Thread.onSpinWait();
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
