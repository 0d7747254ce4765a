package io.sluice;

import io.sluice.config.SluiceConfig;
import io.sluice.net.Scheduling;
import java.io.IOException;
import java.util.List;

/**
 * How the appliance finds its admin API without knowing HTTP: a provider on the class path, found
 * by {@link java.util.ServiceLoader}.
 */
public interface AdminServer {
  /**
   * Serves {@code appliance} until closed; returns once the address is bound.
   *
   * @throws IOException with a message that says what to do about it
   */
  Running serve(Appliance appliance, SluiceConfig.Admin config) throws IOException;

  /**
   * To be called on every thread that hears of strangers: it gives way to workers from then on. Not
   * where changes are made, as whoever is started there would give way as well.
   */
  static void giveWay() {
    Scheduling.giveWay();
  }

  /** A bound admin API. */
  interface Running extends AutoCloseable {
    /** The address really bound (port 0 resolved). */
    java.net.InetSocketAddress address();

    /**
     * Who may do what from now on, in place of who might: those whose token is not among these are
     * refused from their next request on.
     *
     * @throws IllegalArgumentException with words for the operator when that would let in everybody
     */
    void admit(List<SluiceConfig.Token> tokens);

    @Override
    void close();
  }
}
