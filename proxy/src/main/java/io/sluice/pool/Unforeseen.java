package io.sluice.pool;

/** Nobody can say beforehand which backend it will be; the message says why. */
public final class Unforeseen extends RuntimeException {
  private static final long serialVersionUID = 1;

  Unforeseen(String why) {
    super(why, null, false, false); // an answer, not a fault: nobody reads its stack
  }
}
