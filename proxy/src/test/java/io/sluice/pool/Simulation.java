package io.sluice.pool;

import io.sluice.balance.Policies;
import io.sluice.metrics.Journal;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.SplittableRandom;
import java.util.concurrent.Future;
import java.util.function.LongUnaryOperator;
import java.util.function.ToDoubleFunction;

/** A pool under load in virtual time: what loops would count and do, without a socket. */
final class Simulation {
  static final Rules RULES =
      new Rules(true, 3, Duration.ofSeconds(10), Duration.ofSeconds(5), Duration.ofMinutes(5));
  static final Duration STALL = Silence.USUAL.stallTimeout();
  private static final int STEP_MS = 10;

  /**
   * How a backend does.
   *
   * @param answers share of the requests
   * @param leastMs latency without its random part
   * @param meanMs mean of the random part, exponential
   */
  record Manner(double answers, double leastMs, double meanMs) {
    static final Manner BLACK_HOLE = new Manner(0, 0, 0);
  }

  private record Answer(double atMs, Backend from, Flow to) {}

  /** One client: asks once, or again and again until the end. */
  private static final class Flow {
    final long key;
    final double everyMs;
    Backend backend;
    double askedMs = -1;
    boolean repeated;
    double nextMs;

    Flow(long key, Backend backend, double everyMs, double nextMs) {
      this.key = key;
      this.backend = backend;
      this.everyMs = everyMs;
      this.nextMs = nextMs;
    }
  }

  private final VirtualControl control = new VirtualControl();
  private final SplittableRandom random;
  private final Map<String, Manner> manners = new HashMap<>();
  private final PriorityQueue<Answer> answers =
      new PriorityQueue<>((a, b) -> Double.compare(a.atMs, b.atMs));
  private final List<Flow> regulars = new ArrayList<>();
  private final Map<String, Double> garbage = new HashMap<>();
  private double nowMs;
  final Pool pool;

  /** Whether any backend has ever been held to be silent. */
  boolean anySilent;

  Simulation(long seed, int backends, int maxEjected) {
    random = new SplittableRandom(seed);
    List<Pool.Spec.Server> servers = new ArrayList<>();
    for (int i = 0; i < backends; i++) {
      String name = String.valueOf((char) ('a' + i));
      servers.add(new Pool.Spec.Server(name, new InetSocketAddress("192.0.2.1", 53 + i), 1));
    }
    pool =
        Pool.open(
            new Pool.Spec(
                "p",
                Policies.maglev(),
                servers,
                RULES,
                Silence.USUAL,
                maxEjected,
                true,
                true,
                Duration.ZERO,
                Probing.USUAL),
            1,
            control,
            control::nanoTime,
            control.wallClock(),
            LongUnaryOperator.identity(),
            new Journal(control.wallClock()));
  }

  Backend backend(String name) {
    return pool.backends().stream().filter(b -> b.name().equals(name)).findFirst().orElseThrow();
  }

  void all(Manner manner) {
    pool.backends().forEach(backend -> manners.put(backend.name(), manner));
  }

  void one(String name, Manner manner) {
    manners.put(name, manner);
  }

  void drain(String name) {
    Future<?> _ = pool.drain(name, Optional.empty());
    control.runDue();
  }

  void enable(String name) {
    Future<?> _ = pool.enable(name);
    control.runDue();
  }

  /** From now on it is sent so much a second that nobody answers. */
  void garbage(String name, double perSecond) {
    garbage.put(name, perSecond);
  }

  /** Clients that stay and ask so often each. */
  void regulars(int count, double everyMs) {
    for (int i = 0; i < count; i++) {
      long key = random.nextLong();
      Backend backend = Objects.requireNonNull(pool.pick(key));
      backend.flowOpened();
      regulars.add(new Flow(key, backend, everyMs, nowMs + random.nextDouble() * everyMs));
    }
  }

  /** Clients that ask once come at this rate meanwhile. */
  void run(Duration time, double perSecond) {
    run(time, _ -> perSecond);
  }

  /** At a rate that changes with the milliseconds since the beginning. */
  void run(Duration time, ToDoubleFunction<Double> perSecond) {
    double endMs = nowMs + time.toMillis();
    while (nowMs < endMs - 1e-6) {
      nowMs += STEP_MS;
      control.advance(Duration.ofMillis(STEP_MS));
      while (!answers.isEmpty() && answers.peek().atMs <= nowMs) {
        answered(answers.remove());
      }
      for (long n = poisson(perSecond.applyAsDouble(nowMs) * STEP_MS / 1_000); n > 0; n--) {
        long key = random.nextLong();
        Backend backend = pool.pick(key);
        if (backend != null) {
          ask(new Flow(key, backend, 0, 0));
        }
      }
      garbage.forEach(
          (name, rate) -> {
            for (long n = poisson(rate * STEP_MS / 1_000); n > 0; n--) {
              backend(name).traffic(0).add(Backend.REQUESTS, 1);
              backend(name).asked(0, control.nanoTime());
            }
          });
      regulars.stream().filter(flow -> flow.nextMs <= nowMs).forEach(this::askAgain);
      anySilent |= pool.backends().stream().anyMatch(b -> b.patienceNs() == STALL.toNanos());
    }
  }

  /** How many who stay have waited so long for an answer. */
  long waiting(Duration time) {
    return regulars.stream()
        .filter(flow -> flow.askedMs >= 0 && nowMs - flow.askedMs >= time.toMillis())
        .count();
  }

  private void askAgain(Flow flow) {
    flow.nextMs += flow.everyMs;
    double waitedMs = flow.askedMs < 0 ? 0 : nowMs - flow.askedMs;
    if (waitedMs * 1e6 >= flow.backend.patienceNs()) {
      Backend other = pool.pickOther(flow.key, flow.backend);
      if (other != null) {
        if (flow.askedMs >= 0) {
          flow.backend.abandoned(0, nanos(flow.askedMs));
        }
        flow.backend.flowClosed();
        other.flowOpened();
        flow.backend = other;
        flow.askedMs = -1;
      }
    }
    ask(flow);
  }

  private void ask(Flow flow) {
    flow.backend.traffic(0).add(Backend.REQUESTS, 1);
    flow.repeated = flow.askedMs >= 0;
    if (flow.repeated) {
      flow.backend.traffic(0).add(Backend.REPEATED, 1);
    } else {
      flow.askedMs = nowMs;
      flow.backend.asked(0, nanos(nowMs));
    }
    Manner manner = Objects.requireNonNull(manners.get(flow.backend.name()));
    if (random.nextDouble() < manner.answers) {
      double latencyMs = manner.leastMs - manner.meanMs * Math.log(1 - random.nextDouble());
      answers.add(new Answer(nowMs + latencyMs, flow.backend, flow));
    }
  }

  /** As of the pool's clock. */
  private long nanos(double ms) {
    return control.nanoTime() - (long) ((nowMs - ms) * 1e6);
  }

  private void answered(Answer answer) {
    answer.from.traffic(0).add(Backend.REPLIES, 1);
    Flow flow = answer.to;
    if (flow.askedMs >= 0 && flow.backend == answer.from) {
      answer.from.answered(0, nanos(flow.askedMs), nanos(nowMs), flow.repeated);
      flow.askedMs = -1;
    } else {
      answer.from.answered();
    }
  }

  /** Knuth's, which serves for the small means of a step. */
  private long poisson(double mean) {
    double limit = Math.exp(-mean);
    long n = 0;
    for (double p = random.nextDouble(); p > limit; p *= random.nextDouble()) {
      n++;
    }
    return n;
  }
}
