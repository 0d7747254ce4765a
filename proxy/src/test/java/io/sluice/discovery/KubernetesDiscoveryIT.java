package io.sluice.discovery;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.config.Origin;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against a stand-in for an API server, over HTTP; time is virtual, the network is not. */
class KubernetesDiscoveryIT extends DiscoveryContract {
  private final StandInApi api;

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path dir;

  KubernetesDiscoveryIT() throws Exception {
    api = new StandInApi();
  }

  @AfterEach
  void stop() {
    api.close();
  }

  @Override
  Discovery discovery() throws Exception {
    Origin.Kubernetes wanted =
        wanted(Optional.of(Files.writeString(dir.resolve("token"), "secret-1\n")));
    return new KubernetesDiscovery(
        wanted,
        new HttpKubernetesApi(wanted, Map.of(), dir.resolve("account"), timer),
        Thread::startVirtualThread,
        timer,
        ns -> ns);
  }

  private Origin.Kubernetes wanted(Optional<Path> token) {
    return new Origin.Kubernetes(
        Optional.of("games"),
        "game",
        Optional.empty(),
        Optional.of(api.url()),
        token,
        Optional.empty());
  }

  @Override
  void there(Set<String> addresses) {
    api.answers(200);
    String ports = EndpointSlicesTest.UDP.replace("7000", "53");
    api.puts(
        "s1",
        EndpointSlicesTest.slice(
            "s1",
            "IPv4",
            ports,
            addresses.stream()
                .map(each -> each.replace(":53", ""))
                .map(ip -> EndpointSlicesTest.ready("pod-" + ip.replace('.', '-'), ip))
                .toArray(String[]::new)));
  }

  @Override
  void broken() {
    api.answers(503);
  }

  /** The other threads are given real time, this one's timer virtual time. */
  @Override
  void awaitMore(int told) {
    await()
        .atMost(Duration.ofSeconds(60))
        .pollInterval(Duration.ofMillis(20)) // or a slow machine has not answered in a minute
        .until(
            () -> {
              timer.advance(Duration.ofMillis(250));
              return findings.size() > told;
            });
  }

  private Finding nextWith(String... addresses) throws Exception {
    Finding told = next();
    while (!(told instanceof Finding.Found) || !addresses(told).equals(Set.of(addresses))) {
      told = next();
    }
    return told;
  }

  private long asked(String what) {
    return api.asked.stream().filter(query -> query.contains(what)).count();
  }

