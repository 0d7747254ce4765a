package io.sluice.admin;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.management.UnixOperatingSystemMXBean;
import io.netty.util.NetUtil;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.lang.management.ManagementFactory;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Ten thousand flows at once through a real process: every datagram of the clients, of the backends
 * and of the appliance's books against each other, and what a flow costs while it lives and after.
 *
 * <p>{@code soak.seconds} and {@code soak.rate} (requests a second) make it longer or harder; it
 * prints its figures.
 */
@Timeout(300)
class SoakIT {
  private static final int FLOWS = 10_000;
  private static final int SECONDS = Integer.getInteger("soak.seconds", 10);
  private static final int RATE = Integer.getInteger("soak.rate", 15_000);
  private static final int BACKENDS = 4;

  /** DESIGN.md: heap of a flow beside its socket. */
  private static final long FLOW_BYTES = 300;

  /**
   * Kernel memory for a datagram of up to 1,400 bytes is 2,304; of a receive buffer as much as a
   * quarter can be spoken for by what has been read already.
   */
  private static final int KERNEL_BYTES = 2 * 2_304;

  /** Arrays of ints and objects: Netty's map from file descriptors to registrations. */
  private static final Pattern OF_SOCKET =
      Pattern.compile("io\\.sluice\\.net\\.|io\\.netty\\.|\\[I$|\\[Ljava\\.lang\\.Object;");

  private final List<Answerer> backends = new ArrayList<>();

  @TempDir
  @SuppressWarnings("NullAway.Init") // by JUnit
  private Path folder;

  @SuppressWarnings("NullAway.Init") // before each test
  private ApplianceProcess sluice;

