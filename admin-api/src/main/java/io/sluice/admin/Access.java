package io.sluice.admin;

import io.sluice.config.SluiceConfig.Role;

/** What an operation asks of whoever wants it, as the contract's {@code security} has it. */
enum Access {
  /** Whoever gets as far as here. */
  ANYBODY,
  VIEWER,
  ADMIN;

  boolean allows(Role role) {
    return this != ADMIN || role == Role.ADMIN;
  }
}
