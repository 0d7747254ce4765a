/**
 * Backends, their health, and the snapshot flows are dealt from: may name a backend, never a
 * client; imports balance, metrics, probe.
 *
 * <p>One threading rule: <em>loops report, control decides</em>. An event loop picks from the
 * current snapshot, counts, and leaves evidence in a bounded mailbox; it never waits and never
 * changes a backend's state. Every decision about health, and every snapshot after the first, is
 * made on the appliance's one control thread.
 *
 * <p>What a loop sees stays consistent without a lock because, at every moment, each member of the
 * current snapshot is {@link io.sluice.pool.Backend#eligible() eligible}: control marks who joins,
 * swaps the snapshot, then unmarks who leaves. So a loop that finds its flow's backend not eligible
 * and picks again gets another one, unless the backend has come back in between; it can never
 * retire and re-open a flow onto the same backend over and over while nothing changes. The converse
 * does not hold, and need not: a backend may be eligible and not yet, or no longer, dealt. A
 * member's {@link io.sluice.pool.Backend#patienceNs() patience} is never 0, by the same order;
 * where it is stall-timeout, the backend is dealt still, and a flow that leaves asks for another
 * one by name.
 *
 * <p>Who the backends are, and by what rules they are judged, is the {@link
 * io.sluice.pool.Roster}'s, which a change of configuration replaces whole, after its first
 * snapshot has been built and before that is swapped in. One that is removed is unmarked as above,
 * for good: flows hold it until they have left, and nothing else does.
 */
@NullMarked
package io.sluice.pool;

import org.jspecify.annotations.NullMarked;
