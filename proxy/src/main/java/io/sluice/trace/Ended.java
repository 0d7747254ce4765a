package io.sluice.trace;

import io.sluice.net.Address;

/**
 * A flow that has ended.
 *
 * @param local where its client sent to
 * @param openedAtMillis since 1970, as is closedAtMillis
 * @param durationNanos from its first datagram to its last
 * @param firstReplyNanos from its first request to its first reply; negative if there was none
 */
public record Ended(
    long flow,
    String front,
    Address client,
    Address local,
    String pool,
    String backend,
    int worker,
    long openedAtMillis,
    long closedAtMillis,
    long durationNanos,
    long firstReplyNanos,
    long requests,
    long replies,
    long requestBytes,
    long replyBytes,
    String reason) {}
