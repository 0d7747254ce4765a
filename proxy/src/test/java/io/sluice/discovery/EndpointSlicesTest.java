package io.sluice.discovery;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.config.Origin;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Objects as an API server sends them; written after the API's reference (discovery.k8s.io/v1), not
 * recorded from a cluster.
 */
class EndpointSlicesTest {
  private final EndpointSlices slices = new EndpointSlices(wanted(Optional.empty()));

  static Origin.Kubernetes wanted(Optional<String> port) {
    return new Origin.Kubernetes(
        Optional.of("games"), "game", port, Optional.empty(), Optional.empty(), Optional.empty());
  }

  static String slice(String name, String type, String ports, String... endpoints) {
    return """
    {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "%s",
     "metadata": {"name": "%s", "namespace": "games", "resourceVersion": "7",
       "labels": {"kubernetes.io/service-name": "game"}},
     "ports": [%s], "endpoints": [%s]}
    """
        .formatted(type, name, ports, String.join(",", endpoints));
  }

  static final String UDP = "{\"name\": \"play\", \"protocol\": \"UDP\", \"port\": 7000}";

  static String endpoint(String pod, String address, String conditions) {
    return """
    {"addresses": ["%s"], "conditions": {%s}, "nodeName": "n1", "zone": null,
     "targetRef": {"kind": "Pod", "namespace": "games", "name": "%s", "uid": "u"}}
    """
        .formatted(address, conditions, pod);
  }

  static String ready(String pod, String address) {
    return endpoint(pod, address, "\"ready\": true, \"serving\": true, \"terminating\": false");
  }

  private String found() {
    return found(slices);
  }

  private static String found(EndpointSlices slices) {
    return switch (slices.finding()) {
      case Finding.Found found ->
          found.servers().stream()
              .map(
                  each ->
                      each.name()
                          + " "
                          + each.address().getAddress().getHostAddress()
                          + " "
                          + each.address().getPort())
              .collect(joining("; "));
      case Finding.Failed failed -> "! " + failed.why();
    };
  }

  private void are(String... all) throws IOException {
    slices.replace(parse(all));
  }

  private static List<Json> parse(String... all) throws IOException {
    Stream.Builder<Json> parsed = Stream.builder();
    for (String each : all) {
      parsed.add(Json.parse(each));
    }
    return parsed.build().toList();
  }

