package io.sluice.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** Held against what the kernel says of the thread: proc_pid_stat(5), sched_getattr(2). */
class SchedulingTest {
  @Test
  void aThreadThatGivesWayIsNicerAndItsStarterAsItWas() throws Exception {
    int mine = nice();

    int its =
        inThread(
            () -> {
              Scheduling.giveWay();
              Scheduling.giveWay();
              return nice();
            });

    assertThat(its).isEqualTo(Math.min(mine + Scheduling.NICER, 19));
    assertThat(nice()).isEqualTo(mine);
  }

  @Test
  void workersHaveTheShortestSliceAndTheNiceValueOfWhoStartedThem() throws Exception {
    assumeKernelHasSlices();
    int mine = nice();
    try (Workers workers = Workers.start(2)) {
      workers.onEach(
          worker -> {
            assertThat(Linux.slice()).isEqualTo(Scheduling.SLICE_NS);
            assertThat(niceUnchecked()).isEqualTo(mine);
          });
    }
    assertThat(Linux.slice()).isNotEqualTo(Scheduling.SLICE_NS);
  }

  @Test
  void aSliceChangesNothingElse() throws Exception {
    assumeKernelHasSlices();
    int mine = nice();

    int its =
        inThread(
            () -> {
              Scheduling.giveWay();
              Scheduling.runPromptly();
              assertThat(Linux.slice()).isEqualTo(Scheduling.SLICE_NS);
              return nice();
            });

    assertThat(its).isEqualTo(Math.min(mine + Scheduling.NICER, 19));
  }

  private static void assumeKernelHasSlices() throws Exception {
    assumeTrue(stat(41) == 0, "whoever runs this gave it another policy than SCHED_OTHER");
    assumeTrue(
        inThread(() -> Linux.setSlice(Scheduling.SLICE_NS) == 0 && Linux.slice() > 0),
        "the kernel keeps no slice of a thread: Linux 6.12 does");
  }

  private static <T> T inThread(Callable<T> task) throws Exception {
    FutureTask<T> future = new FutureTask<>(task);
    Thread.ofPlatform().start(future).join();
    return future.get();
  }

  private static int niceUnchecked() {
    try {
      return nice();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private static int nice() throws Exception {
    return stat(19);
  }

  private static int stat(int field) throws Exception {
    String stat = Files.readString(Path.of("/proc/thread-self/stat"));
    // counted from the third, as the second may hold anything
    return Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[field - 3]);
  }
}
