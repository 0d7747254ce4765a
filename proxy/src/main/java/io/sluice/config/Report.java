package io.sluice.config;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** What reading a configuration brings to light: its problems, and which keys were asked for. */
final class Report {
  private final List<String> files = new ArrayList<>();
  private final List<Problem> problems = new ArrayList<>();
  private boolean fatal;
  private final SortedSet<String> keys = new TreeSet<>();

  /** Files in the order they were to be opened, which is the order of their problems. */
  void opened(String file) {
    files.add(file);
  }

  List<String> files() {
    return Collections.unmodifiableList(files);
  }

  /** What makes all the rest guesswork. */
  void addFatal(Spot at, String message) {
    fatal = true;
    add(at, message);
  }

  boolean isFatal() {
    return fatal;
  }

  void add(Spot at, String message) {
    problems.add(at.problem(message));
  }

  /** Notes a supported key, the names of fronts, pools and the like written as {@code *}. */
  void asked(String key) {
    keys.add(key);
  }

  SortedSet<String> keys() {
    return Collections.unmodifiableSortedSet(keys);
  }

  boolean isEmpty() {
    return problems.isEmpty();
  }

  List<Problem> problems() {
    return problems.stream()
        .distinct()
        .sorted(
            Comparator.comparingInt((Problem p) -> files.indexOf(p.file()))
                .thenComparingInt(Problem::line))
        .toList();
  }
}
