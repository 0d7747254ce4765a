package io.sluice.probe;

import java.io.IOException;

/** A server is alive, but asks to be drained. */
public final class LameDuck extends IOException {
  private static final long serialVersionUID = 1;

  public LameDuck(String reason) {
    super(reason);
  }
}
