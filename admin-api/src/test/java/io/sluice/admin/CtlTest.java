package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.Appliance;
import io.sluice.metrics.Journal;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code sluice ctl} against the real admin API over an appliance that says what it is told to. */
class CtlTest {
  private final AdminApi api = new AdminApi();

  @TempDir Path folder;

  @AfterEach
  void close() {
    api.close();
  }

  private CtlRun ctl(String arguments) {
    return CtlRun.of(Map.of("SLUICE_ADMIN", "127.0.0.1:" + api.port()), arguments.split(" ", -1));
  }

  private List<String> lines(String arguments) {
    CtlRun run = ctl(arguments);
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.err()).isEmpty();
    return run.out().lines().toList();
  }

  @Test
  void frontsAreATableWhoseNumbersAreAligned() {
    assertThat(lines("fronts"))
        .containsExactly(
            "FRONT   LISTEN                       POOL       FLOWS  ASSURED     MAX  OPENED "
                + " KERNEL-DROPS",
            "dns     0.0.0.0:53,[2001:db8::1]:53  resolvers      3        2  100000    4711        "
                + "     7",
            "syslog  0.0.0.0:53,[2001:db8::1]:53  resolvers      3        2  100000    4711        "
                + "     7");
  }

  @Test
  void aBackendIsShownWithItsEvidence() {
    assertThat(lines("pools"))
        .hasSize(7)
        .anySatisfy(
            line ->
                assertThat(line)
                    .startsWith("resolvers: dns resolvers.example A: 1 found, last ")
                    .endsWith(" ago; failing: SERVFAIL"))
        .anySatisfy(
            line ->
                assertThat(line)
                    .startsWith("resolvers/a ")
                    .contains(" [::1]:5300 ", " UP,DRAINING ", " 1.2ms ")
                    .endsWith("no evidence"));
  }

  @Test
  void aRemovedBackendIsShownWhileItHasFlows() {
    api.appliance.leaves("resolvers", "a", 12);
    assertThat(lines("pools"))
        .filteredOn(line -> line.startsWith("resolvers/a "))
        .last()
        .asString()
        .matches("resolvers/a +192.0.2.9:53 +LEAVING +12 +removed: .*");
  }

  @Test
  void readinessIsOneLineAndAStatusThatHealthChecksKnow() {
    assertThat(lines("ready")).containsExactly("ready");
    api.appliance.ready = false;
    api.appliance.phase = Appliance.Phase.DRAINING;
    CtlRun not = ctl("ready");
    assertThat(not.status()).isEqualTo(1);
    assertThat(not.out()).isEmpty();
    assertThat(not.err().lines())
        .containsExactly("sluice ctl: draining: live flows may end, new ones are refused");
  }

  @Test
  void whoDoesNotAnswerIsNotReadyEither() throws IOException {
    String there;
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      there = "--admin http://127.0.0.1:" + silent.getLocalPort();
      CtlRun run = ctl("--timeout 100ms " + there + " ready");
      assertThat(run.status()).isEqualTo(1);
      assertThat(run.err().lines()).singleElement().asString().contains("within 100 ms");
    }
    CtlRun gone = ctl(there + " ready");
    assertThat(gone.status()).isEqualTo(1);
    assertThat(gone.err().lines()).singleElement().asString().contains("cannot connect");
  }

  @Test
  void theLedgerNamesOnlyReasonsThatCameUpTheMostFrequentFirst() {
    assertThat(lines("drops"))
        .contains("dns    request          10          6        1        3  OVERSIZE 2, NO_FD 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"status", "fronts", "pools", "drops", "workers"})
  void jsonIsTheAnswerAsItIs(String verb) {
    JsonObject printed = new JsonObject(ctl("--json " + verb).out());
    JsonObject served = api.json("/v1/" + verb);
    assertThat(printed.fieldNames()).isEqualTo(served.fieldNames());
    assertThat(ctl(verb + " --json").status()).as("the option may come last").isZero();
  }

  @Test
  void flowsAreFilteredAndLimited() {
    api.appliance.open(1, 5);
    assertThat(lines("flows --front dns --backend a --limit 2"))
        .hasSize(4)
        .last()
        .isEqualTo("There are more: --all, or a larger --limit, shows them.");
    assertThat(lines("flows --client 192.0.2.1:1025")).hasSize(2);
  }

  @Test
  void allFlowsAreWalkedPageByPage() {
    api.appliance.open(1, 2_500);
    assertThat(lines("flows --all --json").stream().map(JsonObject::new))
        .map(page -> page.getJsonArray("flows").size())
        .containsExactly(1_000, 1_000, 500);
  }

  @Test
  void whatElseThereIsToKnowOfABackendIsPrinted() {
    api.appliance.warnings = List.of("in force, but");
    assertThat(lines("drain resolvers/a")).hasSize(2).last().isEqualTo("warning: in force, but");
  }

  @Test
  void drainsAndEnables() {
    assertThat(lines("drain resolvers/a --deadline 30s"))
        .singleElement()
        .asString()
        .startsWith("resolvers/a at [::1]:5300, weight 1, is UP,DRAINING: ");
    assertThat(ctl("enable resolvers/a").status()).isZero();
    assertThat(api.appliance.wishes)
        .containsExactly("drain resolvers/a within PT30S", "enable resolvers/a");
  }

  @ParameterizedTest
  @CsvSource({"workers 2, 2", "workers auto, 0"})
  void workersAreCounted(String verb, int count) {
    api.appliance.count = 1;
    assertThat(lines(verb)).first().asString().contains(count == 0 ? "AUTOMATIC" : "FIXED");
    assertThat(api.appliance.count).isEqualTo(count);
  }

  @Test
  void eventsOfLateAreToldAndThatIsAll() {
    api.appliance.journal.enter(
        Journal.Kind.BACKEND, "resolvers/a", "EJECTED", "it \033[2J refused");
    assertThat(lines("events"))
        .singleElement()
        .asString()
        .as("nothing commands the terminal")
        .endsWith("  backend    resolvers/a  EJECTED: it \\x1b[2J refused");
    assertThat(lines("events --json").stream().map(JsonObject::new))
        .singleElement()
        .satisfies(event -> assertThat(event.getString("type")).isEqualTo("backend"));
    assertThat(lines("events --after 1")).isEmpty();
  }

  @Test
  void topPrintsRatesOnceWhereThereIsNoTerminal() {
    assertThat(lines("top --interval 10ms"))
        .contains(
            "dns              0          0            0      3  100000               0",
            "     0  yes             4     12          13%");
    assertThat(lines("top --interval 10ms -n 3 --json")).hasSize(3);
  }

  @Test
  void aRefusalIsToldInTheAppliancesWords() {
    CtlRun refused = ctl("drain resolvers/nope");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err()).isEqualTo("sluice ctl: no backend 'nope'; there are: 'a', 'z'\n");
    assertThat(refused.out()).isEmpty();
  }

  @Test
  void backendsComeChangeAndGo() {
    assertThat(lines("backend add resolvers/new --address 192.0.2.7:53 --weight 3"))
        .singleElement()
        .asString()
        .startsWith("resolvers/new at 192.0.2.7:53, weight 3, is UP");
    CtlRun again = ctl("backend add resolvers/new --address 192.0.2.8:53");
    assertThat(again.status()).as("it is there already").isEqualTo(1);
    assertThat(lines("backend set resolvers/new --weight 5"))
        .singleElement()
        .asString()
        .startsWith("resolvers/new at 192.0.2.7:53, weight 5, is UP");
    assertThat(lines("backend remove resolvers/new")).containsExactly("resolvers/new is gone");
    assertThat(ctl("backend remove resolvers/new").status()).isEqualTo(1);
  }

  @Test
  void aMistakeInAChangeIsToldAndNothingChanges() {
    CtlRun run = ctl("backend set resolvers/a --weight 0");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).contains("weight");
  }

  @Test
  void flowsAreKilledAndThoseThatAreGoneAreSaidToBe() {
    api.appliance.open(1, 1);
    assertThat(lines("kill 1")).containsExactly("flow 1 has ended");
    assertThat(ctl("kill 1").status()).isEqualTo(1);
  }

  @Test
  void aConfigurationIsValidatedAppliedAndReloaded() throws IOException {
    Path good =
        Files.writeString(
            folder.resolve("good.conf"),
            """
            sluice {
              fronts { f { listen = ["127.0.0.1:1"], pool = p } }
              pools { p { backends { b { address = "127.0.0.1:9" } } } }
            }
            """);
    Path bad = Files.writeString(folder.resolve("bad.conf"), "sluice {\n pol = 1 }");
    assertThat(lines("validate " + good)).containsExactly("ok");
    CtlRun invalid = ctl("validate " + bad);
    assertThat(invalid.status()).isEqualTo(1);
    assertThat(invalid.out()).contains(bad + ":2: sluice.pol: ");
    CtlRun refused = ctl("apply " + bad);
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err()).contains("sluice.pol: ");

    String version = new JsonObject(ctl("config --json").out()).getString("version");
    assertThat(ctl("apply --if-version 0123456789abcdef " + good).status()).isEqualTo(1);
    assertThat(lines("apply --if-version " + version + " " + good))
        .first()
        .asString()
        .endsWith(" is in force:");
    assertThat(lines("reload")).first().asString().startsWith("version ");
    assertThat(lines("config")).first().asString().contains("from sluice.conf");
  }

  @Test
  void nobodyThereExits3AndSaysWhatToDo() throws IOException {
    int port;
    try (ServerSocket gone = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = gone.getLocalPort();
    }
    CtlRun run = ctl("--admin http://127.0.0.1:" + port + " top");
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err())
        .startsWith("sluice ctl: http://127.0.0.1:" + port + ": cannot connect")
        .contains("--admin URL", "SLUICE_ADMIN");
  }

  @Test
  void silenceIsNotWaitedForForEver() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      CtlRun run =
          ctl("--timeout 100ms --admin http://127.0.0.1:" + silent.getLocalPort() + " status");
      assertThat(run.status()).isEqualTo(3);
      assertThat(run.err()).contains("no answer within 100 ms");
    }
  }

  @Test
  void httpsWherePlainHttpIsServedIsSaid() {
    CtlRun run = ctl("--admin https://127.0.0.1:" + api.port() + " status");
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err()).contains("is it https at all?");
  }

  @Test
  void aTokenFileIsReadAndItsTokenShownToNobody() throws IOException {
    Path file = Files.writeString(folder.resolve("token"), "s3cret\n");
    assertThat(ctl("--token-file " + file + " status").status()).isZero();
    CtlRun wrong = ctl("--token s3cr,et status");
    assertThat(wrong.err()).contains("--token").doesNotContain("s3cr");
  }

  @Test
  void helpTellsOfTheEnvironmentAndTheExitCodes() {
    assertThat(CtlRun.of(Map.of()).err())
        .contains("SLUICE_ADMIN", "SLUICE_TOKEN", "  3   the appliance could not be reached");
  }
}
