package io.sluice.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * conf/sluice.conf, read as people read it: each key has a line of its own, be it in a comment;
 * what stands above it, or behind it and further down in that column, is about it.
 */
public final class Reference {
  public static final Path FILE = Path.of("../conf/sluice.conf");

  /**
   * One key.
   *
   * @param path from the root, with {@code *} for what people name
   * @param value as it is written; {@code {}} for a section
   * @param live whether it counts, and does not stand in a comment itself
   * @param about lines
   */
  public record Key(String path, String value, boolean live, List<String> about) {
    public boolean isSection() {
      return value.equals("{}");
    }
  }

  private static final Pattern LINE =
      Pattern.compile("( *)(# )?( *)((?:\"[^\"]*\"|[^#\"])*?) *(?:(#) ?(.*))?");
  private static final Pattern KEY = Pattern.compile("([a-z][a-z0-9-]*) *(?:= *(.+)|(\\{.*))");
  private static final Pattern NAMED =
      Pattern.compile("sluice\\.(fronts|pools(\\.\\*\\.backends)?|echo)");

  private final List<Key> keys = new ArrayList<>();
  private final StringBuilder everyKey = new StringBuilder();
  private final Deque<String> within = new ArrayDeque<>();
  private List<String> above = new ArrayList<>();

  /** Where the comment behind the last key began; none if it had none. */
  private int column = -1;

  private Reference(String text) {
    text.lines().forEach(this::line);
  }

  public static Reference read() throws IOException {
    return new Reference(Files.readString(FILE));
  }

  /** In their order; a key shown more than once stands here once, as it is set. */
  public List<Key> keys() {
    return keys;
  }

  /** The whole with no key in a comment. */
  String everyKey() {
    return everyKey.toString();
  }

  private void line(String line) {
    Matcher parts = LINE.matcher(line);
    if (!parts.matches()) {
      throw new IllegalArgumentException("neither a key nor a comment: " + line);
    }
    String code = parts.group(4);
    Matcher key = KEY.matcher(code);
    boolean isKey = key.matches();
    boolean isBracket = code.matches("[\\[{}\\]]+,?");
    everyKey.append(isKey || isBracket ? code : "").append('\n');
    boolean isProse = !isKey && !isBracket && !(code.isEmpty() && parts.group(5) != null);
    int at = isProse ? line.indexOf('#') : parts.start(5);
    String comment = isProse ? line.substring(at + 1).strip() : parts.group(6);
    if (!isKey && at >= 0 && at == column) {
      keys.getLast().about().add(comment);
    } else if (isKey) {
      key(key, parts.group(2) == null, comment);
      column = at;
    } else if (!isBracket) {
      column = -1;
      prose(line.strip());
    }
    if (isBracket) {
      above = new ArrayList<>();
      code.chars().filter(c -> c == '}' || c == ']').forEach(_ -> within.pop());
      code.chars().filter(c -> c == '{' || c == '[').forEach(_ -> within.push(""));
    }
  }

  private void prose(String line) {
    if (line.startsWith("#")) {
      above.add(line.replaceFirst("# ?", ""));
    } else {
      above = new ArrayList<>(); // about the file, or a group of keys, and no single one
    }
  }

  private void key(Matcher key, boolean live, String comment) {
    String path = path();
    String name = NAMED.matcher(path).matches() ? "*" : key.group(1);
    String value = key.group(2) == null ? key.group(3) : key.group(2);
    boolean opens = value.equals("{") || value.equals("[");
    Key found =
        new Key(
            path.isEmpty() ? name : path + "." + name,
            value.startsWith("{") ? "{}" : value,
            live,
            above);
    if (comment != null) {
      found.about().add(comment);
    }
    if (keys.stream().noneMatch(each -> each.path().equals(found.path()))) {
      keys.add(found);
    }
    above = new ArrayList<>();
    if (opens) {
      within.push(name);
    }
  }

  /** Outermost first; the elements of a list have no name. */
  private String path() {
    return String.join(".", within.reversed().stream().filter(name -> !name.isEmpty()).toList());
  }
}
