package io.sluice.admin;

import static java.util.Objects.requireNonNull;
import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.vertx.core.json.JsonObject;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each file of conf/examples as it is shown, but for its addresses, between a real client and real
 * servers; all probes pass, and nothing is dropped. docs/examples.md does by hand what this does.
 */
@Timeout(120)
class ExamplesIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir Path folder;

  private final Deque<AutoCloseable> running = new ArrayDeque<>();

  @AfterEach
  void stopAll() throws Exception {
    while (!running.isEmpty()) {
      running.pop().close();
    }
  }

  @Test
  void dns_clients_are_answered_and_keep_their_server() throws Exception {
    needs("dig", "bind9-dnsutils", "/usr/sbin/nsd", "nsd", "/usr/sbin/knotd", "knot");
    NameServer a = keep(NameServer.nsd(folder));
    NameServer b = keep(NameServer.knot(folder));
    Example dns = start("dns", Map.of("resolvers", List.of(a.address(), b.address())), "dns");
    Dig front = new Dig("127.0.0.1", dns.port("dns"));

    Map<String, String> first = new TreeMap<>();
    for (int i = 1; i <= 10; i++) {
      String client = "127.7.7." + i;
      first.put(client, front.who(client).orElseThrow());
      assertThat(front.who(client)).contains(first.get(client));
    }

    assertThat(first.values()).contains(a.name(), b.name());
    dns.assertLedger("dns", 20, 20);
  }

  @Test
  void radius_authentication_and_accounting_of_a_client_meet_the_same_server() throws Exception {
    needs("/usr/sbin/freeradius", "freeradius", "radclient", "freeradius-utils");
    int[] accounting = {NameServer.freePort(), NameServer.freePort()};
    DebianServer a = keep(DebianServer.freeradius(folder, "a", accounting[0], Example.SECRET));
    DebianServer b = keep(DebianServer.freeradius(folder, "b", accounting[1], Example.SECRET));
    Map<String, List<String>> pools =
        Map.of(
            "authentication",
            List.of(a.address(), b.address()),
            "accounting",
            List.of("127.0.0.1:" + accounting[0], "127.0.0.1:" + accounting[1]));
    Example radius = start("radius", pools, "authentication", "accounting");

    for (int i = 1; i <= 10; i++) {
      String from = "Packet-Src-IP-Address = 127.7.7." + i + ", User-Name = bob, ";
      assertThat(radclient(radius, "authentication", "auth", from + "User-Password = hello"))
          .contains("Received Access-Accept")
          .containsPattern("Reply-Message = \"server [ab]\"");
      assertThat(radclient(radius, "accounting", "acct", from + "Acct-Status-Type = Start"))
          .contains("Received Accounting-Response");
    }

    Map<String, String> authenticated = backends(radius, "authentication");
    assertThat(authenticated).hasSize(10).containsValues("a", "b");
    assertThat(backends(radius, "accounting")).isEqualTo(authenticated);
    radius.assertLedger("authentication", 10, 10);
    radius.assertLedger("accounting", 10, 10);
  }

  private String radclient(Example radius, String front, String what, String packet)
      throws Exception {
    Path file = Files.writeString(folder.resolve("packet"), packet);
    String server = "127.0.0.1:" + radius.port(front);
    Ended radclient = Ended.run("radclient", "-x", "-f", "" + file, server, what, Example.SECRET);
    assertThat(radclient.status()).as(radclient.out() + radclient.err()).isZero();
    return radclient.out();
  }

  /** Which backend each client's flow is with, by the client's address without its port. */
  private static Map<String, String> backends(Example radius, String front) throws Exception {
    return radius
        .flows(front)
        .collect(
            toMap(
                flow -> flow.getString("client").replaceFirst(":\\d+$", ""),
                flow -> flow.getString("backend"),
                (one, other) -> one.equals(other) ? one : one + " and " + other));
  }

  @Test
  void syslog_lines_all_arrive_once_and_in_order_shared_by_weight() throws Exception {
    needs("/usr/sbin/rsyslogd", "rsyslog", "logger", "bsdutils");
    DebianServer a = keep(DebianServer.rsyslog(folder, "a"));
    DebianServer b = keep(DebianServer.rsyslog(folder, "b"));
    Example syslog =
        start("syslog", Map.of("collectors", List.of(a.address(), b.address())), "syslog");
    String port = "" + syslog.port("syslog");

    int senders = 12;
    int each = 50;
    for (int i = 0; i < senders; i++) {
      int sender = i;
      List<String> lines =
          IntStream.range(0, each).mapToObj(n -> "%02d %02d".formatted(sender, n)).toList();
      Path file = Files.write(folder.resolve("sent"), lines);
      Ended logger =
          Ended.run(
              "logger", "--udp", "--server", "127.0.0.1", "--port", port, "--file", "" + file);
      assertThat(logger.status()).as(logger.err()).isZero();
    }

    // Twelve senders over weights 1 and 2: four and eight.
    await().atMost(PATIENCE).until(() -> a.lines().size() == 4 * each);
    await().atMost(PATIENCE).until(() -> b.lines().size() == 8 * each);
    Map<String, List<String>> bySender =
        Stream.concat(a.lines().stream(), b.lines().stream())
            .map(String::strip)
            .collect(groupingBy(line -> line.substring(0, 2)));
    assertThat(bySender).hasSize(senders);
    assertThat(bySender.values())
        .allSatisfy(lines -> assertThat(lines).hasSize(each).isSorted().doesNotHaveDuplicates());
    syslog.assertLedger("syslog", (long) senders * each, 0);
  }

  @Test
  void a_game_goes_on_with_its_server_while_another_server_is_added() throws Exception {
    String wad = "/usr/share/games/doom/freedm.wad";
    needs("/usr/games/chocolate-server", "chocolate-doom");
    assumeTrue(Files.exists(Path.of(wad)), "needs " + wad + ": install the package freedm");
    DebianServer a = keep(DebianServer.doom(folder, "a"));
    DebianServer b = keep(DebianServer.doom(folder, "b"));
    Example game = start("game", Map.of("games", List.of(a.address(), b.address())), "doom");
    String front = "127.0.0.1:" + game.port("doom");
    for (int players = 1; players <= 2; players++) {
      join(front, wad);
      int joined = players;
      await().atMost(PATIENCE).until(() -> game.flows("doom").count() == joined);
    }
    awaitMatch(a);
    awaitMatch(b);
    Map<String, JsonObject> before = matches(game);
    assertThat(before).containsOnlyKeys("a", "b");

    DebianServer c = keep(DebianServer.doom(folder, "c"));
    game.add("games", c);
    join(front, wad);
    awaitMatch(c);

    // Half a minute of nothing would end a match; a second's worth of moves both ways shows that
    // nobody waits.
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              Map<String, JsonObject> now = matches(game);
              assertThat(now).containsOnlyKeys("a", "b", "c");
              before.forEach((backend, was) -> assertGoesOn(was, requireNonNull(now.get(backend))));
            });
    awaitMatch(a);
    awaitMatch(b);
    game.assertNothingDropped("doom");
  }

  private static void assertGoesOn(JsonObject was, JsonObject now) {
    assertThat(now.getString("id")).isEqualTo(was.getString("id"));
    assertThat(now.getLong("requests")).isGreaterThan(was.getLong("requests") + 35);
    assertThat(now.getLong("replies")).isGreaterThan(was.getLong("replies") + 35);
  }

  private static Map<String, JsonObject> matches(Example game) throws Exception {
    return game.flows("doom").collect(toMap(flow -> flow.getString("backend"), flow -> flow));
  }

  /** A player without a screen, whose match begins when he has come. */
  private void join(String server, String wad) throws Exception {
    var client =
        doom("-iwad", wad, "-connect", server, "-nodes", "1", "-nosound", "-nogui", "-window")
            .redirectErrorStream(true)
            .redirectOutput(File.createTempFile("player", ".log", folder.toFile()))
            .start();
    running.push(
        () -> {
          assertThat(client.isAlive()).as("still plays").isTrue();
          client.destroyForcibly().waitFor();
        });
  }

  /** Asks a server itself, as players' server lists do. */
  private void awaitMatch(DebianServer server) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(Ended.run(doom("-query", server.address())).out())
                    .containsPattern(" 1/\\d+ .*\\(game running\\)"));
  }

  private ProcessBuilder doom(String... arguments) {
    List<String> command = new ArrayList<>(List.of("/usr/games/chocolate-doom"));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command);
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("SDL_VIDEODRIVER", "dummy");
    builder.environment().put("SDL_AUDIODRIVER", "dummy");
    return builder;
  }

  @Test
  void http3_connections_survive_a_new_port_and_newcomers_a_dead_server() throws Exception {
    needs("/usr/sbin/gtlsserver", "ngtcp2-server", "gtlsclient", "ngtcp2-client");
    byte[] page = new byte[300_000];
    new Random(1).nextBytes(page);
    DebianServer a = keep(DebianServer.http3(folder, "a", page));
    DebianServer b = keep(DebianServer.http3(folder, "b", page));
    Example http3 = start("http3", Map.of("servers", List.of(a.address(), b.address())), "web");
    int port = http3.port("web");

    String server = fetch(port, "who");
    assertThat(fetch(port, "page")).isEqualTo("page");
    assertThat(folder.resolve("page")).hasBinaryContent(page);
    // After the handshake the client goes on from another port, as one behind a NAT does; then it
    // asks.
    String rebound =
        fetch(port, "who", "--change-local-addr=50ms", "--nat-rebinding", "--delay-stream=200ms");
    assertThat(rebound).isEqualTo(server);
    assertThat(http3.flows("web").map(flow -> flow.getString("backend")))
        .hasSize(4)
        .containsOnly(server);
    http3.assertNothingDropped("web");

    DebianServer gone = server.equals("a") ? a : b;
    gone.close();
    assertThat(fetch(port, "who")).isEqualTo(server.equals("a") ? "b" : "a");
  }

  /** Its content if it is short, else its name. */
  private String fetch(int port, String file, String... options) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of("gtlsclient", "-q", "--exit-on-all-streams-close", "--download=" + folder));
    command.addAll(List.of(options));
    command.addAll(List.of("127.0.0.1", "" + port, "https://sluice.test/" + file));
    Files.deleteIfExists(folder.resolve(file));
    Ended client = Ended.run(command.toArray(String[]::new));
    assertThat(client.status()).as(client.out() + client.err()).isZero();
    return file.equals("who") ? Files.readString(folder.resolve(file)) : file;
  }

  private Example start(String name, Map<String, List<String>> pools, String... fronts)
      throws Exception {
    return keep(Example.start(folder, name, pools, List.of(fronts)));
  }

  private <T extends AutoCloseable> T keep(T started) {
    running.push(started);
    return started;
  }

  /** Programs and the Debian packages that have them, by turns. */
  private static void needs(String... programs) throws Exception {
    for (int i = 0; i < programs.length; i += 2) {
      String missing = "needs %s: install the package %s".formatted(programs[i], programs[i + 1]);
      assumeTrue(Ended.run("sh", "-c", "command -v " + programs[i]).status() == 0, missing);
    }
  }
}
