package io.sluice.admin;

import io.sluice.config.SluiceConfig.Role;

/**
 * Who asks.
 *
 * @param name a token's, a certificate's common name, or how they got here
 */
record Caller(String name, Role role) {
  /** Nobody but who is on this machine can be here. */
  static final Caller LOOPBACK = new Caller("loopback", Role.ADMIN);

  /** Who did not say, and was not asked. */
  static final Caller ANYBODY = new Caller("anybody", Role.VIEWER);
}
