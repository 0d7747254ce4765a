package io.sluice.discovery;

import io.sluice.config.InvalidConfig;
import io.sluice.config.Origin;
import io.sluice.config.Problem;
import io.sluice.config.SluiceConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads a list of backends, again whenever its file is another one, or a changed one, and has been
 * left alone for one look: half a file is no list.
 *
 * <p>It looks at the file, {@value #LOOKS_PER_SECOND} times a second, instead of being told of
 * changes: that costs a system call or two, and works where no such word comes from (network file
 * systems, a single file mounted into a container), however the file is replaced.
 */
final class FileDiscovery implements Discovery {
  private static final int LOOKS_PER_SECOND = 4;

  private static final Duration BETWEEN = Duration.ofMillis(1_000 / LOOKS_PER_SECOND);

  private final Path file;
  private final Format format;
  private final Executor reading;
  private final Rounds rounds;

  // whoever looks; one at a time
  private @Nullable Print read;
  private @Nullable Print last;

  /** How backends are written down. */
  interface Format {
    List<SluiceConfig.Backend> read(Path file) throws InvalidConfig;
  }

  FileDiscovery(
      Origin.File wanted, Format format, Executor reading, ScheduledExecutorService timer) {
    file = wanted.path();
    this.format = format;
    this.reading = reading;
    rounds = new Rounds(timer, ns -> ns);
  }

  @Override
  public void start(Consumer<Finding> to) {
    look(to);
  }

  /** A file system may keep whoever asks it waiting: then not the timer. */
  private void look(Consumer<Finding> to) {
    reading.execute(
        () -> {
          try {
            if (isNew(Print.of(file))) {
              Finding finding = read();
              rounds.in(Duration.ZERO, () -> to.accept(finding));
            }
          } finally {
            rounds.in(BETWEEN, () -> look(to));
          }
        });
  }

  private boolean isNew(Print now) {
    boolean first = read == null;
    boolean settled = now.equals(last) && !now.equals(read);
    last = now;
    if (first || settled) {
      read = now;
    }
    return first || settled;
  }

  private Finding read() {
    try {
      List<Finding.Server> servers =
          format.read(file).stream()
              .map(each -> new Finding.Server(each.name(), each.address(), each.weight()))
              .toList();
      return servers.isEmpty()
          ? new Finding.Failed(file + ": holds no backend", Optional.empty())
          : new Finding.Found(servers, List.of(), Optional.empty());
    } catch (InvalidConfig e) {
      return new Finding.Failed(words(e.problems()), Optional.empty());
    } catch (Throwable e) {
      return new Finding.Failed(file + ": " + e, Optional.empty()); // or nobody would look again
    }
  }

  private static String words(List<Problem> problems) {
    String first = problems.getFirst().toString();
    return problems.size() == 1 ? first : first + "; and " + (problems.size() - 1) + " more";
  }

  @Override
  public void close() {
    rounds.close();
  }
}
