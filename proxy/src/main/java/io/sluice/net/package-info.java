/**
 * Sockets, batches, native calls, workers: the one room where a bug could kill the process; imports
 * metrics.
 */
@NullMarked
package io.sluice.net;

import org.jspecify.annotations.NullMarked;
