package io.sluice;

import io.sluice.config.SluiceConfig;
import java.util.Map;
import java.util.Set;

/**
 * What the plant is to become.
 *
 * @param config with all backends, those that were found among those that are configured
 * @param leaving of which of them, by pool and name, no new flows may be given, and why
 * @param drained which of them begin as an operator has drained them, if they are new
 */
record Aim(
    SluiceConfig config, Map<String, Map<String, String>> leaving, Set<StateFile.Ref> drained) {

  Map<String, String> leaving(String pool) {
    return leaving.getOrDefault(pool, Map.of());
  }
}
