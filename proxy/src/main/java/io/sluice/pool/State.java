package io.sluice.pool;

/** What a pool makes of a backend. */
public enum State {
  /** Given flows. */
  UP,
  /** Given none, for a time that doubles with every relapse. */
  EJECTED,
  /** Given flows again; the first evidence decides. */
  TRIAL
}
