package io.sluice.ctl;

import java.util.List;

/** Why a command came to nothing: what to tell, and the status to exit with. */
final class Failure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The appliance answered, and refused. */
  static final int REFUSED = 1;

  static final int USAGE = 2;

  /** Nobody answered, or nobody who can be trusted. */
  static final int UNREACHED = 3;

  private final int status;
  private final transient List<String> details;

  private Failure(int status, String message, List<String> details) {
    super(message, null, false, false); // told to a person, who has no use for a stack
    this.status = status;
    this.details = details;
  }

  static Failure refused(String message) {
    return new Failure(REFUSED, message, List.of());
  }

  /**
   * @param details lines that stand by themselves, such as {@code file:line: path: message}
   */
  static Failure refused(String message, List<String> details) {
    return new Failure(REFUSED, message, List.copyOf(details));
  }

  static Failure usage(String message) {
    return new Failure(USAGE, message, List.of());
  }

  static Failure unreached(String message) {
    return new Failure(UNREACHED, message, List.of());
  }

  int status() {
    return status;
  }

  List<String> details() {
    return details;
  }
}
