package io.sluice.discovery;

import static io.sluice.discovery.FakeNameServers.host;
import static io.sluice.discovery.FakeNameServers.service;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.Origin;
import io.sluice.discovery.NameServers.Entry;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Answers of name servers, and when they are asked again. */
class DnsDiscoveryTest extends DiscoveryContract {
  private static final String A = "resolvers.example A";

  private final FakeNameServers servers = new FakeNameServers();

  @Override
  Discovery discovery() {
    return discovery(Origin.Type.A);
  }

  private Discovery discovery(Origin.Type type) {
    Origin.Dns wanted =
        new Origin.Dns(
            "resolvers.example",
            type,
            type == Origin.Type.SRV ? 0 : 53,
            List.of(),
            Duration.ofSeconds(5),
            Duration.ofMinutes(1),
            Duration.ofSeconds(2));
    return new DnsDiscovery(wanted, servers, Runnable::run, timer, ns -> ns);
  }

  @Override
  void there(Set<String> addresses) {
    if (addresses.isEmpty()) {
      servers.fails(A, A + ": the answer is empty");
    } else {
      servers.says(
          A, 5, addresses.stream().map(each -> each.replace(":53", "")).toArray(String[]::new));
    }
  }

  @Override
  void broken() {
    servers.fails(A, A + ": ServFail(2)");
  }

  @ParameterizedTest
  @CsvSource({"0,5", "1,5", "5,5", "17,17", "60,60", "61,60", "2147483647,60"})
  void asks_again_when_the_answer_expires_within_bounds(int ttl, int seconds) throws Exception {
    servers.says(A, ttl, "192.0.2.1");
    started();
    timer.runDue();
    assertThat(findings.getLast().next()).hasValue(Duration.ofSeconds(seconds));
    servers.asked.clear();
    timer.advance(Duration.ofSeconds(seconds).minusMillis(250));
    assertThat(servers.asked).isEmpty();
    timer.advance(Duration.ofMillis(250));
    assertThat(servers.asked).containsExactly(A);
  }

  @Test
  void fails_ever_later_up_to_half_a_minute_and_begins_anew() throws Exception {
    broken();
    started();
    assertThat(
            IntStream.range(0, 8)
                .mapToObj(_ -> nextUnchecked())
                .map(each -> each.next().orElseThrow().toSeconds()))
        .containsExactly(1L, 2L, 4L, 8L, 16L, 30L, 30L, 30L);
    there(Set.of("192.0.2.1:53"));
    assertThat(next()).isInstanceOf(Finding.Found.class);
    broken();
    assertThat(next())
        .isEqualTo(
            new Finding.Failed(
                "resolvers.example A: ServFail(2)", java.util.Optional.of(Duration.ofSeconds(1))));
  }

