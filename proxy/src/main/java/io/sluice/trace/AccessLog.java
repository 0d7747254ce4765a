package io.sluice.trace;

import ch.qos.logback.core.ContextBase;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeAndTimeBasedRollingPolicy;
import ch.qos.logback.core.status.Status;
import ch.qos.logback.core.util.FileSize;
import ch.qos.logback.core.util.FileUtil;
import io.sluice.metrics.Tally;
import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line of JSON for every flow that ends. Loops put the flows in, each into a queue of its own;
 * one thread writes them, by logback, which also begins new files in time.
 */
public final class AccessLog implements AutoCloseable {
  /** Standard output. */
  public static final String CONSOLE = "-";

  private static final Logger log = LoggerFactory.getLogger(AccessLog.class);

  /** Of one worker: what it can end in a tenth of a second, and more. */
  static final int QUEUE = 8_192;

  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long CLOSE_MILLIS = TimeUnit.SECONDS.toMillis(5);

  /**
   * Where to, and what.
   *
   * @param file {@link #CONSOLE}, or a path
   * @param sample the share of flows, above 0 to 1
   * @param fileBytes at this size, and at midnight, a new file begins and the old one is compressed
   * @param days so long old files are kept
   * @param totalBytes old files together; the oldest go first
   */
  public record Spec(String file, double sample, long fileBytes, int days, long totalBytes) {}

  private final double sample;
  private final OutputStreamAppender<Ended> appender;
  private final Tally counts;
  private final List<Pen> pens;
  private final Thread writer;
  private volatile boolean closing;

  private AccessLog(Spec spec, int workers, OutputStreamAppender<Ended> appender, Tally counts) {
    sample = spec.sample();
    this.appender = appender;
    this.counts = counts;
    pens = IntStream.range(0, workers).mapToObj(i -> new Pen()).toList();
    writer = Thread.ofPlatform().daemon().name("sluice-access-log").unstarted(this::write);
  }

  /**
   * Begins to write.
   *
   * @throws IOException when the file cannot be written
   */
  public static AccessLog open(Spec spec, int workers) throws IOException {
    return open(spec, workers, Lines::file);
  }

  static AccessLog open(Spec spec, int workers, Function<String, Lines.Destination> files)
      throws IOException {
    ContextBase context = new ContextBase();
    Tally counts = new Tally(2);
    OutputStreamAppender<Ended> appender =
        spec.file().equals(CONSOLE) ? console(counts) : rolling(spec, context, files, counts);
    EndedEncoder encoder = new EndedEncoder();
    encoder.setContext(context);
    encoder.start();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.setImmediateFlush(false); // the writer flushes when it has nothing left to write
    appender.start();
    if (!appender.isStarted()) {
      throw new IOException(errors(context));
    }
    context.getStatusManager().add(AccessLog::complain);
    AccessLog opened = new AccessLog(spec, workers, appender, counts);
    opened.writer.start();
    return opened;
  }

  private static OutputStreamAppender<Ended> console(Tally counts) {
    OutputStreamAppender<Ended> appender = new OutputStreamAppender<>();
    appender.setOutputStream(new Lines(Lines.console(), counts, System::nanoTime));
    return appender;
  }

  private static OutputStreamAppender<Ended> rolling(
      Spec spec, ContextBase context, Function<String, Lines.Destination> files, Tally counts) {
    RollingFileAppender<Ended> appender =
        new RollingFileAppender<>() {
          @Override
          public void openFile(String file) throws IOException {
            FileUtil.createMissingParentDirectories(new File(file));
            Lines lines = new Lines(files.apply(file), counts, System::nanoTime);
            if (!isStarted()) {
              lines.open(); // a file that comes later is tried until it can be opened
            }
            setOutputStream(lines);
          }
        };
    appender.setFile(spec.file());
    SizeAndTimeBasedRollingPolicy<Ended> policy = new SizeAndTimeBasedRollingPolicy<>();
    policy.setContext(context);
    policy.setParent(appender);
    policy.setFileNamePattern(spec.file() + ".%d{yyyy-MM-dd}.%i.gz");
    policy.setMaxFileSize(new FileSize(spec.fileBytes()));
    policy.setMaxHistory(spec.days());
    policy.setTotalSizeCap(new FileSize(spec.totalBytes()));
    appender.setContext(context);
    appender.setRollingPolicy(policy);
    policy.start();
    return appender;
  }

  private static String errors(ContextBase context) {
    return context.getStatusManager().getCopyOfStatusList().stream()
        .filter(status -> status.getLevel() == Status.ERROR)
        .map(AccessLog::text)
        .collect(Collectors.joining("; "));
  }

  private static void complain(Status status) {
    if (status.getLevel() >= Status.WARN) {
      log.warn("access log: {}", text(status));
    }
  }

  private static String text(Status status) {
    Throwable cause = status.getThrowable();
    return status.getMessage() + (cause == null ? "" : ": " + cause.getMessage());
  }

  /** What one worker puts in. */
  public Pen pen(int worker) {
    return pens.get(worker);
  }

  /** Where one loop puts in the flows that end; never waits. */
  public final class Pen {
    private final Ring<Ended> queue = new Ring<>(QUEUE);
    private final Tally lost = new Tally(1);

    /** Whether a flow is one of the sample: always the same for the same id. */
    public boolean wants(long flow) {
      return sample == 1 || ((flow * 0x9E3779B97F4A7C15L) >>> 11) * 0x1p-53 < sample;
    }

    public void write(Ended flow) {
      if (!queue.offer(flow)) {
        lost.add(0, 1);
      }
    }
  }

  /** Flows of the sample whose lines are missing: too fast for the writer, or for the disk. */
  public long lost() {
    return counts.get(Lines.LOST) + pens.stream().mapToLong(pen -> pen.lost.get(0)).sum();
  }

  /** Lines that were written. */
  public long lines() {
    return counts.get(Lines.WRITTEN);
  }

  private void write() {
    boolean last = false;
    while (!last) {
      last = closing; // before it is seen that nothing is left
      while (writeSome()) {
        // until nothing is left
      }
      flush();
      if (!last) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private boolean writeSome() {
    boolean some = false;
    for (Pen pen : pens) {
      Ended flow = pen.queue.poll();
      if (flow != null) {
        appender.doAppend(flow);
        some = true;
      }
    }
    return some;
  }

  private void flush() {
    try {
      appender.getOutputStream().flush();
    } catch (IOException e) {
      log.warn("access log: {}", e.getMessage());
    }
  }

  /** Writes what has been put in, and ends; once no loop puts in any more. */
  @Override
  public void close() {
    closing = true;
    LockSupport.unpark(writer);
    try {
      writer.join(CLOSE_MILLIS);
      if (writer.isAlive()) {
        log.warn("access log: what was left could not be written within {} ms", CLOSE_MILLIS);
        return; // to stop the appender waits for the writer, too
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    appender.stop();
  }
}
