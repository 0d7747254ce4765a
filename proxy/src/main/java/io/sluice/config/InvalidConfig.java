package io.sluice.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration nobody should run: all of its problems, in file order, at least one. */
public final class InvalidConfig extends Exception {
  private static final long serialVersionUID = 1;

  private final transient List<Problem> problems;

  InvalidConfig(List<Problem> problems) {
    super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
    this.problems = List.copyOf(problems);
  }

  public List<Problem> problems() {
    return problems;
  }
}
