package io.sluice.ctl;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Datagrams as they pass, or the headers of those that passed, for Wireshark. */
@Command(
    name = "capture",
    description = "Capture datagrams as pcapng, until a limit is reached or Ctrl-C.",
    footer = {"", "To watch: sluice ctl capture | wireshark -k -i -"})
final class Capture implements Callable<Integer> {
  private static final String PCAPNG = "application/x-pcapng";
  private static final int CHUNK_BYTES = 65_536;

  private final Ctl ctl;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE",
      description = "Where to; without it, stdout.")
  private @Nullable Path file;

  @Mixin private final Whose whose = new Whose();

  @Option(names = "--limit", paramLabel = "N", description = "So many packets at most, else 10000.")
  private @Nullable Long limit;

  @Option(names = "--seconds", paramLabel = "S", description = "For so long at most, else 60.")
  private @Nullable Long seconds;

  @Option(
      names = "--sample",
      paramLabel = "SHARE",
      description = "Of this share of clients, 0 to 1, else all.")
  private @Nullable String sample;

  @Option(
      names = "--snaplen",
      paramLabel = "BYTES",
      description = "So much of each packet, else all.")
  private @Nullable Integer snaplen;

  @Option(
      names = "--recorded",
      description = "Instead, the headers that the flight recorder holds.")
  private boolean recorded;

  Capture(Ctl ctl) {
    this.ctl = ctl;
  }

  @Override
  public Integer call() {
    return ctl.ask(
        api -> {
          if (file == null && Screen.isThere()) {
            throw Failure.usage("a capture is nothing for a terminal: give -o FILE, or a pipe");
          }
          copy(api, api.stream(path(), PCAPNG));
        });
  }

  private String path() {
    String query =
        whose.query(
            Map.of(
                "limit", Optional.ofNullable(limit),
                "seconds", Optional.ofNullable(seconds),
                "sample", Optional.ofNullable(sample),
                "snaplen", Optional.ofNullable(snaplen)));
    if (recorded && !query.isEmpty()) {
      throw Failure.usage("--recorded dumps all there is: it goes with -o alone");
    }
    return recorded ? "/v1/recorder" : "/v1/capture" + query;
  }

  private void copy(Api api, InputStream from) {
    try (from;
        OutputStream to = output()) {
      byte[] chunk = new byte[CHUNK_BYTES];
      int length;
      while ((length = read(api, from, chunk)) >= 0) {
        to.write(chunk, 0, length);
      }
    } catch (IOException e) {
      // Who read our stdout may leave whenever he has seen enough.
      if (file != null) {
        throw Failure.usage("%s: cannot be written (%s)".formatted(file, e));
      }
    }
  }

  /** Neither is buffered: a Ctrl-C loses nothing. */
  private OutputStream output() throws IOException {
    return file == null ? new FileOutputStream(FileDescriptor.out) : Files.newOutputStream(file);
  }

  /** What fails in here is no fault of the file's. */
  private static int read(Api api, InputStream from, byte[] into) {
    try {
      return from.read(into);
    } catch (IOException e) {
      throw api.unreached(e);
    }
  }
}
