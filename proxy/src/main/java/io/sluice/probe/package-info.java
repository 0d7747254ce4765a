/**
 * Active checks: clients of protocols, blocking, on virtual threads. Imports nothing of ours.
 *
 * <p>What is sent is never more than a datagram or a request a check; what comes back is a
 * stranger's: it is bounded, matched to the question by an unpredictable id and a port used once,
 * and can make a check fail in no other way than by an {@link java.io.IOException} whose message an
 * operator reads.
 */
@NullMarked
package io.sluice.probe;

import org.jspecify.annotations.NullMarked;
