package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.config.ConfigReader;
import io.sluice.config.Names;
import io.sluice.config.SluiceConfig;
import io.vertx.core.json.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** docker/compose.yaml: valid, and of one mind with the files it mounts. */
class ComposeTest {
  private static final Names NAMES =
      new Names(Set.of("maglev"), Set.of("source-address"), Set.of("udp"), Set.of());

  private final Compose compose;
  private final SluiceConfig sluice;

  ComposeTest() throws Exception {
    compose = Compose.read();
    sluice = ConfigReader.read(Compose.FILE.resolveSibling("compose/sluice.conf"), NAMES);
  }

  /** Compose's own program holds it against the schema of the Compose specification. */
  @Test
  void itIsAsTheSpecificationWantsIt() throws Exception {
    assumeTrue(
        Ended.run("sh", "-c", "command -v docker-compose").status() == 0,
        "NOT TESTED: needs docker-compose");
    Ended config = Ended.run("docker-compose", "-f", Compose.FILE.toString(), "config", "-q");
    assertThat(config.status()).as(config.err()).isZero();
  }

  @Test
  void whatIsMountedIsThere() {
    for (String service : compose.services()) {
      for (Compose.Mount mount : compose.service(service).mounts()) {
        if (mount.isBind()) {
          assertThat(mount.source()).as(service).exists();
          assertThat(mount.readOnly()).as("%s is read-only", mount).isTrue();
        } else {
          assertThat(compose.json().getJsonObject("volumes").fieldNames()).contains(mount.from());
        }
      }
    }
  }

  @Test
  void allAreOnTheHostsNetworkAndStartAgain() {
    assertThat(compose.services())
        .containsExactlyInAnyOrder("sluice", "echo-one", "echo-two", "prometheus", "grafana")
        .allSatisfy(
            name -> {
              JsonObject service = compose.service(name).json();
              assertThat(service.getString("network_mode")).isEqualTo("host");
              assertThat(service.getString("restart")).isEqualTo("unless-stopped");
            });
  }

  @Test
  void theApplianceAsksTheEchoBackendsThatAreThere() {
    assertThat(sluice.watch()).isTrue();
    assertThat(sluice.pools().getFirst().backends().stream().map(each -> port(each.address())))
        .containsExactly(echoPort("echo-one"), echoPort("echo-two"));
  }

  private static String port(Object address) {
    String text = address.toString();
    return text.substring(text.lastIndexOf(':') + 1);
  }

  private String echoPort(String service) {
    String command = compose.service(service).command().getFirst();
    assertThat(command).matches("UDP4-RECVFROM:\\d+,bind=127\\.0\\.0\\.1,fork");
    return command.replaceAll(".*:(\\d+),.*", "$1");
  }

  @Test
  void prometheusScrapesTheApplianceAndGrafanaAsksPrometheus() throws Exception {
    String prometheus = Files.readString(Compose.FILE.resolveSibling("prometheus/prometheus.yml"));
    assertThat(prometheus).contains("localhost:" + port(sluice.admin().listen()) + "\"");
    List<String> command = compose.service("prometheus").command();
    JsonObject source =
        Compose.yaml(Compose.FILE.resolveSibling("grafana/provisioning/datasources/prometheus.yml"))
            .getJsonArray("datasources")
            .getJsonObject(0);
    assertThat(command)
        .contains(
            source.getString("url").replace("http://localhost", "--web.listen-address=127.0.0.1"));
  }

  @Test
  void grafanaFindsTheDashboardAndShowsItFirst() throws Exception {
    Compose.Service grafana = compose.service("grafana");
    String home =
        grafana
            .json()
            .getJsonObject("environment")
            .getString("GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH");
    assertThat(grafana.mountedAt(home).source())
        .isEqualTo(Compose.FILE.resolveSibling("grafana/dashboard.json"));
    String folder =
        Compose.yaml(Compose.FILE.resolveSibling("grafana/provisioning/dashboards/sluice.yml"))
            .getJsonArray("providers")
            .getJsonObject(0)
            .getJsonObject("options")
            .getString("path");
    assertThat(Path.of(home)).hasParentRaw(Path.of(folder));
    assertThat(grafana.mountedAt("/etc/grafana/provisioning").source())
        .isEqualTo(Compose.FILE.resolveSibling("grafana/provisioning"));
  }
}
