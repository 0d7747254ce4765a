package io.sluice.bench;

import io.sluice.balance.Balancer;
import io.sluice.balance.Policies;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What choosing a backend costs a new flow: one pick, with ever another key. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class BalancerPick {
  /** As {@code balance.policy} names them; {@code BenchmarksTest} holds this list complete. */
  @Param({"maglev", "ketama", "least-load", "weighted-round-robin", "random"})
  public String policy = "";

  @Param({"10", "1000"})
  public int members;

  private Balancer balancer = key -> 0;
  private long key;

  private record Member(String name, int weight, int load, long latencyNanos)
      implements Balancer.Member {}

  @Setup
  public void build() {
    List<Member> all =
        IntStream.range(0, members)
            .mapToObj(
                i ->
                    new Member(
                        "backend-%04d".formatted(i),
                        1 + i % 3,
                        i * 31 % 97,
                        1_000L * (i * 17 % 89)))
            .toList();
    balancer = Objects.requireNonNull(Policies.builtIn().get(policy)).over(all);
  }

  @Benchmark
  public int pick() {
    key += 0x9e3779b97f4a7c15L; // Weyl's sequence: visits all 64 bits' values evenly
    return balancer.pick(key);
  }
}
