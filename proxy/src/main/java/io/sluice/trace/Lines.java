package io.sluice.trace;

import io.sluice.metrics.Tally;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where lines go. While a disk is full they wait in a buffer and then go on in the middle of a
 * line, if that is where it stopped; those there is no room for are lost, whole, and counted.
 *
 * <p>Takes the place of logback's own stream, which does not tell what it throws away.
 */
final class Lines extends OutputStream {
  /** In the tally: lines that are missing. */
  static final int LOST = 0;

  /** In the tally: lines that the kernel has taken to the last byte. */
  static final int WRITTEN = 1;

  /** Some 200 lines. */
  static final int BUFFER = 64 << 10;

  /** From a failure to the next try: no more system calls and complaints than this. */
  static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);

  private static final Logger log = LoggerFactory.getLogger(Lines.class);

  /** What is written to: opened when it is needed, and anew after a failure. */
  interface Destination {
    WritableByteChannel open() throws IOException;
  }

  private final Destination destination;
  private final Tally counts;
  private final LongSupplier clock;
  private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
  private @Nullable WritableByteChannel channel;
  private boolean failing;
  private long failedAt;

  Lines(Destination destination, Tally counts, LongSupplier clock) {
    this.destination = destination;
    this.counts = counts;
    this.clock = clock;
  }

  static Destination file(String path) {
    return () -> new FileOutputStream(path, true).getChannel();
  }

  /** Standard output, which is not ours to close. */
  static Destination console() {
    WritableByteChannel out = new FileOutputStream(FileDescriptor.out).getChannel();
    return () ->
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer from) throws IOException {
            return out.write(from);
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
  }

  /** For whoever must know at once whether it can be written. */
  WritableByteChannel open() throws IOException {
    WritableByteChannel opened = destination.open();
    channel = opened;
    return opened;
  }

  @Override
  public void write(int one) {
    write(new byte[] {(byte) one}, 0, 1);
  }

  /** Of one line. */
  @Override
  public void write(byte[] line, int from, int length) {
    if (length > buffer.remaining()) {
      flush();
    }
    if (length > buffer.remaining()) {
      counts.add(LOST, 1);
    } else {
      buffer.put(line, from, length);
    }
  }

  @Override
  public void flush() {
    if (!failing || clock.getAsLong() - failedAt >= RETRY_NANOS) {
      drain();
    }
  }

  private void drain() {
    if (buffer.position() == 0) {
      return;
    }
    buffer.flip();
    try {
      WritableByteChannel out = channel == null ? open() : channel;
      while (buffer.hasRemaining()) {
        if (out.write(buffer) == 0) {
          throw new IOException("takes no more");
        }
      }
      recovered();
    } catch (IOException e) {
      failed(e);
    } finally {
      counts.add(WRITTEN, lines(buffer.position()));
      buffer.compact();
    }
  }

  private void recovered() {
    if (failing) {
      failing = false;
      log.info("access log: written again; lines lost so far: {}", counts.get(LOST));
    }
  }

  private void failed(IOException why) {
    if (!failing) {
      failing = true;
      log.warn(
          "access log: cannot be written, tried again every second, missing lines are counted: {}",
          why.getMessage());
    }
    failedAt = clock.getAsLong();
    release();
  }

  private void release() {
    WritableByteChannel old = channel;
    channel = null;
    try {
      if (old != null) {
        old.close();
      }
    } catch (IOException e) {
      log.warn("access log: {}", e.getMessage());
    }
  }

  /** How many lines end before that byte. */
  private int lines(int end) {
    int lines = 0;
    for (int i = 0; i < end; i++) {
      lines += buffer.get(i) == '\n' ? 1 : 0;
    }
    return lines;
  }

  @Override
  public void close() {
    drain();
    counts.add(LOST, lines(buffer.position()));
    buffer.clear();
    release();
  }
}
