package io.sluice.filter;

import io.netty.buffer.ByteBuf;

/** Filters whose mind is made up when the flow opens; never asked again. */
enum Stance implements DatagramFilter {
  PASS,
  DENY;

  @Override
  public boolean onRequest(ByteBuf payload, long nowNs) {
    return this == PASS;
  }

  @Override
  public boolean onReply(ByteBuf payload, long nowNs) {
    return this == PASS;
  }
}
