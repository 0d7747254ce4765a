package io.sluice.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.balance.Policies;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

class BenchmarksTest {
  @Test
  void every_benchmark_runs() throws Exception {
    Options once =
        new OptionsBuilder()
            .mode(Mode.SingleShotTime)
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .param("flows", "100")
            .shouldFailOnError(true)
            .verbosity(VerboseMode.SILENT)
            .build();
    Collection<RunResult> results = new Runner(once).run();
    assertThat(results)
        .extracting(result -> result.getParams().getBenchmark())
        .anyMatch(name -> name.endsWith("FlowLookUp.readAndFind"))
        .anyMatch(name -> name.endsWith("FilterAndRecord.recordRequest"))
        .anyMatch(name -> name.endsWith("KeyExtraction.sourceIp"))
        .anyMatch(name -> name.endsWith("BalancerPick.pick"));
  }

  @Test
  void every_policy_is_measured() throws Exception {
    Param policies = BalancerPick.class.getField("policy").getAnnotation(Param.class);
    assertThat(policies).isNotNull();
    assertThat(policies.value()).containsExactlyInAnyOrderElementsOf(Policies.builtIn().keySet());
  }
}
