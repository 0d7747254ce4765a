package io.sluice.trace;

import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** All that an appliance leaves behind of what it relays. */
public final class Traces implements AutoCloseable {
  private final Captures captures;
  private final List<Recorder> recorders;
  private final @Nullable AccessLog accessLog;

  /**
   * @param headers that each worker's recorder keeps; 0: none
   */
  public Traces(Captures captures, int headers, int workers, @Nullable AccessLog accessLog) {
    this.captures = captures;
    recorders =
        headers == 0
            ? List.of()
            : IntStream.range(0, workers).mapToObj(worker -> new Recorder(headers)).toList();
    this.accessLog = accessLog;
  }

  /** Captures at most. */
  public static Traces none() {
    return new Traces(new Captures("sluice", System::nanoTime), 0, 0, null);
  }

  public Captures captures() {
    return captures;
  }

  /** Null where nothing is recorded. */
  public @Nullable Recorder recorder(int worker) {
    return recorders.isEmpty() ? null : recorders.get(worker);
  }

  /** Null where there is no access log. */
  public AccessLog.@Nullable Pen pen(int worker) {
    return accessLog == null ? null : accessLog.pen(worker);
  }

  public @Nullable AccessLog accessLog() {
    return accessLog;
  }

  /** Once the last flow has ended. */
  @Override
  public void close() {
    if (accessLog != null) {
      accessLog.close();
    }
  }
}
