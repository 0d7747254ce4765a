package io.sluice.config;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads configurations: HOCON, everything under {@code sluice}, to the records of {@link
 * SluiceConfig} or to every problem there is. Opens no socket, asks no name server, takes nothing
 * from system properties; {@code ${?NAME}} takes from the environment.
 *
 * <p>Text that is not HOCON, or includes what is not there, is reported as such and no further:
 * what it would have said is anybody's guess.
 */
public final class ConfigReader {
  static final String ROOT = "sluice";

  private ConfigReader() {}

  /** Reads a file and what it includes, relative to it. */
  public static SluiceConfig read(Path file, Names known) throws InvalidConfig {
    Report report = new Report();
    return read(Hocon.read(file, System.getenv(), report), known, report);
  }

  /**
   * Reads text that is not, or not yet, a file; it cannot include.
   *
   * @param name what problems give as the file
   */
  public static SluiceConfig read(String name, String text, Names known) throws InvalidConfig {
    return read(name, text, known, System.getenv(), new Report());
  }

  static SluiceConfig read(
      String name, String text, Names known, Map<String, String> environment, Report report)
      throws InvalidConfig {
    return read(Hocon.read(name, text, environment, report), known, report);
  }

  /**
   * A numeric address with a port, as configurations have them.
   *
   * @throws IllegalArgumentException with what is wrong and what to write instead
   */
  public static InetSocketAddress address(String text) {
    return Endpoint.parse(text, 0);
  }

  private static SluiceConfig read(@Nullable Hocon hocon, Names known, Report report)
      throws InvalidConfig {
    return Document.check(hocon, known, report).config();
  }
}
