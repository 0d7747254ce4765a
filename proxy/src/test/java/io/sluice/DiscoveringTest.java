package io.sluice;

import static org.assertj.core.api.Assertions.assertThat;

import io.prometheus.client.CollectorRegistry;
import io.sluice.config.Document;
import io.sluice.config.Origin;
import io.sluice.discovery.Discovery;
import io.sluice.discovery.Finding;
import io.sluice.discovery.Finding.Server;
import io.sluice.metrics.Journal;
import io.sluice.pool.VirtualControl;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** How findings come to the door, in virtual time. */
class DiscoveringTest {
  private final VirtualControl timer = new VirtualControl();
  private final Journal journal = new Journal(timer.wallClock());
  private final CollectorRegistry metrics = new CollectorRegistry();
  private final FakeEntrance door = new FakeEntrance();
  private final Map<Origin, Found> running = new HashMap<>();
  private final Discovering discovering =
      new Discovering(door, this::discovery, timer, journal, metrics, timer.wallClock());

  /** A discovery that finds what a test says. */
  private final class Found implements Discovery {
    private final Origin origin;
    private @Nullable Consumer<Finding> to;

    Found(Origin origin) {
      this.origin = origin;
    }

    @Override
    public void start(Consumer<Finding> told) {
      to = told;
      running.put(origin, this);
    }

    void tells(Finding finding) {
      Objects.requireNonNull(to).accept(finding);
    }

    @Override
    public void close() {
      running.remove(origin);
    }
  }

  private Discovery discovery(Origin origin) {
    return new Found(origin);
  }

  @BeforeEach
  void follow() throws Exception {
    follow("backends.json");
  }

  private void follow(String path) throws Exception {
    configure("discovery.file.path = \"" + path + "\"");
  }

  private void configure(String pool) throws Exception {
    Document document =
        Document.parse(
            "f",
            """
            sluice {
              fronts.f { listen = ["127.0.0.1:5300"], pool = p }
              pools.p { %s }
              pools.q { backends.a.address = "192.0.2.1:53" }
            }
            """
                .formatted(pool),
            Plugins.load(getClass().getClassLoader()).names(),
            Optional.empty());
    door.config = document.config();
    discovering.follow(document);
  }

  private void tells(Finding finding) {
    running.values().iterator().next().tells(finding);
  }

  private static Finding.Found found(String... names) {
    return new Finding.Found(
        Stream.of(names).map(DiscoveringTest::server).toList(), List.of(), Optional.empty());
  }

  private static Finding.Failed failed(String why) {
    return new Finding.Failed(why, Optional.of(Duration.ofSeconds(8)));
  }

