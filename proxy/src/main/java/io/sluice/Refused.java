package io.sluice;

/**
 * Why a valid configuration cannot be put in force: for a person, ending in what to do about it.
 */
public final class Refused extends Exception {
  private static final long serialVersionUID = 1;

  public Refused(String message) {
    super(message);
  }

  public Refused(String message, Throwable cause) {
    super(message, cause);
  }
}
