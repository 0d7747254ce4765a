package io.sluice.admin;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.config.SluiceConfig.Role;
import io.sluice.net.Workers;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * 1,000 connections that send a byte a second, and others that send worse, against the admin API of
 * an appliance, while a client counts what its datagrams suffer: calm and attacked in turn.
 */
@Timeout(300)
class SlowLorisIT {
  private static final int LORISES = 1_000;
  private static final int HOSTILE = Integer.getInteger("loris.hostile", 20);
  private static final int PER_SECOND = 1_000;
  private static final int ROUNDS = Integer.getInteger("loris.rounds", 1);
  private static final int SECONDS = Integer.getInteger("loris.seconds", 4);
  private static final String TOKEN = "sluice_of-the-operator";
  private static final List<String> NASTY =
      List.of(
          "GET /v1/status HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer guess\r\n\r\n",
          "GET /" + "x".repeat(10_000) + " HTTP/1.1\r\n\r\n",
          "PUT /v1/workers HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n{",
          "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
          "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".repeat(500));

  @TempDir Path folder;

  /**
   * What the datagrams of one phase suffered.
   *
   * @param workersUs CPU time of the workers alone, which says what no other program's load does
   */
  private record Suffered(
      long sent, long lost, long p50Us, long p90Us, long p99Us, long workersUs) {}

  @Test
  void slowAndHostileAdminClientsDoNotTouchTheDatapath() throws Exception {
    try (var sluice = ApplianceProcess.start(folder, config())) {
      URI admin = URI.create(sluice.url());
      InetSocketAddress front = front(sluice);
      measure(sluice, front, 1); // warms up
      List<Suffered> calm = new ArrayList<>();
      List<Suffered> attacked = new ArrayList<>();
      for (int round = 0; round < ROUNDS; round++) {
        calm.add(measure(sluice, front, SECONDS));
        attacked.add(underAttack(sluice, admin, front));
      }
      for (int round = 0; round < ROUNDS; round++) {
        System.out.printf("calm     %s%nattacked %s%n", calm.get(round), attacked.get(round));
      }
      assertThat(attacked).allMatch(each -> each.lost <= each.sent / 1_000);
      // generous: attackers, client and appliance share a busy machine's cores
      assertThat(median(attacked, Suffered::p50Us))
          .isLessThan(Math.max(10 * median(calm, Suffered::p50Us), 25_000));
      assertThat(median(attacked, Suffered::p99Us))
          .isLessThan(Math.max(10 * median(calm, Suffered::p99Us), 250_000));
      assertThat(operatorAsks(admin)).isTrue();
    }
  }

