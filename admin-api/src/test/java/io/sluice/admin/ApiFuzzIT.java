package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

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
  private static final int SECONDS = Integer.getInteger("fuzz.seconds", 8);
  private static final long SEED = Long.getLong("fuzz.seed", 1);

  /** For every operation to have been right once, on however slow a machine. */
  private static final Duration LONGEST = Duration.ofMinutes(2);

  private static final InetAddress HOME = InetAddress.ofLiteral("127.0.0.1");

  /** Faults that are enough to see what is wrong. */
  private static final int MANY = 10;

  private static final int FLOWS = 50;
  private static final int PER_SECOND = 1_000;
  private static final Set<Integer> UNDERSTOOD = Set.of(200, 201, 204, 404, 409, 412, 422);

  private final Random random = new Random(SEED);
  private final PublishedContract contract = new PublishedContract();
  private final Mischief mischief = new Mischief(random);
  private final List<Answerer> backends = new ArrayList<>();
  private final Map<Integer, Integer> statuses = new TreeMap<>();
  private final List<String> faults = new ArrayList<>();
  private final Set<String> fulfilled = new TreeSet<>();
  private volatile boolean enough;

  @TempDir
  @SuppressWarnings("NullAway.Init") // by JUnit
  private Path folder;

  @SuppressWarnings("NullAway.Init") // before each test
  private Vocabulary vocabulary;

  @SuppressWarnings("NullAway.Init") // before each test
  private Drafts drafts;

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
    List<Integer> ports = backends.stream().map(backend -> backend.address().getPort()).toList();
    vocabulary = new Vocabulary(random, ports.subList(0, 2), ports.subList(2, 4));
    drafts = new Drafts(contract, random, vocabulary.words());
    sluice = ApplianceProcess.start(folder, vocabulary.hocon());
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
    InetSocketAddress front = front("toy");
    vocabulary.found(NetUtil.toSocketAddressString(front));
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
      say("seed %d, %d operations, %d requests: %s", SEED, fulfilled.size(), asked, statuses);
      books(crowd);
      say("%d datagrams meanwhile: all of them answered, once, in order", crowd.sent());
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
        if (random.nextInt(10) == 0) {
          draft.by(Role.VIEWER, Vocabulary.VIEWER);
        } else {
          draft.by(Role.ADMIN, Vocabulary.ADMIN);
        }
        int wrongs = Math.max(0, random.nextInt(4) - 1);
        for (int i = 0; i < wrongs; i++) {
          mischief.spoil(draft, drafts.maxBytes(operation));
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
      // Sources that fail or come too often are refused for a while: whoever is right is none of
      // those.
      Optional<Answer> answer = exchange(draft, somewhereIn(right ? 2 : 1));
      assertThat(answer.isPresent() || !draft.intact).as("answered").isTrue();
      answer.ifPresent(each -> check(draft, right, each));
    } catch (IOException | RuntimeException | AssertionError e) {
      faults.add(draft + "\n" + e);
    }
  }

  private InetAddress somewhereIn(int net) {
    return InetAddress.ofLiteral(
        "127.%d.%d.%d".formatted(net, random.nextInt(256), 1 + random.nextInt(254)));
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
    boolean busy = answer.status() == 503 && drafts.mayBeBusy(draft.operation);
    assertThat(answer.status() < 500 || busy).as(answer.toString()).isTrue();
    if (!isFor(draft)) {
      assertThat(answer.status()).as("asked by %s", draft.role).isGreaterThanOrEqualTo(400);
      assertThat(answer.status() == 403 || !right).as(answer.toString()).isTrue();
    } else if (right && !busy) {
      boolean nobodyThere = answer.body().contains("there are: '");
      assertThat(UNDERSTOOD.contains(answer.status()) || nobodyThere).as(answer.body()).isTrue();
    }
    if (answer.status() < 300) {
      fulfilled.add(draft.operation);
      if (right) {
        vocabulary.learn(draft.operation, answer);
      }
    }
  }

  private boolean isFor(Draft draft) {
    Optional<Access> access = contract.access(draft.method, draft.path);
    return access.isPresent()
        && (access.get() == Access.ANYBODY
            || (draft.role != null && access.get().allows(draft.role)));
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
    draft.by(Role.ADMIN, Vocabulary.ADMIN);
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
        clients
            .get(random.nextInt(clients.size()))
            .send(new DatagramPacket(new byte[200], 1 + random.nextInt(200)));
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
