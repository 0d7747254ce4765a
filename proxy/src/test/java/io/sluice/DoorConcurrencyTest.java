package io.sluice;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Backend;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Operators who drain, change, put and reload at once: what is in force, what is kept and what the
 * pool does agree.
 */
class DoorConcurrencyTest {
  private static final int ROUNDS = 60;
  private static final int AT_A_TIME = 4;

  private final long seed = Long.getLong("sluice.seed", System.nanoTime());

  @AutoClose private final Deployment deployed;

  DoorConcurrencyTest(@TempDir Path dir) throws Exception {
    deployed = new Deployment(dir);
    deployed.start(deployed.stateful(""));
  }

  @Test
  @Timeout(120)
  void poolAndStateFileAgreeInTheEnd() throws Exception {
    Appliance appliance = deployed.appliance();
    Random random = new Random(seed);
    InetSocketAddress spare = deployed.keep(new EchoServer("127.0.0.1")).address();
    InetSocketAddress third = deployed.keep(new EchoServer("127.0.0.1")).address();
    List<Operator> operators =
        List.of(
            by -> drain(by, "one"),
            by -> drain(by, "one"),
            by -> drain(by, "two"),
            by -> change(by, spare, third),
            this::reload);
    try (ExecutorService threads = Executors.newFixedThreadPool(operators.size())) {
      for (int round = 0; round < ROUNDS; round++) {
        List<Future<?>> all = new ArrayList<>();
        for (Operator each : operators) {
          Random own = new Random(random.nextLong());
          all.add(
              threads.submit(
                  () -> {
                    each.act(own);
                    return true;
                  }));
        }
        for (Future<?> each : all) {
          each.get();
        }
        assertThat(kept()).as("-Dsluice.seed=%d, round %d", seed, round).isEqualTo(drained());
      }
    }
    List<String> before = told(appliance);
    deployed.restart(deployed.stateful(""));
    assertThat(told(deployed.appliance())).as("-Dsluice.seed=%d", seed).isEqualTo(before);
  }

  private interface Operator {
    void act(Random random) throws Exception;
  }

  private Set<String> kept() {
    return new StateFile(deployed.state(), InstantSource.system())
        .read().drained().stream().map(StateFile.Ref::backend).collect(toSet());
  }

  private Set<String> drained() {
    return deployed.backends().stream()
        .filter(backend -> backend.dossier().draining().isPresent())
        .map(Appliance.BackendStatus::name)
        .collect(toSet());
  }

  /** Name, address, weight, and whether drained. */
  private static List<String> told(Appliance appliance) {
    List<String> told = new ArrayList<>();
    for (Appliance.BackendStatus each : appliance.pools().getFirst().backends()) {
      assertThat(each.state()).isEqualTo(each.dossier().draining().isPresent() ? "DRAINING" : "UP");
      told.add(each.name() + " " + each.address() + " " + each.weight() + " " + each.state());
    }
    return told;
  }

  private void drain(Random random, String backend) {
    for (int i = 0; i < AT_A_TIME; i++) {
      if (random.nextBoolean()) {
        Optional<Duration> deadline =
            random.nextBoolean() ? Optional.empty() : Optional.of(Duration.ofHours(1));
        deployed.appliance().drain("echoes", backend, deadline);
      } else {
        deployed.appliance().enable("echoes", backend);
      }
    }
  }

  /** The weight of the one, the address of the other, and a third that comes and goes. */
  private void change(Random random, InetSocketAddress spare, InetSocketAddress third)
      throws Exception {
    for (int i = 0; i < AT_A_TIME; i++) {
      int weight = 1 + random.nextInt(9);
      switch (random.nextInt(3)) {
        case 0 -> deployed.weigh("one", weight);
        case 1 -> {
          var at = random.nextBoolean() ? spare : deployed.two().address();
          deployed
              .appliance()
              .change("echoes", "two", was -> Optional.of(new Backend("two", at, weight)));
        }
        default ->
            deployed
                .appliance()
                .change(
                    "echoes",
                    "three",
                    was ->
                        was.isPresent()
                            ? Optional.empty()
                            : Optional.of(new Backend("three", third, weight)));
      }
    }
  }

  private void reload(Random random) throws Exception {
    for (int i = 0; i < 2; i++) {
      String text = deployed.stateful("max-datagram = " + (100 + random.nextInt(1_000)));
      if (random.nextInt(4) == 0) {
        deployed.appliance().configure(text, was -> {});
      } else {
        deployed.write(text);
        deployed.appliance().reload();
      }
    }
  }
}
