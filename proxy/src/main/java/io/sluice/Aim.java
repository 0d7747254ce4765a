package io.sluice;

import io.sluice.config.SluiceConfig;
import java.util.Map;

/**
 * What the plant is to become.
 *
 * @param config with all backends, those that were found among those that are configured
 * @param leaving of which of them, by pool and name, no new flows may be given, and why
 */
record Aim(SluiceConfig config, Map<String, Map<String, String>> leaving) {

  Map<String, String> leaving(String pool) {
    return leaving.getOrDefault(pool, Map.of());
  }
}
