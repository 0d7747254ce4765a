package io.sluice;

import java.time.Duration;

/** Everything between the fronts' sockets and the backends', running. */
interface Datapath extends AutoCloseable {

  /** What an operator can see of it. */
  Appliance appliance();

  /**
   * Opens no more flows; returns when the last flow has ended, at the latest after {@code timeout}.
   */
  void drain(Duration timeout) throws InterruptedException;

  /** Ends every flow and closes every socket. */
  @Override
  void close();
}
