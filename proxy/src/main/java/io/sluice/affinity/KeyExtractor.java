package io.sluice.affinity;

import io.netty.buffer.ByteBuf;
import java.net.InetSocketAddress;

/**
 * Derives from a flow's first datagram the 64 bits that decide its backend.
 *
 * <p>Keys are the same on every appliance and after every restart (no per-process seed), so that
 * appliances side by side agree. Implementations are immutable and are called from several loops at
 * once.
 */
public interface KeyExtractor {

  /** What {@link #keyFromReply} answers when a reply teaches no key. */
  long NONE = 0;

  /**
   * Returns the key of a client's datagram. Does not move the reader index; a payload too short to
   * hold the key falls back to the client's address.
   *
   * @param client the address the datagram came from
   * @param payload the datagram, readable from its reader index; valid during the call only
   */
  long keyOf(InetSocketAddress client, ByteBuf payload);

  /**
   * Returns a further key under which the client may come back, learned from a reply, or {@link
   * #NONE}.
   */
  default long keyFromReply(ByteBuf payload) {
    return NONE;
  }
}
