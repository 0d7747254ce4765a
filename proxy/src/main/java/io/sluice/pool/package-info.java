/**
 * Backends, their health, and the snapshot flows are dealt from: may name a backend, never a
 * client; imports balance, metrics.
 */
@NullMarked
package io.sluice.pool;

import org.jspecify.annotations.NullMarked;
