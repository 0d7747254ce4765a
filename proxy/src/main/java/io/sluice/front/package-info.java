/** Where datagrams enter: may name a client; imports flow, pool, affinity, net, metrics. */
@NullMarked
package io.sluice.front;

import org.jspecify.annotations.NullMarked;