  private Finding nextUnchecked() {
    try {
      return next();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void an_error_is_a_failure_and_it_asks_again() throws Exception {
    servers.breaks(A, new StackOverflowError());
    started();
    assertThat(next())
        .isEqualTo(
            new Finding.Failed(
                "resolvers.example A: java.lang.StackOverflowError",
                java.util.Optional.of(Duration.ofSeconds(1))));
    there(Set.of("192.0.2.1:53"));
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
  }

  @Test
  void it_asks_again_whatever_happens_to_who_is_told() throws Exception {
    there(Set.of("192.0.2.1:53"));
    try (Discovery discovery = discovery()) {
      discovery.start(
          _ -> {
            throw new StackOverflowError();
          });
      assertThatThrownBy(timer::runDue).hasRootCauseInstanceOf(StackOverflowError.class);
      timer.advance(Duration.ofSeconds(4));
      assertThat(servers.asked).containsExactly(A);
      assertThatThrownBy(() -> timer.advance(Duration.ofSeconds(1)))
          .hasRootCauseInstanceOf(StackOverflowError.class);
      assertThat(servers.asked).containsExactly(A, A);
    }
  }

  @Test
  void the_same_address_twice_is_one_backend() throws Exception {
    servers.says(A, 5, "192.0.2.1", "192.0.2.1");
    started();
    assertThat(addresses(next())).containsExactly("192.0.2.1:53");
  }

  @Test
  void more_than_a_pool_can_have_are_none() throws Exception {
    servers.says(
        A,
        5,
        IntStream.range(0, 1_001)
            .mapToObj(i -> "10.0." + i / 256 + "." + i % 256)
            .toArray(String[]::new));
    started();
    assertThat(((Finding.Failed) next()).why())
        .isEqualTo("resolvers.example A: 1001 backends, and 1000 is the most");
  }

  private String services(Entry... records) throws Exception {
    servers.says("resolvers.example SRV", 30, records);
    Discovery discovery = discovery(Origin.Type.SRV);
    discovery.start(findings::add);
    try {
      return switch (next()) {
        case Finding.Found found ->
            found.servers().stream()
                    .map(each -> each.name() + "*" + each.weight())
                    .collect(joining(" "))
                + found.asides().stream().map(each -> "; " + each).collect(joining());
        case Finding.Failed failed -> "! " + failed.why();
      };
    } finally {
      discovery.close();
    }
  }

  @Test
  void services_bring_ports_and_weights() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").says("b.example A", 7, "192.0.2.2", "192.0.2.3");
    assertThat(services(service(1, 3, 53, "a.example"), service(1, 0, 54, "b.example")))
        .isEqualTo("192.0.2.1_53*3 192.0.2.2_54*1 192.0.2.3_54*1");
    assertThat(findings.getLast().next()).hasValue(Duration.ofSeconds(7)); // of a target
  }

  @Test
  void weights_beyond_ours_keep_their_proportion() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").says("b.example A", 60, "192.0.2.2");
    assertThat(services(service(1, 60_000, 53, "a.example"), service(1, 15_000, 53, "b.example")))
        .isEqualTo("192.0.2.1_53*1000 192.0.2.2_53*250");
    assertThat(services(service(1, 60_000, 53, "a.example"), service(1, 1, 53, "b.example")))
        .isEqualTo("192.0.2.1_53*1000 192.0.2.2_53*1");
  }

  @Test
  void only_the_lowest_priority_is_used() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").says("b.example A", 60, "192.0.2.2");
    assertThat(
            services(
                service(20, 1, 53, "b.example"),
                service(10, 1, 53, "a.example"),
                service(20, 1, 54, "b.example")))
        .isEqualTo("192.0.2.1_53*1; 2 of priority 20 unused");
    assertThat(servers.asked).doesNotContain("b.example A");
  }

  @Test
  void the_next_priority_is_used_where_none_of_the_first_has_an_address() throws Exception {
    servers.says("b.example A", 60, "192.0.2.2");
    assertThat(services(service(10, 1, 53, "a.example"), service(20, 1, 53, "b.example")))
        .isEqualTo("192.0.2.2_53*1; a.example has no address");
  }

  @Test
  void a_target_without_ipv4_is_reached_by_ipv6() throws Exception {
    servers
        .says("a.example AAAA", 60, host("2001:db8::1"))
        .says("b.example A", 60, "192.0.2.2")
        .says("b.example AAAA", 60, "2001:db8::2");
    assertThat(services(service(10, 1, 53, "a.example"), service(10, 1, 53, "b.example")))
        .isEqualTo("192.0.2.2_53*1 2001-db8-0-0-0-0-0-1_53*1");
  }

  @Test
  void a_target_that_cannot_be_asked_for_spoils_the_whole() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").fails("b.example A", "b.example A: ServFail(2)");
    assertThat(services(service(10, 1, 53, "a.example"), service(10, 1, 53, "b.example")))
        .isEqualTo("! b.example A: ServFail(2)");
  }

  @Test
  void a_service_that_is_not_to_be_had_is_none() throws Exception {
    assertThat(services(service(0, 0, 0, ".")))
        .isEqualTo("! resolvers.example SRV: no target has an address and a port");
  }

  @Test
  void a_record_without_a_port_is_no_backend() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").says("b.example A", 60, "192.0.2.2");
    assertThat(services(service(1, 3, 0, "a.example"), service(2, 4, 53, "b.example")))
        .isEqualTo("192.0.2.2_53*4; a.example has port 0");
    assertThat(services(service(1, 3, 0, "a.example")))
        .isEqualTo("! resolvers.example SRV: no target has an address and a port");
  }

  @Test
  void two_records_of_one_address_are_one_backend_with_both_weights() throws Exception {
    servers.says("a.example A", 60, "192.0.2.1").says("b.example A", 60, "192.0.2.1");
    assertThat(services(service(1, 3, 53, "a.example"), service(1, 4, 53, "b.example")))
        .isEqualTo("192.0.2.1_53*7");
  }
}
