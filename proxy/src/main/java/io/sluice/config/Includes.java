package io.sluice.config;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import java.io.File;
import java.net.URL;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Includes as an operator expects them: files, relative to the one that includes them, and every
 * one must be there. URLs are refused, as a configuration must not depend on somebody's network.
 */
final class Includes
    implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
  private static final int MAX_FILES = 100;

  private final String name;
  private final @Nullable Path file;
  private final @Nullable Includes by;
  private final Report report;
  private String text = "";

  Includes(Path file, Report report) {
    this(file.toString(), file, null, report);
  }

  /** Text that is no file includes nothing. */
  Includes(String name, Report report) {
    this(name, null, null, report);
  }

  private Includes(String name, @Nullable Path file, @Nullable Includes by, Report report) {
    this.name = name;
    this.file = file;
    this.by = by;
    this.report = report;
  }

  /** The including text, only to find an include's line in it. */
  Includes within(String text) {
    this.text = text;
    return this;
  }

  @Override
  public ConfigObject include(ConfigIncludeContext context, String what) {
    if (file == null) {
      return refuse(what, "only files can include: write what it holds here instead");
    }
    try {
      return include(what, file.resolveSibling(what));
    } catch (InvalidPathException e) {
      return refuse(what, "is not a file name");
    }
  }

  @Override
  public ConfigObject includeFile(ConfigIncludeContext context, File what) {
    return include(context, what.toString());
  }

  @Override
  public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
    return refuse(what.toString(), "only files can be included");
  }

  @Override
  public ConfigObject includeResources(ConfigIncludeContext context, String what) {
    return refuse(what, "only files can be included");
  }

  @Override
  public ConfigIncluder withFallback(ConfigIncluder fallback) {
    return this;
  }

  private ConfigObject include(String what, Path path) {
    if (includes(path)) {
      return refuse(what, "includes itself");
    }
    if (report.files().size() >= MAX_FILES) {
      return refuse(what, "more than " + MAX_FILES + " includes");
    }
    String name = path.toString();
    report.opened(name);
    try {
      String included = Hocon.load(path);
      ConfigObject object =
          Hocon.parse(name, included, new Includes(name, path, this, report), report);
      return object == null ? nothing() : object;
    } catch (Hocon.Unreadable e) {
      return refuse(what, e.reason());
    }
  }

  private boolean includes(Path path) {
    for (Includes i = this; i != null; i = i.by) {
      if (i.file != null && i.file.normalize().equals(path.normalize())) {
        return true;
      }
    }
    return false;
  }

  private ConfigObject refuse(String what, String why) {
    report.addFatal(
        new Spot(name, lineOf(what), ConfigReader.ROOT), "include \"" + what + "\": " + why);
    return nothing();
  }

  private static ConfigObject nothing() {
    return ConfigFactory.empty().root();
  }

  /** Typesafe Config does not tell an includer where it is; the first line that fits will do. */
  private int lineOf(String what) {
    Matcher found = Pattern.compile("\\binclude\\b.*" + Pattern.quote(what)).matcher(text);
    return found.find()
        ? 1 + (int) text.chars().limit(found.start()).filter(c -> c == '\n').count()
        : 1;
  }
}
