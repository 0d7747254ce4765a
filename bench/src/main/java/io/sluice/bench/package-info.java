/**
 * JMH benchmarks, run by {@code bench/jmh}; what needs a room's insides stands in a package of that
 * room's name.
 */
@NullMarked
package io.sluice.bench;

import org.jspecify.annotations.NullMarked;
