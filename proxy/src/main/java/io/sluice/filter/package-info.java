/** What may pass between a client and its backend, and how fast: no socket; imports metrics. */
@NullMarked
package io.sluice.filter;

import org.jspecify.annotations.NullMarked;
