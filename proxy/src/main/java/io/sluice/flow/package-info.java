/**
 * One client and its one backend: may name a client; imports filter, pool, affinity, net, metrics.
 */
@NullMarked
package io.sluice.flow;

import org.jspecify.annotations.NullMarked;
