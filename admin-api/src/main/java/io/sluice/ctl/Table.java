package io.sluice.ctl;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;

/** Rows under a heading, aligned: numbers to the right, the last column as long as it likes. */
final class Table {
  private static final String GAP = "  ";

  private record Column(String heading, boolean right) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * @param headings a column each; one that begins with {@code >} is aligned to the right
   */
  Table(String... headings) {
    for (String heading : headings) {
      boolean right = heading.startsWith(">");
      columns.add(new Column(right ? heading.substring(1) : heading, right));
    }
  }

  Table row(Object... cells) {
    if (cells.length != columns.size()) {
      throw new IllegalArgumentException(cells.length + " cells for " + columns);
    }
    rows.add(Stream.of(cells).map(cell -> printable(String.valueOf(cell))).toList());
    return this;
  }

  /** A row for each of them. */
  <T> Table rows(Iterable<T> all, Function<T, Object[]> cells) {
    all.forEach(each -> row(cells.apply(each)));
    return this;
  }

  /** What a probe's answer or a name brings along must not command the terminal. */
  static String printable(String text) {
    return text.codePoints().noneMatch(Character::isISOControl)
        ? text
        : text.codePoints()
            .mapToObj(
                c ->
                    Character.isISOControl(c)
                        ? String.format(Locale.ROOT, "\\x%02x", c)
                        : Character.toString(c))
            .reduce("", String::concat);
  }

  List<String> lines() {
    List<List<String>> all = new ArrayList<>();
    all.add(columns.stream().map(Column::heading).toList());
    all.addAll(rows);
    int[] widths = new int[columns.size()];
    for (List<String> row : all) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    return all.stream().map(row -> line(row, widths)).toList();
  }

  private String line(List<String> row, int[] widths) {
    var line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String space = " ".repeat(widths[i] - row.get(i).length());
      line.append(i == 0 ? "" : GAP);
      line.append(columns.get(i).right ? space + row.get(i) : row.get(i) + space);
    }
    return line.toString().stripTrailing();
  }
}
