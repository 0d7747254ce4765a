package io.sluice.config;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** A configuration nobody should run: all of its problems, in file order, at least one. */
public final class InvalidConfig extends Exception {
  private static final long serialVersionUID = 1;

  private final transient List<Problem> problems;

  private final transient List<Path> files;

  InvalidConfig(List<Problem> problems) {
    this(problems, List.of());
  }

  /**
   * @param files looked at, there or not; none if it was no file
   */
  InvalidConfig(List<Problem> problems, List<Path> files) {
    super(problems.stream().map(Problem::toString).collect(Collectors.joining("\n")));
    this.problems = List.copyOf(problems);
    this.files = List.copyOf(files);
  }

  public List<Problem> problems() {
    return problems;
  }

  /** What was looked at: with these as they are it stays wrong. */
  public List<Path> files() {
    return files;
  }
}
