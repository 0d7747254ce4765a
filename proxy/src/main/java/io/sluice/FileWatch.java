package io.sluice;

import static java.nio.file.StandardWatchEventKinds.ENTRY_CREATE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_DELETE;
import static java.nio.file.StandardWatchEventKinds.ENTRY_MODIFY;

import io.sluice.config.Document;
import io.sluice.discovery.Print;
import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has the configuration read again when its file, or one that it includes, has changed and then
 * been left alone for a moment: half a file is no configuration.
 *
 * <p>Editors put another file in the place of the old, Kubernetes another directory: so what is
 * watched is every directory in which a link or the file itself could be replaced, and what counts
 * is which file is found in the end.
 */
final class FileWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(FileWatch.class);

  /** Longer than between two writes of one who writes a file. */
  private static final long QUIET_MILLIS = 300;

  /** For what the kernel tells nobody: another host's changes, directories that come to be. */
  private static final long LOOK_MILLIS = 1_000;

  /** What is older was there when it was read; longer than it takes to put in force what was. */
  private static final long FRESH_MILLIS = 10_000;

  /** As the kernel has it. */
  private static final int MOST_LINKS = 40;

  private final Runnable reload;
  private @Nullable WatchService service;
  private boolean closed;
  private volatile List<Path> files = List.of();

  /** The watching thread's. */
  private Map<Path, WatchKey> watched = Map.of();

  private final Set<Path> complainedOf = new HashSet<>();

  FileWatch(Runnable reload) {
    this.reload = reload;
  }

  /** Watches the files of this configuration from now on, if it says so. */
  synchronized void follow(Document document) {
    expect(document.files());
    // Closed while it has files read again, it hears of them once more.
    boolean wanted = !closed && document.config().watch() && !files.isEmpty();
    if (wanted && service == null) {
      try {
        WatchService opened = FileSystems.getDefault().newWatchService();
        Map<Path, Print> first = look(opened); // here, so that no change from now on is missed
        service = opened;
        Thread.ofPlatform().daemon().name("sluice-watch").start(() -> watch(opened, first));
      } catch (IOException e) {
        log.error("watch = true, but files cannot be watched: reload by SIGHUP instead", e);
      }
    } else if (!wanted) {
      stop();
    }
  }

  /** Watches these files instead, if there are any: they were read, or are yet to come. */
  void expect(List<Path> others) {
    if (!others.isEmpty()) { // else it is changed in a part that no file holds
      files = others;
    }
  }

  private void watch(WatchService from, Map<Path, Print> first) {
    try {
      Map<Path, Print> loaded = new HashMap<>(first);
      Map<Path, Print> last = first;
      while (true) {
        long wait = isNews(last, loaded) ? QUIET_MILLIS : LOOK_MILLIS;
        WatchKey key = from.poll(wait, TimeUnit.MILLISECONDS);
        if (key != null) {
          key.pollEvents();
          key.reset();
        }
        Map<Path, Print> now = look(from);
        if (key == null && now.equals(last) && isNews(now, loaded)) {
          loaded = new HashMap<>(now);
          reload();
          now = look(from); // there may be other files now
        }
        adopt(now, loaded);
        last = now;
      }
    } catch (ClosedWatchServiceException e) {
      log.debug("files are watched no longer");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean isNews(Map<Path, Print> now, Map<Path, Print> loaded) {
    return !loaded.entrySet().containsAll(now.entrySet());
  }

  /** Files that there were not before have been read, unless they have changed since. */
  private static void adopt(Map<Path, Print> now, Map<Path, Print> loaded) {
    long fresh = TimeUnit.MILLISECONDS.toNanos(System.currentTimeMillis() - FRESH_MILLIS);
    now.forEach(
        (file, print) -> {
          if (print.modified() < fresh) {
            loaded.putIfAbsent(file, print);
          }
        });
  }

  /** Whatever it runs into, there is a next time. */
  private void reload() {
    try {
      reload.run();
    } catch (RuntimeException | AssertionError bug) {
      log.error("the configuration was not reloaded; its files are still watched", bug);
    }
  }

  /** What the files are now; asks to be told of the next change before it looks. */
  private Map<Path, Print> look(WatchService service) {
    Map<Path, WatchKey> now = new HashMap<>();
    for (Path directory : directories(files)) {
      try {
        now.put(directory, directory.register(service, ENTRY_CREATE, ENTRY_MODIFY, ENTRY_DELETE));
      } catch (IOException e) {
        if (complainedOf.add(directory)) {
          log.warn("{} cannot be watched, and is looked at once a second", directory, e);
        }
      }
    }
    watched.values().stream().filter(key -> !now.containsValue(key)).forEach(WatchKey::cancel);
    watched = now;
    return files.stream().distinct().collect(Collectors.toMap(file -> file, Print::of));
  }

  /** Where something on the way to one of these files could be replaced. */
  static Set<Path> directories(List<Path> files) {
    Set<Path> directories = new LinkedHashSet<>();
    files.forEach(file -> addDirectories(file.toAbsolutePath(), directories));
    return directories;
  }

  /** Walks as the kernel does: where there is a link, it could be replaced. */
  private static void addDirectories(Path file, Set<Path> to) {
    Deque<Path> ahead = new ArrayDeque<>();
    file.forEach(ahead::addLast);
    Path at = Objects.requireNonNull(file.getRoot());
    for (int links = 0; !ahead.isEmpty(); ) {
      Path next = at.resolve(ahead.removeFirst()).normalize();
      if (Files.isSymbolicLink(next) && links++ < MOST_LINKS) {
        to.add(at);
        Path target = readLink(next);
        at = target.isAbsolute() ? target.getRoot() : at;
        for (int i = target.getNameCount() - 1; i >= 0; i--) {
          ahead.addFirst(target.getName(i));
        }
      } else {
        at = next;
      }
    }
    Path parent = at.getParent();
    while (parent != null && !Files.isDirectory(parent)) { // in it the rest will come to be
      parent = parent.getParent();
    }
    if (parent != null) {
      to.add(parent);
    }
  }

  private static Path readLink(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      return Path.of(""); // replaced just now, which will be told
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    stop();
  }

  private void stop() {
    if (service != null) {
      try {
        service.close();
      } catch (IOException e) {
        log.debug("cannot close", e);
      }
      service = null;
    }
  }
}