  @BeforeEach
  void start() throws Exception {
    var os = (UnixOperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long fds = os.getMaxFileDescriptorCount();
    assumeTrue(
        fds >= FLOWS + 1_000,
        () -> FLOWS + " clients need a file descriptor each, and this process may open " + fds);
    for (int i = 0; i < BACKENDS; i++) {
      backends.add(new Answerer());
    }
    sluice = ApplianceProcess.start(folder, config());
  }

  @AfterEach
  void stop() throws Exception {
    sluice.close();
    for (Answerer backend : backends) {
      backend.close();
    }
  }

  private String config() {
    String members =
        backends.stream()
            .map(Answerer::address)
            .map(at -> "b%d { address = \"127.0.0.1:%1$d\" }".formatted(at.getPort()))
            .collect(joining("\n"));
    return """
    sluice {
      fronts { soak {
        listen = ["127.0.0.1:0"], pool = answerers
        flows { max = %d, unassured-max = 5000, idle-timeout = 12s }
      } }
      pools { answerers { backends { %s } } }
      admin { listen = "127.0.0.1:0" }
    }
    """
        .formatted(FLOWS, members);
  }

  @Test
  void ten_thousand_flows_lose_nothing_and_leave_nothing_behind() throws Exception {
    talk(new Round("warm-up", 500, 1, Duration.ofSeconds(2), false)).close();
    awaitNoFlows();
    Heap empty = Heap.of(sluice.pid()); // first: the JVM then listens for jcmd, which takes an fd
    long fds = fds();

    try (var _ = talk(new Round("one reply each", FLOWS, 1, Duration.ofSeconds(SECONDS), false))) {
      Heap full = Heap.of(sluice.pid());
      assertThat(full.of("io.sluice.flow.Flow").instances()).isEqualTo(FLOWS);
      assertThat(fds() - fds).isEqualTo(FLOWS);
      assertThat(beside(empty, full)).isLessThanOrEqualTo(FLOW_BYTES);
      say("fds: %d before, %d with all flows", fds, fds());
      awaitNoFlows();
    }
    Heap after = Heap.of(sluice.pid());
    assertThat(fds()).isEqualTo(fds);
    assertThat(after.of("io.sluice.flow.Flow").instances()).isZero();

    talk(new Round("three replies each, half leave", FLOWS, 3, Duration.ofSeconds(4), true))
        .close();
    awaitNoFlows();
    Heap last = Heap.of(sluice.pid());
    assertThat(fds()).isEqualTo(fds);
    assertThat(last.of("io.sluice.flow.Flow").instances()).isZero();
    say("fds: %d after", fds());
    say("grown: %s", last.grownSince(after));
    say(
        "heap after a full collection: %,d bytes before, %,d after %,d flows, %,d after %,d more",
        empty.bytes(), after.bytes(), FLOWS, last.bytes(), FLOWS);
    // no trace of a flow
    assertThat(last.bytes() - after.bytes())
        .as(() -> "grown: " + last.grownSince(after))
        .isLessThan(FLOWS * 10);
  }

  /**
   * So many clients at once for a while.
   *
   * @param leaving every second client goes away with replies on their way to it
   */
  private record Round(String name, int flows, int replies, Duration time, boolean leaving) {}

  /** Plays a round and holds everyone's books against each other; its clients are still there. */
  private Crowd talk(Round round) throws Exception {
    backends.forEach(backend -> backend.begin(round.flows, round.replies));
    Books before = books();
    int underWayMax = Math.min(2_000, backends.getFirst().receiveBufferBytes() / KERNEL_BYTES);
    Crowd crowd =
        new Crowd(
            front(), round.flows, round.replies, underWayMax, () -> sum(Answerer::receivedCount));
    if (round.leaving) {
      crowd.talkAndLeave(round.time, RATE);
    } else {
      crowd.talk(round.time, RATE);
    }
    Books books = settledBooks().minus(before);
    Inbox.Count requests =
        backends.stream().map(Answerer::received).reduce(Inbox.Count::plus).orElseThrow();
    long sent = crowd.sent();
    long replied = sum(Answerer::replied);
    say("round '%s': %,d flows, %d s", round.name, round.flows, round.time.toSeconds());
    say("  requests: clients sent %,d, kernel dropped %d", sent, books.kernelDrops);
    say("            ledger %s, backends %s", books.request, requests);
    say("  replies:  backends sent %,d, for clients still there %,d", replied, crowd.expected());
    say("            ledger %s, clients %s", books.reply, crowd.received());

    assertThat(requests).isEqualTo(new Inbox.Count(sent, 0, 0, 0));
    assertThat(replied).isEqualTo(sent * round.replies);
    assertThat(crowd.received()).isEqualTo(new Inbox.Count(crowd.expected(), 0, 0, 0));
    assertThat(books)
        .isEqualTo(
            new Books(
                new Side(sent, sent, 0, 0), new Side(replied, replied, 0, 0), 0, 0, round.flows));
    return crowd;
  }

  /** A datagram can be with its receiver before the loop that sent it has booked it. */
  private Books settledBooks() throws Exception {
    Books last;
    Books books = books();
    do {
      last = books;
      Thread.sleep(200);
      books = books();
    } while (!books.equals(last));
    return books;
  }

  private long sum(ToLongFunction<Answerer> what) {
    return backends.stream().mapToLong(what).sum();
  }

  /** One direction of the appliance's ledger. */
  private record Side(long received, long forwarded, long dropped, long pending) {
    static Side of(JsonObject side) {
      LongStream dropped =
          side.getJsonObject("dropped").stream()
              .mapToLong(drop -> ((Number) drop.getValue()).longValue());
      return new Side(
          side.getLong("received"),
          side.getLong("forwarded"),
          dropped.sum(),
          side.getLong("pending"));
    }

    Side minus(Side other) {
      return new Side(
          received - other.received,
          forwarded - other.forwarded,
          dropped - other.dropped,
          pending - other.pending);
    }
  }

  /**
   * What the appliance has counted.
   *
   * @param unreachable ICMP errors held against backends
   */
  private record Books(Side request, Side reply, long kernelDrops, long unreachable, long opened) {
    Books minus(Books other) {
      return new Books(
          request.minus(other.request),
          reply.minus(other.reply),
          kernelDrops - other.kernelDrops,
          unreachable - other.unreachable,
          opened - other.opened);
    }
  }

  private Books books() throws Exception {
    JsonObject ledger = first(sluice.json("/v1/drops"), "fronts");
    JsonObject front = first(sluice.json("/v1/fronts"), "fronts");
    JsonArray members = first(sluice.json("/v1/pools"), "pools").getJsonArray("backends");
    return new Books(
        Side.of(ledger.getJsonObject("request")),
        Side.of(ledger.getJsonObject("reply")),
        front.getLong("kernelDrops"),
        members.stream().mapToLong(each -> ((JsonObject) each).getLong("unreachable")).sum(),
        front.getLong("flowsOpened"));
  }

  private static JsonObject first(JsonObject answer, String array) {
    return answer.getJsonArray(array).getJsonObject(0);
  }

  private InetSocketAddress front() throws Exception {
    String at = first(sluice.json("/v1/fronts"), "fronts").getJsonArray("listen").getString(0);
    int colon = at.lastIndexOf(':');
    return new InetSocketAddress(
        NetUtil.createInetAddressFromIpAddressString(at.substring(0, colon)),
        Integer.parseInt(at.substring(colon + 1)));
  }

  private long fds() throws Exception {
    return sluice.json("/v1/status").getLong("fdsOpen");
  }

  private void awaitNoFlows() {
    await()
        .atMost(Duration.ofSeconds(30))
        .pollInterval(Duration.ofMillis(500))
        .until(() -> sluice.json("/v1/status").getLong("flows") == 0);
  }

  /** Heap bytes a flow, but for its socket; prints all of them by class. */
  private static long beside(Heap empty, Heap full) {
    long socket = 0;
    long beside = 0;
    for (String name : full.byBytes()) {
      if (Heap.isOfPortsSetAside(name)) {
        continue;
      }
      long bytes = full.of(name).bytes() - empty.of(name).bytes();
      boolean ofSocket = OF_SOCKET.matcher(name).lookingAt();
      if (ofSocket) {
        socket += bytes;
      } else {
        beside += bytes;
      }
      if (Math.abs(bytes) >= FLOWS) {
        say(
            "heap a flow: %6.1f bytes of %s%s",
            bytes / (double) FLOWS, name, ofSocket ? " (socket)" : "");
      }
    }
    say("heap a flow: %d bytes, and %d of its socket", beside / FLOWS, socket / FLOWS);
    return beside / FLOWS;
  }

  private static void say(String format, Object... arguments) {
    System.out.printf("soak: " + format + "%n", arguments);
  }
}
