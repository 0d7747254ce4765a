package io.sluice.admin;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/**
 * Clients, servers and the appliance would be machines of their own. Where they share the cores of
 * one, with whatever else runs on it, some must come first, or what is lost is the test's own loss.
 */
final class Realtime {
  /** What to start a program with that comes first. */
  static final String[] PREFIX = {"chrt", "--rr", "1"};

  private static final int SCHED_RR = 2;
  private static final MethodHandle SCHED_SETSCHEDULER =
      Netns.call(
          "sched_setscheduler", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  private Realtime() {}

  /** Starts a thread that comes first; it had better sleep most of the time. */
  static Thread start(Runnable task) {
    return Thread.ofPlatform()
        .start(
            () -> {
              enter();
              task.run();
            });
  }

  private static void enter() {
    try (Arena arena = Arena.ofConfined()) {
      var priority = arena.allocateFrom(JAVA_INT, 1);
      int _ = (int) SCHED_SETSCHEDULER.invokeExact(0, SCHED_RR, priority); // in vain: never mind
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
