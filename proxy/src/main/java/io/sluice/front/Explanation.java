package io.sluice.front;

import io.sluice.metrics.Drop;
import java.util.List;
import java.util.Optional;

/**
 * What would become of a datagram of a client, and why, had it come at that moment.
 *
 * @param reason if it would be dropped
 * @param pool of the front
 * @param backend it would go to; empty where it would be dropped, or nobody can say beforehand
 * @param steps in the order in which the datapath takes them
 */
public record Explanation(
    Outcome outcome,
    Optional<Drop> reason,
    String pool,
    Optional<String> backend,
    List<Step> steps) {

  /** What it comes to. */
  public enum Outcome {
    /** It opens a flow. */
    FORWARD,
    /** It is not sent on. */
    DROP,
    /** It is that of a flow there is, or of the one that takes its place. */
    EXISTING_FLOW
  }

  /** What is asked on the way. */
  public enum Stage {
    /** Does the front listen there? */
    LISTEN,
    /** Is it short enough? */
    SIZE,
    /** Can its source be answered? */
    SOURCE,
    /** Is there a flow of this client? */
    FLOW,
    /** Should that leave its backend, and for which? */
    REHOME,
    /** Is there room for another flow? */
    LIMIT,
    /** What does a filter say? */
    FILTER,
    /** Is something left of this second's budget for new flows? */
    BUDGET,
    /** Which key decides? */
    KEY,
    /** Who could get it? */
    MEMBERS,
    /** Who gets it? */
    CHOICE,
    /** Are a port and a descriptor left for it? */
    LINK
  }

  /** What the answer is. */
  public enum Verdict {
    /** Nothing speaks against it. */
    PASS,
    /** It ends here. */
    DROP,
    /** There is one. */
    HIT,
    /** There is none. */
    MISS,
    /** The flow stays where it is. */
    STAY,
    /** The flow goes elsewhere. */
    MOVE,
    /** Nobody can say beforehand. */
    UNKNOWN
  }

  /**
   * One question and its answer.
   *
   * @param why in words for a person
   */
  public record Step(Stage stage, Verdict verdict, String why) {}
}