  private Suffered underAttack(ApplianceProcess sluice, URI admin, InetSocketAddress front)
      throws Exception {
    long fdsBefore = fds(sluice);
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger cutOff = new AtomicInteger();
    AtomicInteger served = new AtomicInteger();
    AtomicInteger asked = new AtomicInteger();
    ExecutorService attackers = Executors.newVirtualThreadPerTaskExecutor();
    try {
      for (int i = 0; i < LORISES; i++) {
        var _ = attackers.submit(() -> drip(admin, over, cutOff));
      }
      for (int i = 0; i < HOSTILE; i++) {
        String nasty = NASTY.get(i % NASTY.size());
        var _ = attackers.submit(() -> vex(admin, nasty, over));
      }
      var _ =
          attackers.submit(
              () -> {
                while (!over.get()) {
                  asked.incrementAndGet();
                  served.addAndGet(operatorAsks(admin) ? 1 : 0);
                  TimeUnit.MILLISECONDS.sleep(100);
                }
                return null;
              });
      Suffered suffered = measure(sluice, front, SECONDS);
      assertThat(adminThreads(sluice))
          .isNotEmpty()
          .noneMatch(name -> name.startsWith(Workers.THREAD_NAME));
      assertThat(fds(sluice)).isLessThan(fdsBefore + 2 * Connections.MAX + 32);
      System.out.printf("cut off %s, operator served %s of %s%n", cutOff, served, asked);
      assertThat(cutOff.get()).isGreaterThan(LORISES / 2);
      assertThat(served.get()).isGreaterThan(asked.get() / 2);
      return suffered;
    } finally {
      over.set(true);
      attackers.shutdownNow();
      assertThat(attackers.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    }
  }

  /** A byte a second, as long as it is listened to, and again. */
  private static @Nullable Void drip(URI admin, AtomicBoolean over, AtomicInteger cutOff)
      throws InterruptedException {
    while (!over.get()) {
      try (Socket socket = connect(admin, "127.0.0.2")) {
        send(socket, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ");
        socket.setSoTimeout(1_000);
        while (!over.get() && !isClosed(socket)) {
          send(socket, "x");
        }
      } catch (IOException e) {
        // cut off in the middle
      }
      cutOff.incrementAndGet();
      Thread.sleep(1_000);
    }
    return null;
  }

  private static boolean isClosed(Socket socket) throws IOException {
    try {
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  private static @Nullable Void vex(URI admin, String nasty, AtomicBoolean over)
      throws InterruptedException {
    while (!over.get()) {
      try (Socket socket = connect(admin, "127.0.0.3")) {
        send(socket, nasty);
        socket.setSoTimeout(2_000);
        var _ = socket.getInputStream().readNBytes(1_000);
      } catch (IOException e) {
        // hung up on
      }
      Thread.sleep(20);
    }
    return null;
  }

  /** Whether somebody with a token is served within three tries. */
  private static boolean operatorAsks(URI admin) {
    for (int tries = 0; tries < 3; tries++) {
      try (Socket socket = connect(admin, "127.0.0.1")) {
        socket.setSoTimeout(5_000);
        send(
            socket,
            "GET /v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer "
                + TOKEN
                + "\r\n\r\n");
        String answer = new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
        if (answer.startsWith("HTTP/1.1 200 ")) {
          return true;
        }
      } catch (IOException e) {
        // lost its place to a newcomer, perhaps
      }
    }
    return false;
  }

  private static Socket connect(URI admin, String from) throws IOException {
    Socket socket = new Socket();
    try {
      socket.bind(new InetSocketAddress(InetAddress.ofLiteral(from), 0));
      socket.connect(CannedAppliance.address(admin.getHost(), admin.getPort()), 5_000);
      return socket;
    } catch (IOException e) {
      socket.close();
      throw e;
    }
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(ISO_8859_1));
  }

  /**
   * So many datagrams a second, each timed from when it was due, so that one that is held up is not
   * excused for those behind it.
   */
  private static Suffered measure(ApplianceProcess sluice, InetSocketAddress front, int seconds)
      throws IOException {
    int count = PER_SECOND * seconds;
    long cpuNs = workersNs(sluice);
    long[] took = new long[count];
    int answered = 0;
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(front);
      socket.setSoTimeout(1_000);
      long begin = System.nanoTime();
      for (int i = 0; i < count; i++) {
        long due = begin + i * TimeUnit.SECONDS.toNanos(1) / PER_SECOND;
        while (System.nanoTime() - due < 0) {
          LockSupport.parkNanos(50_000);
        }
        byte[] number = ByteBuffer.allocate(Integer.BYTES).putInt(i).array();
        socket.send(new DatagramPacket(number, number.length));
        if (receives(socket, i)) {
          took[answered++] = System.nanoTime() - due;
        }
      }
    }
    long[] sorted = Arrays.copyOf(took, answered);
    Arrays.sort(sorted);
    return new Suffered(
        count,
        count - answered,
        sorted[answered / 2] / 1_000,
        sorted[(int) (answered * 0.9)] / 1_000,
        sorted[(int) (answered * 0.99)] / 1_000,
        (workersNs(sluice) - cpuNs) / 1_000);
  }

  /** By the scheduler's own count: Documentation/scheduler/sched-stats.rst. */
  private static long workersNs(ApplianceProcess sluice) throws IOException {
    long sum = 0;
    try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(sluice.pid()), "task"))) {
      for (Path thread : threads.toList()) {
        if (Files.readString(thread.resolve("comm")).startsWith(Workers.THREAD_NAME)) {
          String count = Files.readString(thread.resolve("schedstat"));
          sum += Long.parseLong(count.substring(0, count.indexOf(' ')));
        }
      }
    }
    return sum;
  }

  private static boolean receives(DatagramSocket socket, int number) throws IOException {
    DatagramPacket reply = new DatagramPacket(new byte[Integer.BYTES], Integer.BYTES);
    try {
      do {
        socket.receive(reply);
      } while (ByteBuffer.wrap(reply.getData()).getInt() != number);
      return true;
    } catch (SocketTimeoutException e) {
      return false;
    }
  }

  private static long median(List<Suffered> rounds, ToLongFunction<Suffered> of) {
    return rounds.stream().mapToLong(of).sorted().skip(rounds.size() / 2).findFirst().orElseThrow();
  }

  /** Names of the threads that are seen at work for the admin API; few dumps show none. */
  private static Set<String> adminThreads(ApplianceProcess sluice) throws Exception {
    Set<String> names = new TreeSet<>();
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    for (int i = 0; i < 40 && (i < 5 || names.isEmpty()); i++) {
      Ended dump = Ended.run(jcmd, Long.toString(sluice.pid()), "Thread.print");
      assertThat(dump.status()).as(dump.err()).isZero();
      assertThat(dump.out()).contains("\"" + Workers.THREAD_NAME);
      for (String thread : dump.out().split("\n\n", -1)) {
        if (thread.contains("at io.sluice.admin.") || thread.contains("at io.vertx.")) {
          names.add(thread.strip().split("\"", 3)[1]);
        }
      }
    }
    return names;
  }

  private static long fds(ApplianceProcess sluice) throws IOException {
    try (Stream<Path> fds = Files.list(Path.of("/proc", Long.toString(sluice.pid()), "fd"))) {
      return fds.count();
    }
  }

  private static InetSocketAddress front(ApplianceProcess sluice) throws Exception {
    Matcher port = Pattern.compile("127\\.0\\.0\\.1:(\\d+)/udp").matcher(sluice.awaitLog("/udp"));
    assertThat(port.find()).isTrue();
    return CannedAppliance.address("127.0.0.1", Integer.parseInt(port.group(1)));
  }

  private static String config() throws IOException {
    int echo;
    try (DatagramSocket free = new DatagramSocket()) {
      echo = free.getLocalPort();
    }
    return """
    sluice {
      fronts.f { listen = ["127.0.0.1:0"], pool = p, flows { max = 100, unassured-max = 100 } }
      pools.p.backends.b.address = "127.0.0.1:%1$d"
      echo.e = "127.0.0.1:%1$d"
      admin { listen = "127.0.0.1:0", tokens = [ { name = ops, sha256 = "%2$s" } ] }
    }
    """
        .formatted(echo, Secrets.token("ops", TOKEN, Role.VIEWER).sha256());
  }
}
