package io.sluice;

import io.sluice.config.Document;
import io.sluice.config.InvalidConfig;
import io.sluice.config.SluiceConfig;
import java.time.Duration;
import java.util.function.Consumer;

/** Everything between the fronts' sockets and the backends', running. */
interface Datapath extends AutoCloseable {

  /** What an operator can see of it. */
  Appliance appliance();

  /** The configuration in force. */
  SluiceConfig inForce();

  /**
   * Tells of the configuration in force, now and whenever it is another. What is told must not
   * throw: it is in force already.
   */
  void onApplied(Consumer<Document> each);

  /** Tells of each configuration that was brought and is wrong. */
  void onInvalid(Consumer<InvalidConfig> each);

  /**
   * Opens no more flows; returns when the last flow has ended, at the latest after {@code timeout}.
   */
  void drain(Duration timeout) throws InterruptedException;

  /** Ends every flow and closes every socket. */
  @Override
  void close();
}
