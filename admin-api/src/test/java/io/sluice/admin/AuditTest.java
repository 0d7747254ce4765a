package io.sluice.admin;

import static io.sluice.admin.AdminApi.OPS;
import static io.sluice.admin.AdminApi.WATCH;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.sluice.metrics.Journal;
import java.io.IOException;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

/** What is told of who changed what, and of who was refused. */
@Timeout(60)
class AuditTest {
  private final AtomicLong now = new AtomicLong();
  private final AdminApi api = AdminApi.guarded(now::get);
  private final ListAppender<ILoggingEvent> log = new ListAppender<>();
  private final Logger audit = (Logger) LoggerFactory.getLogger("io.sluice.audit");

  @BeforeEach
  void listen() {
    log.start();
    audit.addAppender(log);
  }

  @AfterEach
  void close() {
    api.close();
    audit.detachAppender(log);
  }

  @Test
  void everyChangeIsToldWithItsAuthorAndOutcome() throws Exception {
    change("{\"count\":2}");
    change("{\"count\":3}");
    assertThat(lines())
        .hasSize(2)
        .allMatch(
            line ->
                line.matches(
                    "ops \\(admin\\) from 127\\.0\\.0\\.1:\\d+: setWorkers /v1/workers:"
                        + " (200|400)"));
    assertThat(events())
        .extracting(Journal.Event::subject, Journal.Event::what)
        .containsOnly(tuple("/v1/workers", "setWorkers"));
    assertThat(events().getLast().why())
        .matches("by ops from 127\\.0\\.0\\.1:\\d+: 400 Bad Request");
  }

  @Test
  void whatIsOnlyLookedAtIsNotTold() throws Exception {
    assertThat(status("GET", "/v1/status", OPS)).isEqualTo(200);
    assertThat(api.get("/v1/status").statusCode()).isEqualTo(401);
    assertThat(lines()).isEmpty();
    assertThat(events()).isEmpty();
  }

  @Test
  void refusalsAreToldButNotWithoutBoundAndNeverWithTheToken() throws Exception {
    for (int i = 0; i < 40; i++) {
      status("GET", "/v1/flows?client=%0d%0aX", "sluice_guess" + i);
    }
    assertThat(lines())
        .hasSize(10)
        .allMatch(line -> line.startsWith("refused from 127.0.0.1:"))
        .noneMatch(line -> line.contains("guess") || line.contains("%0d") || line.contains("X"));
    assertThat(lines().getFirst()).endsWith(": GET /v1/flows: nobody has such a token");
    now.addAndGet(TimeUnit.SECONDS.toNanos(60));
    status("PUT", "/v1/workers", WATCH);
    assertThat(lines().getLast())
        .endsWith(": PUT /v1/workers: watch is no admin; and 30 more, of whomever, not told");
    assertThat(events()).hasSameSizeAs(lines());
  }

  @Test
  void aPathCannotMakeTwoLinesOfOne() throws Exception {
    assertThat(status("GET", "/v1/fronts/a\u0085b\u00e9%0a", "sluice_wrong")).isEqualTo(401);
    assertThat(lines())
        .singleElement()
        .satisfies(line -> assertThat(line).contains("GET /v1/fronts/a?b?%0a: "));
  }

  private void change(String content) throws IOException {
    String fields =
        "Content-Type: application/json\r\nContent-Length: " + content.length() + "\r\n";
    try (Socket socket = api.socket()) {
      AdminApi.ask(socket, "PUT", "/v1/workers", bearer(OPS) + fields, content);
    }
  }

  private int status(String method, String path, String token) throws IOException {
    try (Socket socket = api.socket()) {
      return AdminApi.ask(socket, method, path, bearer(token), "").status();
    }
  }

  private static String bearer(String token) {
    return "Authorization: Bearer " + token + "\r\n";
  }

  private List<String> lines() {
    return List.copyOf(log.list).stream().map(ILoggingEvent::getFormattedMessage).toList();
  }

  private List<Journal.Event> events() {
    return api.appliance.journal.after(0);
  }
}
