package io.sluice.flow;

import io.sluice.metrics.Account;
import io.sluice.metrics.Latency;
import io.sluice.net.UdpSocket;
import io.sluice.net.Worker;
import org.jspecify.annotations.Nullable;

/**
 * What the flows of one listener share: the loop they live on, the socket their replies leave by,
 * the table they stand in, and the books.
 *
 * @param maxDatagramBytes longer datagrams are dropped, either way
 * @param latency time from a request to the next reply
 * @param reception opens peer sockets for assured flows; null where all share the listener
 */
public record Lane(
    Worker worker,
    UdpSocket socket,
    FlowTable table,
    int maxDatagramBytes,
    Account requests,
    Account replies,
    Latency latency,
    @Nullable Reception reception) {}
