package io.sluice.filter;

import io.netty.buffer.ByteBuf;
import java.net.InetSocketAddress;

/**
 * What a flow would be opened for.
 *
 * @param front its name
 * @param local the address the client sent to
 * @param payload the first datagram; valid during the call only
 * @param nowNs when its batch was received, as of {@link System#nanoTime}
 */
public record FlowRequest(
    String front, InetSocketAddress client, InetSocketAddress local, ByteBuf payload, long nowNs) {}