  @Test
  void a_watch_that_ends_is_resumed_where_it_ended() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    nextWith("192.0.2.1:53");
    await().until(() -> asked("watch=1") == 1);
    api.hangsUp();
    there(Set.of("192.0.2.2:53"));
    nextWith("192.0.2.2:53");
    assertThat(asked("limit=")).isEqualTo(1);
    assertThat(asked("watch=1")).isGreaterThanOrEqualTo(2);
  }

  @Test
  void a_version_that_is_too_old_begins_with_a_list_again() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    nextWith("192.0.2.1:53");
    await().until(() -> asked("watch=1") == 1);
    api.forgetsHistory();
    there(Set.of("192.0.2.2:53"));
    nextWith("192.0.2.2:53");
    assertThat(asked("limit=")).isEqualTo(2);
  }

  @Test
  void bookmarks_move_the_version_and_tell_nothing() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    nextWith("192.0.2.1:53");
    int told = findings.size();
    api.emit("{\"type\": \"BOOKMARK\", \"object\": {\"metadata\": {\"resourceVersion\": \"7\"}}}");
    await().until(() -> asked("watch=1") == 1);
    api.hangsUp();
    await()
        .until(
            () -> {
              timer.advance(Duration.ofSeconds(1));
              return asked("resourceVersion=1-2") == 1;
            });
    assertThat(findings).hasSize(told);
  }

  @Test
  void long_lists_come_in_pages() throws Exception {
    api.page = 2;
    for (int i = 1; i <= 5; i++) {
      api.puts(
          "s" + i,
          EndpointSlicesTest.slice(
              "s" + i,
              "IPv4",
              EndpointSlicesTest.UDP.replace("7000", "53"),
              EndpointSlicesTest.ready("pod" + i, "192.0.2." + i)));
    }
    started();
    nextWith("192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53", "192.0.2.4:53", "192.0.2.5:53");
    assertThat(asked("limit=")).isEqualTo(3);
  }

  @Test
  void the_token_is_read_again_and_never_told() throws Exception {
    api.answers(403);
    started();
    Finding.Failed refused = (Finding.Failed) next();
    assertThat(refused.why())
        .contains("refuses (403)", "list and watch endpointslices", "not now")
        .doesNotContain("secret");
    Files.writeString(dir.resolve("token"), "secret-2");
    there(Set.of("192.0.2.1:53"));
    nextWith("192.0.2.1:53");
    assertThat(asked("Bearer secret-1")).isPositive();
    await().until(() -> asked("Bearer secret-2") >= 2);
  }

  @Test
  void what_is_no_token_is_not_told() throws Exception {
    Discovery discovery = discovery();
    Files.writeString(dir.resolve("token"), "secret-1\nsecret-2\n");
    try (discovery) {
      discovery.start(findings::add);
      assertThat(((Finding.Failed) next()).why())
          .isEqualTo(dir.resolve("token") + " holds no token, which is one line");
      assertThat(api.asked).isEmpty();
    }
  }

  /** That is for the pod's own cluster. */
  @Test
  void another_api_server_is_not_shown_the_service_accounts_token() throws Exception {
    Files.createDirectory(dir.resolve("account"));
    Files.writeString(dir.resolve("account/token"), "secret-of-the-pod");
    there(Set.of("192.0.2.1:53"));
    Origin.Kubernetes wanted = wanted(Optional.empty());
    try (var asked = new HttpKubernetesApi(wanted, Map.of(), dir.resolve("account"), timer)) {
      assertThat(asked.list().slices()).hasSize(1);
    }
    assertThat(api.asked).singleElement().asString().endsWith(" null");
  }

  @Test
  void a_list_that_does_not_go_on_is_a_failure_and_it_asks_again() throws Exception {
    api.stalls(true);
    started();
    assertThat(((Finding.Failed) next()).why())
        .isEqualTo("the API server does not come to an end within 60 s");
    api.stalls(false);
    there(Set.of("192.0.2.1:53"));
    nextWith("192.0.2.1:53");
  }

  @Test
  void to_close_it_ends_a_list_that_does_not_go_on() throws Exception {
    api.stalls(true);
    Origin.Kubernetes wanted = wanted(Optional.empty());
    var asked = new HttpKubernetesApi(wanted, Map.of(), dir.resolve("account"), timer);
    var listing = new FutureTask<>(asked::list);
    Thread.startVirtualThread(listing);
    await().until(() -> asked("limit=") == 1);
    asked.close();
    assertThatThrownBy(() -> listing.get(30, SECONDS)).hasCauseInstanceOf(IOException.class);
    assertThat(timer.pending()).isZero();
  }

  @Test
  void a_list_without_an_end_is_a_failure() throws Exception {
    api.endless = true;
    api.page = 1;
    api.puts("s1", EndpointSlicesTest.slice("s1", "IPv4", EndpointSlicesTest.UDP));
    started();
    assertThat(((Finding.Failed) next()).why())
        .isEqualTo("the API server answers with more than 20 pages");
  }

  @Test
  void an_answer_that_is_nonsense_is_a_failure() throws Exception {
    there(Set.of("192.0.2.1:53"));
    started();
    nextWith("192.0.2.1:53");
    api.emit("{\"type\": \"SURPRISE\"}");
    assertThat(((Finding.Failed) next()).why()).contains("unknown event: SURPRISE");
    api.emit("no json");
    assertThat(findings).isNotEmpty();
  }

  @Test
  void outside_of_a_cluster_it_says_what_is_missing() throws Exception {
    Origin.Kubernetes wanted = EndpointSlicesTest.wanted(Optional.empty());
    try (Discovery discovery =
        new KubernetesDiscovery(
            wanted,
            new HttpKubernetesApi(wanted, Map.of(), dir.resolve("account"), timer),
            Thread::startVirtualThread,
            timer,
            ns -> ns)) {
      discovery.start(findings::add);
      assertThat(((Finding.Failed) next()).why())
          .isEqualTo(
              "this is no pod (KUBERNETES_SERVICE_HOST is not set): give"
                  + " discovery.kubernetes.api");
    }
  }
}
