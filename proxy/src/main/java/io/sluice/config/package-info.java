/** HOCON in, immutable records out, every problem at once; imports nothing of ours. */
@NullMarked
package io.sluice.config;

import org.jspecify.annotations.NullMarked;
