package io.sluice.balance;

/** Nobody can say beforehand which member it will be; the message says why. */
public final class Undetermined extends RuntimeException {
  private static final long serialVersionUID = 1;

  public Undetermined(String why) {
    super(why, null, false, false); // an answer, not a fault: nobody reads its stack
  }
}
