package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;

/** A program that ran to its end, and what it said. */
record Ended(int status, String out, String err) {

  /** Runs a command that needs neither input nor more than a minute. */
  static Ended run(String... command) throws Exception {
    return run(new ProcessBuilder(command));
  }

  static Ended run(ProcessBuilder builder) throws Exception {
    Process process = builder.start();
    try {
      process.getOutputStream().close();
      CompletableFuture<String> out = text(process.getInputStream());
      CompletableFuture<String> err = text(process.getErrorStream());
      assertThat(process.waitFor(60, SECONDS)).as("%s ends", builder.command()).isTrue();
      return new Ended(process.exitValue(), out.join(), err.join());
    } finally {
      process.destroyForcibly();
    }
  }

  /** Read while it runs: a full pipe would stop it. */
  private static CompletableFuture<String> text(InputStream stream) {
    return CompletableFuture.supplyAsync(
        () -> {
          try (stream) {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        Thread::startVirtualThread);
  }
}
