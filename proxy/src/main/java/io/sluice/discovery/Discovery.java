package io.sluice.discovery;

import java.util.function.Consumer;

/** Finds out who a pool's backends are, over and over. */
public interface Discovery extends AutoCloseable {

  /**
   * Begins to look. Whenever it has looked it tells what came of it, one thing after the other, on
   * the thread of {@link Discoveries#timer}; to find the same again is worth telling, too.
   */
  void start(Consumer<Finding> to);

  /** Looks no longer, and tells nothing any more once this returns on that thread. Idempotent. */
  @Override
  void close();
}
