package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.util.NetUtil;
import io.sluice.config.SluiceConfig.Role;
import io.vertx.core.json.JsonObject;
import java.io.EOFException;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every operation of the contract of a real appliance, asked rightly and wrongly in turn, while it
 * relays: each answer is one the contract promises, none says that Sluice is at fault, and of the
 * datagrams of the front {@code steady}, which no request is about, none is lost, twice, or
 * miscounted. The requests are about the front and the pool {@code toy}.
 *
 * <p>{@code fuzz.seconds} makes it longer, {@code fuzz.seed} repeats it; it prints its figures.
 */
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class ApiFuzzIT {
  private static final int SECONDS = Integer.getInteger("fuzz.seconds", 12);
  private static final long SEED = Long.getLong("fuzz.seed", 1);

  /** For every operation to have been right once, on however slow a machine. */
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private static final String ADMIN = "sluice_admin-of-the-fuzz-test";
  private static final String VIEWER = "sluice_viewer-of-the-fuzz-test";
  private static final InetAddress HOME = InetAddress.ofLiteral("127.0.0.1");

  /** Faults that are enough to see what is wrong. */
  private static final int MANY = 10;

  private static final int FLOWS = 50;
  private static final int PER_SECOND = 1_000;
  private static final Set<Integer> UNDERSTOOD = Set.of(200, 201, 204, 404, 409, 412, 422);

  private final Random random = new Random(SEED);
  private final PublishedContract contract = new PublishedContract();
  private final Drafts drafts = new Drafts(contract, random, words());
  private final Mischief mischief = new Mischief(random);
  private final List<Answerer> backends = new ArrayList<>();
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final List<String> faults = new ArrayList<>();
  private final Set<String> fulfilled = new TreeSet<>();
  private volatile boolean enough;
  private List<String> flowIds = List.of("1");
  private String etag = "\"0000000000000000\"";
  private JsonObject config = new JsonObject();
  private String toy = "";

  @TempDir
  @SuppressWarnings("NullAway.Init") // by JUnit
  private Path folder;

  @SuppressWarnings("NullAway.Init") // before each test
  private ApplianceProcess sluice;

  @SuppressWarnings("NullAway.Init") // before each test
  private InetSocketAddress admin;

  @BeforeEach
  void start() throws Exception {
    for (int i = 0; i < 4; i++) {
      Answerer backend = new Answerer();
      backend.begin(FLOWS, 1);
      backends.add(backend);
    }
    sluice = ApplianceProcess.start(folder, hocon());
    URI url = URI.create(sluice.admin());
    admin = new InetSocketAddress(url.getHost(), url.getPort());
  }

  @AfterEach
  void stop() throws Exception {
    sluice.close();
    for (Answerer backend : backends) {
      backend.close();
    }
  }

  @Test
  void no_request_is_beyond_the_contract_and_none_costs_a_datagram() throws Exception {
    assumeTrue(
        System.getProperty("fuzz.seconds") != null,
        "runs with -Dfuzz.seconds=N: what it finds today are faults of its own");
    InetSocketAddress front = front("toy");
    toy = NetUtil.toSocketAddressString(front);
    try (var crowd = new Crowd(front("steady"), FLOWS, 1, 1_000, this::arrived);
        var toys = new Toys(front)) {
      var talk = new FutureTask<Void>(() -> talk(crowd));
      Thread talking = Thread.ofPlatform().start(talk);
      int asked;
      try {
        asked = fuzz(toys);
      } finally {
        enough = true;
        talking.join();
      }
      talk.get();
      say("seed %d, %d requests in at least %d s: %s", SEED, asked, SECONDS, statuses);
      say("%d datagrams meanwhile", crowd.sent());
      books(crowd);
    }
    assertThat(sluice.log()).noneMatch(line -> line.contains(" ERROR "));
  }

  private Void talk(Crowd crowd) throws IOException {
    while (!enough) {
      crowd.talk(Duration.ofMillis(500), PER_SECOND);
    }
    return null;
  }

  private long arrived() {
    return backends.subList(0, 2).stream().mapToLong(Answerer::receivedCount).sum();
  }

  private int fuzz(Toys toys) throws Exception {
    long begun = System.nanoTime();
    int asked = 0;
    List<String> operations = new ArrayList<>(drafts.operations());
    while ((faults.size() < MANY
            && System.nanoTime() - begun < Duration.ofSeconds(SECONDS).toNanos())
        || (faults.isEmpty()
            && fulfilled.size() < operations.size()
            && System.nanoTime() - begun < LONGEST.toNanos())) {
      Collections.shuffle(operations, random);
      for (String operation : operations) {
        Draft draft = drafts.right(operation);
        draft.header("Authorization", "Bearer " + ADMIN);
        int wrongs = Math.max(0, random.nextInt(4) - 1);
        for (int i = 0; i < wrongs; i++) {
          mischief.spoil(draft, drafts.maxBytes(operation));
        }
        if (wrongs > 0 && random.nextInt(10) == 0) {
          draft.header("Authorization", "Bearer " + VIEWER);
        }
        ask(draft, wrongs == 0);
        asked++;
        toys.send();
      }
    }
    assertThat(faults).as("seed " + SEED).isEmpty();
    assertThat(fulfilled).as("operations that were fulfilled").containsAll(operations);
    return asked;
  }

  private void ask(Draft draft, boolean right) {
    try {
      // Sources that fail too often are refused for a while: whoever is right is none of those.
      Optional<Answer> answer = exchange(draft, right ? HOME : home());
      assertThat(answer.isPresent() || !draft.intact).as("answered").isTrue();
      answer.ifPresent(each -> check(draft, right, each));
    } catch (IOException | RuntimeException | AssertionError e) {
      faults.add(draft + "\n" + e);
    }
  }

  private InetAddress home() {
    return InetAddress.ofLiteral(
        "127.1.%d.%d".formatted(random.nextInt(256), 1 + random.nextInt(254)));
  }

  private Optional<Answer> exchange(Draft draft, InetAddress from) throws IOException {
    try (Socket socket = new Socket(admin.getAddress(), admin.getPort(), from, 0)) {
      socket.setSoTimeout(draft.intact ? 30_000 : 200);
      try {
        socket.getOutputStream().write(draft.bytes());
      } catch (SocketException hungUp) {
        // it had heard enough, and has said so before
      }
      return Optional.of(Answer.read(draft.method, socket.getInputStream()));
    } catch (SocketTimeoutException | EOFException | SocketException e) {
      if (draft.intact) {
        throw e;
      }
      return Optional.empty();
    }
  }

  private void check(Draft draft, boolean right, Answer answer) {
    statuses.merge(answer.status(), 1, Integer::sum);
    if (draft.intact) {
      contract.check(draft.method, draft.path, answer);
    } else if (answer.status() >= 400 && !draft.method.equals("HEAD")) {
      contract.fits(JsonObject.of("$ref", "#/components/schemas/Problem"), answer.json());
    }
    if (draft.stranger && !drafts.isForAnybody(draft.operation)) {
      assertThat(answer.status()).as("a stranger").isGreaterThanOrEqualTo(400);
    }
    boolean busy = answer.status() == 503 && drafts.mayBeBusy(draft.operation);
    assertThat(answer.status() < 500 || busy).as(answer.toString()).isTrue();
    if (right && !busy) {
      boolean nobodyThere = answer.body().contains("there are: '");
      assertThat(UNDERSTOOD.contains(answer.status()) || nobodyThere).as(answer.body()).isTrue();
    }
    if (answer.status() < 300) {
      fulfilled.add(draft.operation);
      if (right) {
        learn(draft.operation, answer);
      }
    }
  }

  /** What later requests can be about. */
  private void learn(String operation, Answer answer) {
    etag = answer.header("ETag").orElse(etag);
    if (operation.equals("getConfig")) {
      config = answer.json().getJsonObject("config");
    } else if (operation.equals("listFlows")) {
      List<String> ids =
          answer.json().getJsonArray("flows").stream()
              .map(JsonObject.class::cast)
              .filter(flow -> flow.getString("front").equals("toy"))
              .map(flow -> flow.getString("id"))
              .toList();
      flowIds = ids.isEmpty() ? flowIds : ids;
    }
  }

  private Map<String, Supplier<?>> words() {
    Map<String, Supplier<?>> words = new TreeMap<>();
    words.put("front", () -> "toy");
    words.put("pool", () -> "toy");
    words.put("backend", () -> "t" + random.nextInt(4));
    words.put("id", () -> pick(flowIds));
    words.put("cursor", () -> Flows.cursor(1 + random.nextInt(100)));
    words.put("count", () -> random.nextInt(3));
    words.put("weight", () -> 1 + random.nextInt(1_000));
    words.put("deadline", () -> pick(List.of("0s", "100ms", "5m", "999999h")));
    words.put("address", () -> "127.0.0.1:" + pick(List.of(toyPort(0), toyPort(1), 9)));
    words.put("If-Match", () -> pick(List.of("*", etag, "\"x\", W/" + etag)));
    words.put("If-None-Match", () -> pick(List.of("*", "\"x\"")));
    words.put("client", () -> "127.0.0.1:" + (1 + random.nextInt(65_535)));
    words.put("local", () -> toy);
    words.put("payloadHex", () -> "a5".repeat(pick(List.of(0, 1, 200, 65_536))));
    words.put("hocon", this::hocon);
    words.put("application/hocon", this::hocon);
    words.put("anything", this::json);
    return words;
  }

  private int toyPort(int n) {
    return backends.get(2 + n).address().getPort();
  }

  private <T> T pick(List<T> of) {
    return of.get(random.nextInt(of.size()));
  }

  /** A right configuration, of which {@code toy} is always another and the rest never. */
  private String hocon() {
    return """
    sluice {
      workers { min = 1, max = 2 }
      admin { listen = "127.0.0.1:0", tokens = [
        { name = fuzz, sha256 = "%s", role = admin }, { name = guest, sha256 = "%s" }
      ] }
      fronts { steady { listen = ["127.0.0.1:0"], pool = steady } }
      pools { steady { backends {
        s0 { address = "127.0.0.1:%d" }
        s1 { address = "127.0.0.1:%d" }
      } } }
      fronts { toy {
        listen = ["127.0.0.1:0"], pool = toy, max-datagram = %d
        flows { max = %d, idle-timeout = %ds }
      } }
      pools { toy { backends {
        t0 { address = "127.0.0.1:%d", weight = %d }
        t1 { address = "127.0.0.1:%d" }
      } } }
    }
    """
        .formatted(
            Secrets.token("fuzz", ADMIN, Role.ADMIN).sha256(),
            Secrets.token("guest", VIEWER, Role.VIEWER).sha256(),
            backends.get(0).address().getPort(),
            backends.get(1).address().getPort(),
            100 + random.nextInt(1_400),
            10 + random.nextInt(100),
            2 + random.nextInt(60),
            toyPort(0),
            1 + random.nextInt(10),
            toyPort(1));
  }

  /** The configuration as it was last seen, but for {@code toy}. */
  private JsonObject json() {
    JsonObject changed = config.copy();
    if (changed.containsKey("fronts")) {
      changed
          .getJsonObject("fronts")
          .getJsonObject("toy")
          .put("max-datagram", 100 + random.nextInt(1_400));
    }
    return changed;
  }

  private void books(Crowd crowd) throws Exception {
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () -> {
              JsonObject steady = entry("/v1/drops", "front", "steady");
              for (String side : List.of("request", "reply")) {
                Ledger ledger = Ledger.of(steady, side);
                assertThat(ledger).isEqualTo(new Ledger(crowd.sent(), crowd.sent(), 0));
              }
            });
    assertThat(crowd.received()).isEqualTo(new Inbox.Count(crowd.sent(), 0, 0, 0));
    assertThat(backends.get(0).received().plus(backends.get(1).received()))
        .as("no flow moved")
        .isEqualTo(new Inbox.Count(crowd.sent(), 0, 0, 0));
    assertThat(entry("/v1/fronts", "name", "steady").getLong("kernelDrops")).isZero();
    await()
        .atMost(Duration.ofSeconds(10))
        .untilAsserted(
            () -> {
              for (String side : List.of("request", "reply")) {
                Ledger.of(entry("/v1/drops", "front", "toy"), side);
              }
            });
  }

  private JsonObject entry(String path, String key, String name) throws Exception {
    Draft draft = new Draft("", "GET", path);
    draft.header("Authorization", "Bearer " + ADMIN);
    Answer answer = exchange(draft, HOME).orElseThrow();
    return answer.json().getJsonArray("fronts").stream()
        .map(JsonObject.class::cast)
        .filter(each -> each.getString(key).equals(name))
        .findFirst()
        .orElseThrow();
  }

  private InetSocketAddress front(String name) throws Exception {
    String at = entry("/v1/fronts", "name", name).getJsonArray("listen").getString(0);
    return new InetSocketAddress(
        InetAddress.getLoopbackAddress(), Integer.parseInt(at.replaceAll(".*:", "")));
  }

  /** Clients of a front whose backends come and go: they expect nothing. */
  private final class Toys implements AutoCloseable {
    private final List<DatagramSocket> clients = new ArrayList<>();

    Toys(InetSocketAddress front) throws IOException {
      for (int i = 0; i < 20; i++) {
        DatagramSocket client = new DatagramSocket();
        client.connect(front);
        clients.add(client);
      }
    }

    void send() {
      try {
        pick(clients).send(new DatagramPacket(new byte[200], 1 + random.nextInt(200)));
      } catch (IOException refused) {
        // the front itself may be away
      }
    }

    @Override
    public void close() {
      clients.forEach(DatagramSocket::close);
    }
  }

  private static void say(String format, Object... arguments) {
    System.out.printf("fuzz: " + format + "%n", arguments);
  }
}
