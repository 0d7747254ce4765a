package io.sluice;

import io.netty.util.Version;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/** What this Sluice was built as and runs on. */
final class Build {
  private static final String VERSION = readVersion();

  private Build() {}

  /** Sluice's own version, e.g. {@code 0.1.0-SNAPSHOT}. */
  static String version() {
    return VERSION;
  }

  /** E.g. {@code 25.0.3+9-LTS (Eclipse Adoptium)}. */
  static String java() {
    return Runtime.version() + " (" + System.getProperty("java.vendor") + ")";
  }

  static String netty() {
    Version netty = Version.identify(Build.class.getClassLoader()).get("netty-common");
    return netty == null ? "unknown" : netty.artifactVersion();
  }

  /** E.g. {@code Linux 6.12.9 amd64}. */
  static String kernel() {
    return "%s %s %s"
        .formatted(
            System.getProperty("os.name"),
            System.getProperty("os.version"),
            System.getProperty("os.arch"));
  }

  /** Maven writes the version into this file; a build without it is broken. */
  private static String readVersion() {
    try (InputStream file = Build.class.getResourceAsStream("build.properties")) {
      var properties = new Properties();
      properties.load(file);
      return properties.getProperty("version");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