  @Test
  void readyEndpointsAreBackendsNamedAfterTheirPods() throws Exception {
    are(slice("s1", "IPv4", UDP, ready("game-b", "10.0.0.2"), ready("game-a", "10.0.0.1")));
    assertThat(found()).isEqualTo("game-a 10.0.0.1 7000; game-b 10.0.0.2 7000");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'\"ready\": true'                                             | true",
        "''                                                            | true",
        "'\"ready\": null'                                             | true",
        "'\"ready\": false'                                            | false",
        "'\"ready\": false, \"serving\": true, \"terminating\": true'  | false",
        "'\"ready\": true, \"terminating\": true'                      | false",
      })
  void onlyThoseThatAreReadyAndDoNotEnd(String conditions, boolean counts) throws Exception {
    are(slice("s1", "IPv4", UDP, ready("a", "10.0.0.1"), endpoint("b", "10.0.0.2", conditions)));
    assertThat(found().contains("10.0.0.2")).isEqualTo(counts);
  }

  @Test
  void allSlicesOfAServiceCountAndEachBackendOnce() throws Exception {
    are(
        slice("s1", "IPv4", UDP, ready("a", "10.0.0.1"), ready("b", "10.0.0.2")),
        slice("s2", "IPv4", UDP, ready("b", "10.0.0.2"), ready("c", "10.0.0.3")));
    assertThat(found()).isEqualTo("a 10.0.0.1 7000; b 10.0.0.2 7000; c 10.0.0.3 7000");
  }

  @Test
  void ofTwoFamiliesIpv4IsUsed() throws Exception {
    are(
        slice("s6", "IPv6", UDP, ready("a", "2001:db8::1"), ready("b", "2001:db8::2")),
        slice("s4", "IPv4", UDP, ready("a", "10.0.0.1")));
    assertThat(found()).isEqualTo("a 10.0.0.1 7000; b 2001:db8:0:0:0:0:0:2 7000");
  }

  @Test
  void eventsChangeWhatIsThere() throws Exception {
    are(slice("s1", "IPv4", UDP, ready("a", "10.0.0.1")));
    slices.changed(Json.parse(slice("s2", "IPv4", UDP, ready("b", "10.0.0.2"))));
    assertThat(found()).isEqualTo("a 10.0.0.1 7000; b 10.0.0.2 7000");
    slices.changed(Json.parse(slice("s1", "IPv4", UDP, ready("c", "10.0.0.3"))));
    assertThat(found()).isEqualTo("b 10.0.0.2 7000; c 10.0.0.3 7000");
    slices.deleted(Json.parse(slice("s2", "IPv4", UDP)));
    assertThat(found()).isEqualTo("c 10.0.0.3 7000");
  }

  @Test
  void thePortIsChosenByNameOrNumber() throws Exception {
    String ports =
        UDP
            + ", {\"name\": \"web\", \"port\": 80}, "
            + "{\"name\": \"chat\", \"protocol\": \"UDP\", \"port\": 7001}";
    List<Json> all = parse(slice("s1", "IPv4", ports, ready("a", "10.0.0.1")));
    for (String port : new String[] {"chat", "7001"}) {
      EndpointSlices by = new EndpointSlices(wanted(Optional.of(port)));
      by.replace(all);
      assertThat(found(by)).isEqualTo("a 10.0.0.1 7001");
    }
    slices.replace(all);
    assertThat(found()).isEqualTo("! service games/game: several UDP ports: say which with port");
    EndpointSlices tcp = new EndpointSlices(wanted(Optional.of("web")));
    tcp.replace(all);
    assertThat(found(tcp))
        .isEqualTo("! service games/game: no endpoint with such a UDP port is ready");
  }

  @Test
  void noReadyEndpointIsAFailure() throws Exception {
    are();
    assertThat(found()).startsWith("! service games/game: no endpoint");
  }

  @Test
  void aNameThatIsTooLongGivesWayToTheAddress() throws Exception {
    are(slice("s1", "IPv4", UDP, ready("a".repeat(64), "10.0.0.1")));
    assertThat(found()).isEqualTo("10.0.0.1_7000 10.0.0.1 7000");
  }

  @Test
  void moreThanAPoolCanHaveAreNone() throws Exception {
    are(
        slice(
            "s1",
            "IPv4",
            UDP,
            IntStream.range(0, 1_001)
                .mapToObj(i -> ready("p" + i, "10.1." + i / 256 + "." + i % 256))
                .toArray(String[]::new)));
    assertThat(found()).isEqualTo("! service games/game: 1001 endpoints, and 1000 is the most");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"metadata\": 3, \"ports\": {}, \"endpoints\": null}",
        "{\"addressType\": \"FQDN\", \"ports\": [], \"endpoints\": [{\"addresses\":"
            + " [\"a.example\"]}]}",
        "{\"addressType\": \"IPv4\", \"ports\": [{\"protocol\": \"UDP\", \"port\": 1}],"
            + " \"endpoints\": [{\"addresses\": [\"x\"]}, {\"addresses\": []}, {}, 4]}",
        "{\"addressType\": \"IPv4\", \"ports\": [{\"protocol\": \"UDP\", \"port\": null}],"
            + " \"endpoints\": [{\"addresses\": [\"10.0.0.1\"]}]}",
        "{\"addressType\": \"IPv4\", \"ports\": [{\"protocol\": \"UDP\", \"port\": 99999}],"
            + " \"endpoints\": [{\"addresses\": [\"10.0.0.1\"]}]}",
      })
  void whatIsNoSliceIsNobody(String json) throws Exception {
    are(json);
    assertThat(found()).startsWith("! ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "[1", "{\"a\": }", "nonsense", "{\"a\": \"\u0001\"}"})
  void whatIsNoJsonIsRefused(String text) {
    assertThatThrownBy(() -> Json.parse(text)).isInstanceOf(IOException.class);
  }

  @Test
  void nestingHasABound() {
    assertThatThrownBy(() -> Json.parse("{\"a\":".repeat(100_000))).isInstanceOf(IOException.class);
  }
}
