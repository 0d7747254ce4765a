package io.sluice.filter;

import io.netty.buffer.ByteBuf;

/**
 * Says of each datagram of one flow whether it may pass.
 *
 * <p>One per flow, called on that flow's loop only, so it needs no lock for what is its own; must
 * neither block nor allocate. It looks at payloads, which are valid during the call only, and
 * changes none. What it throws costs the datagram in hand and is counted as FAULT.
 */
public interface DatagramFilter extends AutoCloseable {
  /**
   * Whether a datagram of the client may go to the backend.
   *
   * @param nowNs when its batch was received, as of {@link System#nanoTime}
   */
  default boolean onRequest(ByteBuf payload, long nowNs) {
    return true;
  }

  /** Whether a datagram of the backend may go to the client. */
  default boolean onReply(ByteBuf payload, long nowNs) {
    return true;
  }

  /**
   * What {@link #onRequest} would answer, for a person to read; changes nothing. Any thread, at any
   * time.
   */
  default Opinion explain(ByteBuf payload, long nowNs) {
    return Opinion.unknown();
  }

  /** The flow has ended. */
  @Override
  default void close() {}

  /** Opens the filters of flows; one for a front, called from several loops at once. */
  interface Factory {
    /**
     * Returns the filter of a flow to be, {@link Filters#PASS} or {@link Filters#DENY}. Its first
     * datagram is in the request, and is shown to {@link #onRequest} next, too.
     */
    DatagramFilter open(FlowRequest request);

    /**
     * What a flow's first datagram would meet with, at {@link #open} and after; changes nothing.
     * Any thread.
     */
    default Opinion explain(FlowRequest request) {
      return Opinion.unknown();
    }
  }
}
