package io.sluice.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigResolver;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * HOCON text with what it includes and what the environment gives it; knows none of Sluice's keys.
 *
 * <p>Only what the text asks for gets in: Typesafe Config would let system properties override it,
 * skip includes that do not exist and fetch included URLs.
 *
 * @param written before substitution, for the lines
 * @param value after it; what could not be substituted is still unresolved in there
 */
record Hocon(ConfigObject written, ConfigObject value) {
  static final int MAX_BYTES = 1 << 20; // some 15,000 backends
  private static final String TOO_LARGE =
      "is larger than 1 MiB, the most a configuration may be: split it with include";

  /** A file that cannot be had; the reason is for a person. */
  static final class Unreadable extends Exception {
    private static final long serialVersionUID = 1;

    private final String reason;

    Unreadable(String reason) {
      super(reason);
      this.reason = reason;
    }

    String reason() {
      return reason;
    }
  }

  /** Returns null when there is nothing to go on with; the report says why. */
  static @Nullable Hocon read(Path file, Map<String, String> environment, Report report) {
    report.opened(file.toString());
    try {
      return read(file.toString(), load(file), new Includes(file, report), environment, report);
    } catch (Unreadable e) {
      report.addFatal(new Spot(file.toString(), 1, ConfigReader.ROOT), e.reason());
      return null;
    }
  }

  /** The same for text that comes from elsewhere, and so has nothing beside it to include. */
  static @Nullable Hocon read(
      String name, String text, Map<String, String> environment, Report report) {
    report.opened(name);
    return read(name, text, new Includes(name, report), environment, report);
  }

  /**
   * The same, substituting from the environment only: ten lines that each double the one before
   * come to a thousand times what is written, thirty to more than there is memory.
   *
   * @param most characters
   */
  static @Nullable Hocon alone(
      String name, String text, int most, Map<String, String> environment, Report report) {
    report.opened(name);
    ConfigObject written = parse(name, text, most, new Includes(name, report), report);
    return written == null || report.isFatal()
        ? null
        : guarded(
            name,
            report,
            () ->
                new Hocon(
                    written,
                    written
                        .toConfig()
                        .resolveWith(ConfigFactory.empty(), resolving(environment))
                        .root()));
  }

  private static @Nullable Hocon read(
      String name, String text, Includes includes, Map<String, String> environment, Report report) {
    ConfigObject written = parse(name, text, includes, report);
    if (written == null || report.isFatal()) {
      return null;
    }
    return guarded(name, report, () -> new Hocon(written, resolve(written, environment)));
  }

  /** Parses one file; includes are parsed by their own call of this. */
  static @Nullable ConfigObject parse(String name, String text, Includes includes, Report report) {
    return parse(name, text, MAX_BYTES, includes, report);
  }

  private static @Nullable ConfigObject parse(
      String name, String text, int most, Includes includes, Report report) {
    if (text.length() > most) {
      report.addFatal(new Spot(name, 1, ConfigReader.ROOT), TOO_LARGE);
      return null;
    }
    ConfigParseOptions options =
        ConfigParseOptions.defaults().setOriginDescription(name).setIncluder(includes.within(text));
    return guarded(
        name,
        report,
        () -> {
          ConfigObject object = ConfigFactory.parseString(text, options).root();
          Duplicates.find(name, text, report);
          return object;
        });
  }

  static String load(Path file) throws Unreadable {
    if (!Files.exists(file)) {
      throw new Unreadable("there is no such file: check the path");
    }
    if (!Files.isRegularFile(file)) {
      throw new Unreadable("is not a file: give a HOCON file, e.g. conf/demo.conf");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      if (bytes.length > MAX_BYTES) {
        throw new Unreadable(TOO_LARGE);
      }
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new Unreadable("is not UTF-8 text: save it as UTF-8");
    } catch (AccessDeniedException e) {
      throw new Unreadable("may not be read by this user: change its owner or mode (chmod a+r)");
    } catch (IOException e) {
      throw new Unreadable("cannot be read: " + e.getMessage());
    }
  }

  private static ConfigObject resolve(ConfigObject written, Map<String, String> environment) {
    return written.toConfig().resolve(resolving(environment)).root();
  }

  private static ConfigResolveOptions resolving(Map<String, String> environment) {
    return ConfigResolveOptions.noSystem()
        .setAllowUnresolved(true) // so that one missing variable does not hide the next
        .appendResolver(new Environment(environment));
  }

  private interface Step<T> {
    T take();
  }

  private static <T> @Nullable T guarded(String name, Report report, Step<T> step) {
    Spot start = new Spot(name, 1, ConfigReader.ROOT);
    try {
      return step.take();
    } catch (ConfigException e) {
      report.addFatal(start.of(e.origin()), Complaint.of(e));
    } catch (StackOverflowError e) {
      // Typesafe Config recurses: brackets or substitutions thousands deep end here, not in a limit
      report.addFatal(start, "nests brackets or substitutions too deeply");
    }
    return null;
  }

  /** The process's environment variables, asked only for what nothing in the text defines. */
  private record Environment(Map<String, String> variables) implements ConfigResolver {
    @Override
    public @Nullable ConfigValue lookup(String name) {
      String value = variables.get(name);
      return value == null ? null : ConfigValueFactory.fromAnyRef(value, "environment");
    }

    @Override
    public ConfigResolver withFallback(ConfigResolver fallback) {
      return this;
    }
  }
}
