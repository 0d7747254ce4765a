package io.sluice.pool;

/** What a pool makes of a backend. */
public enum State {
  /** Given flows; nothing speaks against it. */
  UP,
  /** Given flows, with some evidence against it, or with proof but no room to eject it. */
  SUSPECT,
  /** Given none by evidence of its traffic, for a time that doubles with every relapse. */
  EJECTED,
  /** Given flows again after an ejection; the first evidence decides. */
  TRIAL,
  /** Given none because its probes fail. */
  DOWN,
  /** Given no new flows because somebody wished so; those it has may stay for now. */
  DRAINING
}
