/**
 * Who the backends of a pool are, where no configuration says so: DNS, files, Kubernetes. Knows
 * backends by name and address only, no pool and no flow; imports config.
 *
 * <p>A {@link io.sluice.discovery.Discovery} looks, and says what it found or why it found nothing.
 * What becomes of that is the root's: it keeps the last good set, and puts changes in force through
 * the one door (docs/adr/0020). Nothing here runs on an event loop of the datapath: questions are
 * asked on virtual threads, and what comes of them is told on one thread, the same for all.
 */
@NullMarked
package io.sluice.discovery;

import org.jspecify.annotations.NullMarked;
