/**
 * One client and its one backend: may name a client; imports filter, pool, affinity, trace, net,
 * metrics.
 */
@NullMarked
package io.sluice.flow;

import org.jspecify.annotations.NullMarked;
