/** Counters a loop can afford, and the closed list of drop reasons; imports nothing of ours. */
@NullMarked
package io.sluice.metrics;

import org.jspecify.annotations.NullMarked;
