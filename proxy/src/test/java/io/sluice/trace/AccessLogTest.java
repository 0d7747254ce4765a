package io.sluice.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.sluice.net.Address;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class AccessLogTest {
  private static final Predicate<String> FIRST =
      Pattern.compile("access.log.[0-9-]{10}.0.gz").asMatchPredicate();

  @TempDir private Path folder;

  @Test
  void aLineSaysAllOfAFlow() throws IOException {
    Path file = folder.resolve("access.log");
    try (AccessLog log = open(file, 1)) {
      log.pen(0).write(ended(17, "a \"name\"\n"));
    }
    assertThat(Files.readString(file))
        .isEqualTo(
            "{\"time\":\"2026-01-01T00:01:00Z\",\"openedAt\":\"2026-01-01T00:00:00Z\",\"id\":\"17\",\"front\":\"a"
                + " \\\"name\\\"\\n"
                + "\",\"client\":\"192.0.2.1:5353\",\"local\":\"[2001:db8::1]:53\",\"pool\":\"resolvers\",\"backend\":\"a\",\"worker\":1,\"requests\":3,\"replies\":2,\"requestBytes\":120,\"replyBytes\":1440,\"durationSeconds\":2.5,\"firstReplySeconds\":1.24E-4,\"reason\":\"IDLE\"}\n");
  }

  @Test
  void whatWasPutInIsWrittenBeforeItEndsAndWhatThereWasNoRoomForIsCounted() throws IOException {
    Path file = folder.resolve("access.log");
    int flows = 4 * AccessLog.QUEUE;
    AccessLog log = open(file, 1);
    for (int i = 0; i < flows; i++) {
      log.pen(i % 2).write(ended(i, "dns"));
    }
    log.close();
    assertThat(log.lines() + log.lost()).isEqualTo(flows);
    List<String> lines = Files.readAllLines(file);
    assertThat(lines).hasSize((int) log.lines()).hasSizeGreaterThanOrEqualTo(2 * AccessLog.QUEUE);
    for (String line : lines) {
      assertThat(parse(line)).containsEntry("front", "dns");
    }
  }

  @Test
  void aSampleIsAlwaysTheSame() throws IOException {
    try (AccessLog log = open(folder.resolve("access.log"), 0.1)) {
      int wanted = 0;
      for (long flow = 1; flow <= 10_000; flow++) {
        boolean first = log.pen(0).wants(flow);
        assertThat(log.pen(1).wants(flow)).isEqualTo(first);
        wanted += first ? 1 : 0;
      }
      assertThat(wanted).isBetween(900, 1_100);
    }
  }

  @Test
  void aFileThatIsFullIsCompressedAndAnotherBegins() throws IOException {
    Path file = folder.resolve("access.log");
    AccessLog.Spec spec = new AccessLog.Spec(file.toString(), 1, 20_000, 7, 1 << 30);
    try (AccessLog log = AccessLog.open(spec, 1)) {
      for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 100; i++) {
          log.pen(0).write(ended(i, "dns"));
        }
      }
    }
    // compressed by threads of logback's own, which the end does not wait for
    await().untilAsserted(() -> assertThat(files()).contains("access.log").anyMatch(FIRST));
  }

  @Test
  void aFileThatCannotBeWrittenIsToldAtOnce() {
    Path file = folder.resolve("access.log");
    assertThatThrownBy(() -> open(Files.createDirectory(file), 1))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("access.log");
  }

  @Test
  void whatAFullDiskDoesNotTakeIsCounted() throws IOException {
    Path full = Path.of("/dev/full");
    assumeThat(full).as("a device that is always full").exists();
    AccessLog.Spec spec =
        new AccessLog.Spec(folder.resolve("access.log").toString(), 1, 1 << 30, 7, 1 << 30);
    AccessLog log = AccessLog.open(spec, 2, file -> Lines.file(full.toString()));
    for (int i = 0; i < 1_000; i++) {
      log.pen(i % 2).write(ended(i, "dns"));
    }
    log.close();
    assertThat(log.lines()).isZero();
    assertThat(log.lost()).isEqualTo(1_000);
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(each -> each.getFileName().toString()).toList();
    }
  }

  private static AccessLog open(Path file, double sample) throws IOException {
    return AccessLog.open(new AccessLog.Spec(file.toString(), sample, 1 << 30, 7, 1 << 30), 2);
  }

  private static Map<String, String> parse(String line) throws IOException {
    Map<String, String> fields = new LinkedHashMap<>();
    try (JsonParser json = new JsonFactory().createParser(line)) {
      while (json.nextToken() != null) {
        if (json.currentToken() == JsonToken.FIELD_NAME) {
          fields.put(json.currentName(), json.nextTextValue() == null ? "" : json.getText());
        }
      }
    }
    return fields;
  }

  private static Ended ended(long flow, String front) {
    long opened = 1_767_225_600_000L;
    return new Ended(
        flow,
        front,
        at("192.0.2.1", 5_353),
        at("2001:db8::1", 53),
        "resolvers",
        "a",
        1,
        opened,
        opened + 60_000,
        2_500_000_000L,
        123_956,
        3,
        2,
        120,
        1_440,
        "IDLE");
  }

  private static Address at(String ip, int port) {
    return Address.of(new InetSocketAddress(InetAddress.ofLiteral(ip), port));
  }
}
