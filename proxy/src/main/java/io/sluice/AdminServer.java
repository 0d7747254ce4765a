package io.sluice;

import io.sluice.config.SluiceConfig;
import java.io.IOException;

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

  /** A bound admin API. */
  interface Running extends AutoCloseable {
    /** The address really bound (port 0 resolved). */
    java.net.InetSocketAddress address();

    @Override
    void close();
  }
}
