package io.sluice.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A configuration that was read and found right: what it says, and what it comes to with every
 * default filled in.
 */
public final class Document {
  /** 64 bits: two configurations of one appliance are not mistaken for each other. */
  private static final int VERSION_DIGITS = 16;

  /** With every default filled in, what may be written comes to some 10 times as much. */
  private static final int MAX_RESTORED = 64 * Hocon.MAX_BYTES;

  private static final byte[] SALT = new SecureRandom().generateSeed(16);

  private final Names known;
  private final SluiceConfig config;
  private final Effective effective;
  private final List<Path> files;

  private Document(Names known, SluiceConfig config, Effective effective, List<Path> files) {
    this.known = known;
    this.config = config;
    this.effective = effective;
    this.files = files;
  }

  /** Reads a file and what it includes, relative to it. */
  public static Document read(Path file, Names known) throws InvalidConfig {
    Report report = new Report();
    Hocon hocon = Hocon.read(file, System.getenv(), report);
    List<Path> files = report.files().stream().map(Path::of).toList();
    try {
      Document read = check(hocon, known, report);
      return new Document(known, read.config, read.effective, files);
    } catch (InvalidConfig e) {
      throw new InvalidConfig(e.problems(), files);
    }
  }

  /**
   * Reads text that is no file: it cannot include, and substitutes from the environment only, so
   * that it comes to no more than is written.
   *
   * @param name what problems give as the file
   * @param inForce where a masked secret is taken from
   */
  public static Document parse(String name, String hocon, Names known, Optional<Document> inForce)
      throws InvalidConfig {
    Report report = new Report();
    Hocon read = Hocon.alone(name, hocon, Hocon.MAX_BYTES, System.getenv(), report);
    if (read != null && inForce.isPresent()) {
      read = new Hocon(read.written(), Masks.lift(read.value(), inForce.get().effective.keys()));
    }
    return check(read, known, report);
  }

  /**
   * Reads what {@link #text} gave, be it longer than what anybody may write.
   *
   * @param name what problems give as the file
   */
  public static Document restore(String name, String text, Names known) throws InvalidConfig {
    Report report = new Report();
    return check(Hocon.alone(name, text, MAX_RESTORED, Map.of(), report), known, report);
  }

  static Document check(@Nullable Hocon hocon, Names known, Report report) throws InvalidConfig {
    if (hocon == null) {
      throw new InvalidConfig(report.problems());
    }
    Spot top = new Spot(report.files().getFirst(), 1, "");
    Effective effective = new Effective();
    Cursor file = new Cursor("", top, hocon.value(), hocon.written(), effective, report);
    SluiceConfig config = new Schema(known).file(file);
    if (!report.isEmpty()) {
      throw new InvalidConfig(report.problems());
    }
    return new Document(known, config, effective, List.of());
  }

  /** The file it was read from, then what that includes; none if it was no file. */
  public List<Path> files() {
    return files;
  }

  public SluiceConfig config() {
    return config;
  }

  /** What {@code sluice} holds, every default filled in, secrets masked. */
  public Map<String, Object> effective() {
    return section(Effective.masked(effective), ConfigReader.ROOT);
  }

  /**
   * Another one for every other configuration, and in every other process: so that nobody can find
   * out whether a guess at a secret is right.
   */
  public String version() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(SALT);
      return HexFormat.of()
          .formatHex(digest.digest(text().getBytes(UTF_8)))
          .substring(0, VERSION_DIGITS);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every Java has it
    }
  }

  /** The whole as text that {@link #restore} reads again, secrets included. */
  public String text() {
    return tree().render(ConfigRenderOptions.concise());
  }

  /**
   * What one backend is to be.
   *
   * @param to empty: gone
   */
  public record Edit(String pool, String backend, Optional<SluiceConfig.Backend> to) {}

  /** The same with one backend more, changed or gone; right as a whole. */
  public Document with(String pool, String backend, Optional<SluiceConfig.Backend> to)
      throws InvalidConfig {
    return with(List.of(new Edit(pool, backend, to)));
  }

  /** The same with all of these made together. */
  public Document with(List<Edit> edits) throws InvalidConfig {
    if (edits.isEmpty()) {
      return this;
    }
    Map<String, Object> whole = new TreeMap<>(tree().unwrapped());
    edits.forEach(edit -> edit(whole, edit));
    Edit last = edits.getLast();
    Report report = new Report();
    report.opened(
        edits.size() == 1
            ? "change of " + last.pool() + "/" + last.backend()
            : "changes of " + edits.size() + " backends");
    ConfigObject changed = ConfigValueFactory.fromMap(whole);
    Document right = check(new Hocon(changed, changed), known, report);
    return new Document(known, right.config, right.effective, files);
  }

  private static void edit(Map<String, Object> whole, Edit edit) {
    Map<String, Object> backends = whole;
    for (String key : new String[] {ConfigReader.ROOT, "pools", edit.pool(), "backends"}) {
      Map<String, Object> inner = new TreeMap<>(section(backends, key));
      backends.put(key, inner);
      backends = inner;
    }
    if (edit.to().isPresent()) {
      backends.put(
          edit.backend(),
          Map.of(
              "address", Endpoint.print(edit.to().get().address()),
              "weight", edit.to().get().weight()));
    } else {
      backends.remove(edit.backend());
    }
  }

  private ConfigObject tree() {
    return ConfigValueFactory.fromMap(
        section(Map.of(ConfigReader.ROOT, Effective.revealed(effective)), ConfigReader.ROOT));
  }

  @SuppressWarnings("unchecked") // sections have keys
  private static Map<String, Object> section(Object of, String key) {
    Object section = ((Map<String, Object>) of).get(key);
    return section == null ? Map.of() : (Map<String, Object>) section;
  }
}
