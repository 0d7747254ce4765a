/**
 * Where datagrams enter: may name a client; imports flow, pool, affinity, filter, trace, net,
 * metrics.
 */
@NullMarked
package io.sluice.front;

import org.jspecify.annotations.NullMarked;
