package io.sluice;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigValueFactory;
import io.sluice.config.SluiceConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where what was changed at run time outlives the process: JSON, replaced whole, so that there is
 * always one that was complete. It may hold secrets, and is its owner's alone.
 */
final class StateFile {
  private static final Logger log = LoggerFactory.getLogger(StateFile.class);
  private static final int FORMAT = 1;

  /**
   * What was changed.
   *
   * @param configuration put in place of the file's, and when; empty: the file's is in force
   * @param drained backends that an operator drained, as {@code pool/backend}
   */
  record State(Optional<Put> configuration, Overlay overlay, SortedSet<Ref> drained) {
    static final State NOTHING = new State(Optional.empty(), Overlay.NONE, new TreeSet<>());
  }

  /** A whole configuration, as {@link io.sluice.config.Document#text}. */
  record Put(String text, Instant at) {}

  /** A backend by name. */
  record Ref(String pool, String backend) implements Comparable<Ref> {
    @Override
    public String toString() {
      return pool + "/" + backend;
    }

    @Override
    public int compareTo(Ref other) {
      int byPool = pool.compareTo(other.pool);
      return byPool == 0 ? backend.compareTo(other.backend) : byPool;
    }
  }

  private final Path path;
  private final InstantSource clock;
  private @Nullable String unreadable;

  StateFile(Path path, InstantSource clock) {
    this.path = path;
    this.clock = clock;
  }

  /**
   * What was written last; nothing if nothing was, or if it cannot be had: then what there is stays
   * as it is, and nothing is written over it.
   */
  State read() {
    try {
      return parse(Files.readString(path, UTF_8));
    } catch (NoSuchFileException e) {
      return State.NOTHING;
    } catch (CharacterCodingException | RuntimeException e) {
      setAside(e.toString());
      return State.NOTHING;
    } catch (IOException e) { // whose message may be no more than the path
      unreadable = e.toString();
      log.error(
          "state file {} cannot be read: {}; what it holds is not in force, and it is left alone:"
              + " make it readable and restart",
          path,
          unreadable);
      return State.NOTHING;
    }
  }

  /** What it holds is of no use: kept for whoever wants to know, and out of the way. */
  void setAside(String why) {
    Path aside =
        path.resolveSibling(
            path.getFileName() + ".corrupt-" + clock.instant().toString().replaceAll("[:.]", "-"));
    try {
      Files.move(path, aside);
      log.error(
          "state file {}: {}; it is kept as {}, and what it held is not in force",
          path,
          why,
          aside);
    } catch (IOException e) {
      log.error("state file {}: {}; what it held is not in force", path, why, e);
    }
  }

  /** Returns when it is on disk: the file first, then its name. */
  void write(State state) throws IOException {
    if (unreadable != null) {
      throw new IOException(path + " is there, and could not be read at start: " + unreadable);
    }
    Path directory = path.toAbsolutePath().getParent();
    Path next = Files.createTempFile(directory, path.getFileName() + ".", ".tmp");
    try {
      try (FileChannel file = FileChannel.open(next, WRITE)) {
        ByteBuffer bytes = UTF_8.encode(text(state));
        while (bytes.hasRemaining()) {
          file.write(bytes);
        }
        file.force(true);
      }
      Files.move(next, path, ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(next);
    }
    try (FileChannel names = FileChannel.open(directory, READ)) {
      names.force(true);
    }
  }

  private static String text(State state) {
    Map<String, Object> json = new TreeMap<>();
    json.put("format", FORMAT);
    state
        .configuration()
        .ifPresent(
            put -> json.put("put", Map.of("configuration", put.text(), "at", put.at().toString())));
    json.put(
        "changes",
        state.overlay().changes().stream()
            .map(
                change -> {
                  Map<String, Object> entry = new TreeMap<>();
                  entry.put("pool", change.pool());
                  entry.put("backend", change.backend());
                  change.over().ifPresent(over -> entry.put("over", backend(over)));
                  change.to().ifPresent(to -> entry.put("to", backend(to)));
                  return entry;
                })
            .toList());
    json.put(
        "drained",
        state.drained().stream()
            .map(ref -> Map.of("pool", ref.pool(), "backend", ref.backend()))
            .toList());
    return ConfigValueFactory.fromMap(json).render(ConfigRenderOptions.concise().setFormatted(true))
        + "\n";
  }

  private static Map<String, Object> backend(SluiceConfig.Backend backend) {
    return Map.of("address", backend.printAddress(), "weight", backend.weight());
  }

  private static State parse(String text) {
    Config json =
        ConfigFactory.parseString(text, ConfigParseOptions.defaults().setSyntax(ConfigSyntax.JSON));
    int format = json.getInt("format");
    if (format != FORMAT) {
      throw new IllegalArgumentException("format " + format + " is of another version of Sluice");
    }
    List<Overlay.Change> changes = new ArrayList<>();
    for (Config change : json.getConfigList("changes")) {
      String name = change.getString("backend");
      changes.add(
          new Overlay.Change(
              change.getString("pool"),
              name,
              backend(change, "over", name),
              backend(change, "to", name)));
    }
    SortedSet<Ref> drained = new TreeSet<>();
    for (Config ref : json.getConfigList("drained")) {
      drained.add(new Ref(ref.getString("pool"), ref.getString("backend")));
    }
    Optional<Put> put =
        json.hasPath("put")
            ? Optional.of(
                new Put(
                    json.getString("put.configuration"), Instant.parse(json.getString("put.at"))))
            : Optional.empty();
    return new State(put, new Overlay(changes), drained);
  }

  private static Optional<SluiceConfig.Backend> backend(Config change, String key, String name) {
    return change.hasPath(key)
        ? Optional.of(
            new SluiceConfig.Backend(
                name,
                SluiceConfig.Backend.parseAddress(change.getString(key + ".address")),
                change.getInt(key + ".weight")))
        : Optional.empty();
  }
}
