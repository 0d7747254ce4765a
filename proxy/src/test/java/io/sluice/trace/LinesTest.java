package io.sluice.trace;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.metrics.Tally;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class LinesTest {
  private final Disk disk = new Disk();
  private final Tally counts = new Tally(2);
  private long now;
  private final Lines lines = new Lines(() -> disk, counts, () -> now);

  @Test
  void aLineThatWasTornIsFinishedOnceThereIsRoom() {
    disk.room = 5;
    write("first");
    write("second");
    lines.flush();
    assertThat(disk.text()).isEqualTo("first");
    assertThat(written()).isZero();

    disk.room = 1_000;
    lines.flush();
    assertThat(disk.text()).as("not tried again before its time").isEqualTo("first");
    now += Lines.RETRY_NANOS;
    lines.flush();
    assertThat(disk.text()).isEqualTo("first\nsecond\n");
    assertThat(written()).isEqualTo(2);
    assertThat(lost()).isZero();
  }

  @Test
  void aFileThatCannotBeOpenedIsTriedAgain() {
    disk.missing = true;
    Lines late = new Lines(disk::open, counts, () -> now);
    late.write("a\n".getBytes(US_ASCII), 0, 2);
    late.flush();
    disk.missing = false;
    disk.room = 2;
    now += Lines.RETRY_NANOS;
    late.flush();
    assertThat(disk.text()).isEqualTo("a\n");
  }

  @Test
  void everyLineIsWrittenWholeOrLostWhateverRoomThereIs() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int count = 20_000;
    for (int i = 0; i < count; i++) {
      write(i + "x".repeat(random.nextInt(100)));
      if (random.nextInt(50) == 0) {
        disk.room += random.nextInt(3_000);
        now += Lines.RETRY_NANOS;
        lines.flush();
      }
    }
    lines.close();
    String text = disk.text();
    // what follows the last line is what the disk had room for when it ended
    List<String> whole = text.substring(0, text.lastIndexOf('\n')).lines().toList();
    assertThat(whole).as("seed %s", seed).allMatch(line -> line.matches("[0-9]+x*"));
    assertThat(whole.stream().mapToInt(line -> Integer.parseInt(line.replace("x", ""))))
        .as("seed %s", seed)
        .isSorted()
        .doesNotHaveDuplicates();
    assertThat(written()).as("seed %s", seed).isEqualTo(whole.size()).isPositive();
    assertThat(lost()).as("seed %s", seed).isEqualTo(count - whole.size()).isPositive();
  }

  @Test
  void whatIsLeftInTheBufferAtTheEndIsLost() {
    IntStream.range(0, 10).forEach(i -> write("line"));
    lines.close();
    assertThat(lost()).isEqualTo(10);
  }

  private void write(String line) {
    byte[] bytes = (line + '\n').getBytes(US_ASCII);
    lines.write(bytes, 0, bytes.length);
  }

  private long written() {
    return counts.get(Lines.WRITTEN);
  }

  private long lost() {
    return counts.get(Lines.LOST);
  }

  /** Has room for so many bytes. */
  private static final class Disk implements WritableByteChannel {
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private boolean missing;
    private int room;

    WritableByteChannel open() throws IOException {
      if (missing) {
        throw new IOException("no such file");
      }
      return this;
    }

    @Override
    public int write(ByteBuffer from) throws IOException {
      if (room == 0) {
        throw new IOException("full");
      }
      byte[] some = new byte[Math.min(room, from.remaining())];
      from.get(some);
      content.writeBytes(some);
      room -= some.length;
      return some.length;
    }

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public void close() {}

    String text() {
      return content.toString(US_ASCII);
    }
  }
}