  private static Server server(String name) {
    int port = name.equals("loop") ? 5300 : name.hashCode() & 0x7fff;
    return new Server(name, new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port), 1);
  }

  private List<String> events() {
    return journal.after(0).stream()
        .filter(event -> event.kind() == Journal.Kind.DISCOVERY)
        .map(event -> event.subject() + " " + event.what() + ": " + event.why())
        .toList();
  }

  private List<Integer> results() {
    return Stream.of("changed", "unchanged", "failed", "refused")
        .map(result -> Objects.requireNonNull(updates(result)).intValue())
        .toList();
  }

  private @Nullable Double updates(String result) {
    String[] labels = {"pool", "result"};
    return metrics.getSampleValue(
        "sluice_discovery_updates_total", labels, new String[] {"p", result});
  }

  private Appliance.DiscoveryStatus status() {
    return discovering.status("p").orElseThrow();
  }

  @Test
  void whatIsFoundIsPutInForceAndTold() {
    tells(found("a", "b"));
    timer.runDue();
    assertThat(door.entered).containsExactly("p[a, b]");
    assertThat(events()).containsExactly("p CHANGED: 2 backends; come: a, b");
    assertThat(results()).containsExactly(1, 0, 0, 0);
    assertThat(status().kind()).isEqualTo("file");
    assertThat(status().wanted()).isEqualTo("backends.json");
    assertThat(status().found()).isEqualTo(2);
    assertThat(status().foundAt()).hasValue(timer.wallClock().instant());
    assertThat(status().error()).isEmpty();
    assertThat(discovering.status("q")).isEmpty();
    assertThat(backends()).isEqualTo(2);
  }

  @Test
  void theSameAgainChangesNothing() {
    tells(found("a"));
    timer.runDue();
    timer.advance(Duration.ofSeconds(5));
    tells(found("a"));
    timer.runDue();
    assertThat(door.entered).containsExactly("p[a]");
    assertThat(results()).containsExactly(1, 1, 0, 0);
    assertThat(events()).hasSize(1);
  }

  @Test
  void aPoolChangesOnceASecondAtMostAndThenToTheLatest() {
    tells(found("a"));
    timer.runDue();
    for (String name : List.of("b", "c", "d")) {
      tells(found(name));
      timer.advance(Duration.ofMillis(300));
    }
    assertThat(door.entered).containsExactly("p[a]");
    timer.advance(Duration.ofMillis(100));
    assertThat(door.entered).containsExactly("p[a]", "p[d]");
  }

  @Test
  void aFailureKeepsTheLastAndIsToldOnce() {
    tells(found("a"));
    timer.runDue();
    for (int i = 0; i < 3; i++) {
      tells(failed("SERVFAIL"));
    }
    assertThat(results()).containsExactly(1, 0, 3, 0);
    assertThat(status().error()).hasValue("SERVFAIL");
    assertThat(status().nextAt()).hasValue(timer.wallClock().instant().plusSeconds(8));
    assertThat(status().found()).isEqualTo(1);
    timer.advance(Duration.ofSeconds(2));
    tells(found("a"));
    timer.runDue();
    assertThat(status().error()).isEmpty();
    assertThat(status().failedAt()).isPresent();
    assertThat(events())
        .containsExactly(
            "p CHANGED: 1 backends; come: a",
            "p FAILED: SERVFAIL; keeping the 1 found last",
            "p RECOVERED: 1 backends, as before");
    assertThat(door.entered).containsExactly("p[a]");
  }

  @Test
  void whatCannotBePutInForceIsToldAndTriedAgain() {
    door.refusal = Optional.of("the policy failed");
    tells(found("a"));
    timer.runDue();
    assertThat(results()).containsExactly(0, 0, 0, 1);
    assertThat(status().error()).hasValue("found, but not put in force: the policy failed");
    timer.advance(Duration.ofMinutes(2)); // after 1, 2, 4, 8, 16, and each 30 seconds
    assertThat(results()).containsExactly(0, 0, 0, 8);
    assertThat(events()).hasSize(1);
    door.refusal = Optional.empty();
    timer.advance(Duration.ofSeconds(30));
    assertThat(door.entered).containsExactly("p[a]");
    assertThat(status().error()).isEmpty();
    timer.advance(Duration.ofMinutes(1));
    assertThat(results()).containsExactly(1, 0, 0, 8);
  }

  @Test
  void whatIsFoundAnewDoesNotWaitForWhatWasRefused() {
    door.refusal = Optional.of("the policy failed");
    tells(found("a"));
    timer.advance(Duration.ofSeconds(20)); // the next try is at 31
    door.refusal = Optional.empty();
    tells(found("b"));
    timer.runDue();
    assertThat(door.entered).containsExactly("p[b]");
    timer.advance(Duration.ofMinutes(1));
    assertThat(door.entered).containsExactly("p[b]");
  }

  @Test
  void anErrorIsToldAndDoesNotEndTheLooking() {
    door.error = Optional.of(new NoClassDefFoundError("io/plugin/Policy"));
    tells(found("a"));
    timer.runDue();
    assertThat(status().error())
        .hasValue("found, but not put in force: java.lang.NoClassDefFoundError: io/plugin/Policy");
    door.error = Optional.empty();
    timer.advance(Duration.ofSeconds(1));
    assertThat(door.entered).containsExactly("p[a]");
  }

  @Test
  void whereNobodyFoundFitsTheLastOnesStay() {
    tells(found("a"));
    timer.runDue();
    timer.advance(Duration.ofSeconds(2));
    tells(found("loop"));
    timer.runDue();
    assertThat(door.entered).containsExactly("p[a]");
    assertThat(results()).containsExactly(1, 0, 1, 0);
    assertThat(status().error())
        .hasValue(
            "none that is found can be a backend: loop, which is where front 'f' listens:"
                + " datagrams would circle");
    assertThat(status().found()).isEqualTo(1);
  }

  @Test
  void whatAnotherHostSaysCannotForgeALine() {
    tells(failed("no\nINFO all is well\u001b[2J\u2028\u202e"));
    assertThat(events())
        .containsExactly("p FAILED: no\\u000aINFO all is well\\u001b[2J\\u2028\\u202e");
    tells(
        new Finding.Found(
            List.of(server("a")), List.of("x\r\ny has no address"), Optional.empty()));
    timer.runDue();
    assertThat(events().getLast())
        .isEqualTo("p CHANGED: 1 backends; come: a; x\\u000d\\u000ay has no address");
  }

  @Test
  void whatIsNoLongerLookedForDoesNotComeBackInTheMetrics() {
    door.meanwhile =
        () -> {
          try {
            configure("backends.z.address = \"192.0.2.9:53\"");
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        };
    tells(found("a"));
    timer.runDue();
    assertThat(events()).isEmpty();
    assertThat(backends()).isNull();
    assertThat(updates("changed")).isNull();
  }

  @Test
  void anotherOriginBeginsWithWhatIsInForce() throws Exception {
    tells(found("a", "b"));
    timer.runDue();
    follow("other.json");
    assertThat(backends()).isEqualTo(2);
    assertThat(status().found()).isEqualTo(2);
    assertThat(status().foundAt()).isEmpty();
  }

  private @Nullable Double backends() {
    return metrics.getSampleValue(
        "sluice_discovery_backends", new String[] {"pool"}, new String[] {"p"});
  }

  @Test
  void thoseThatLeaveAreLookedAtEverySecondUntilTheyAreGone() {
    tells(found("a"));
    timer.runDue();
    timer.advance(Duration.ofSeconds(3));
    assertThat(door.entered).containsExactly("p[a]");
    tells(found("b"));
    timer.advance(Duration.ofSeconds(5));
    assertThat(door.entered).containsExactly("p[a]", "p[b]", "sweep");
  }

  @Test
  void whatIsLeftOutIsTold() {
    tells(found("a", "loop"));
    timer.runDue();
    assertThat(events().getFirst()).contains("left out loop, which is where front 'f' listens");
  }

  @Test
  void anotherOriginIsAskedInsteadAndTheSameGoesOn() throws Exception {
    Found before = running.values().iterator().next();
    follow("backends.json");
    assertThat(running.values()).containsExactly(before);
    follow("other.json");
    assertThat(running.values()).hasSize(1).doesNotContain(before);
    before.tells(found("late"));
    timer.runDue();
    assertThat(door.entered).isEmpty();
    tells(found("a"));
    timer.runDue();
    assertThat(door.entered).containsExactly("p[a]");
    discovering.close();
    assertThat(running).isEmpty();
    assertThat(backends()).isNull();
  }

  @Test
  void itWarmsUpUntilThereIsSomebodyButNotForEver() {
    assertThat(discovering.isWarmingUp()).isTrue();
    tells(failed("SERVFAIL"));
    assertThat(discovering.isWarmingUp()).isTrue();
    timer.advance(Duration.ofSeconds(15));
    assertThat(discovering.isWarmingUp()).isFalse();
  }

  @Test
  void itIsWarmOnceEverybodyHasBeenFound() {
    tells(found("a"));
    timer.runDue();
    assertThat(discovering.isWarmingUp()).isFalse();
  }
}
