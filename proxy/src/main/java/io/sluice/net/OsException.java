package io.sluice.net;

import java.io.IOException;

/** The kernel refused a call; {@link #errno} says why. */
public final class OsException extends IOException {
  private static final long serialVersionUID = 1;

  private final int errno;

  OsException(String what, int errno) {
    super(what + ": " + Errno.describe(errno));
    this.errno = errno;
  }

  /**
   * Without a stack trace: the message says which call, and under a flood there may be one for
   * every datagram.
   */
  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }

  public int errno() {
    return errno;
  }
}
