package io.sluice.admin;

import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Token;
import org.jspecify.annotations.Nullable;

/**
 * Who asks.
 *
 * @param name a token's, a certificate's common name, or how they got here
 * @param token by which they are known; null where that is something else
 */
record Caller(String name, Role role, @Nullable Token token) {
  /** Nobody but who is on this machine can be here. */
  static final Caller LOOPBACK = new Caller("loopback", Role.ADMIN, null);

  /** Who did not say, and was not asked. */
  static final Caller ANYBODY = new Caller("anybody", Role.VIEWER, null);
}
