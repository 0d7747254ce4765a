package io.sluice;

import static java.lang.invoke.MethodType.methodType;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;

/**
 * POSIX signals.
 *
 * <p>A shutdown hook would not do: the JVM then exits 143 after SIGTERM, ignores a second one, and
 * takes SIGHUP for another. {@code sun.misc.Signal} stays until Java offers something better, but
 * javac warns of it in a way that nothing silences, and warnings are errors here: hence reflection.
 */
final class Signals {
  private Signals() {}

  /**
   * Has {@code action} run, on a thread of its own, whenever the process gets the signal.
   *
   * @param name without SIG, e.g. {@code TERM}
   */
  static void handle(String name, Runnable action) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      MethodHandle run =
          MethodHandles.lookup()
              .findVirtual(Runnable.class, "run", methodType(void.class))
              .bindTo(action);
      signal
          .getMethod("handle", signal, handler)
          .invoke(
              null,
              signal.getConstructor(String.class).newInstance(name),
              MethodHandleProxies.asInterfaceInstance(
                  handler, MethodHandles.dropArguments(run, 0, signal)));
    } catch (InvocationTargetException e) {
      throw new IllegalStateException("cannot handle SIG" + name, e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JVM has no sun.misc.Signal", e);
    }
  }
}
