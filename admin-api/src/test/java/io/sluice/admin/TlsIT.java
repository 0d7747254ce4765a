package io.sluice.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.sluice.config.SluiceConfig.Admin;
import io.sluice.config.SluiceConfig.Role;
import io.sluice.config.SluiceConfig.Tls;
import io.sluice.config.SluiceConfig.Token;
import io.sluice.metrics.Journal;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The admin API by TLS, asked by curl and openssl. */
@Timeout(120)
class TlsIT {
  private static final Token OPS = Secrets.token("ops", "sluice_ops", Role.ADMIN);

  @TempDir Path folder;
  private Authority authority;

  @BeforeEach
  void certificates() throws Exception {
    authority = new Authority(folder);
    authority.issue("server", "/CN=sluice");
  }

  @Test
  void tokensTravelByTls12Or13AndNothingElse() throws Exception {
    try (AdminApi api = serve(Optional.empty())) {
      assertThat(curl(api, "/v1/status", "-H", "Authorization: Bearer sluice_ops"))
          .isEqualTo("200");
      assertThat(
              curl(api, "/v1/status", "--tls-max", "1.2", "-H", "Authorization: Bearer sluice_ops"))
          .isEqualTo("200");
      assertThat(curl(api, "/v1/status")).isEqualTo("401");
      assertThat(curl(api, "/healthz")).isEqualTo("200");
      assertThat(curl(api, "/healthz", "--ciphers", "DEFAULT@SECLEVEL=0", "--tls-max", "1.1"))
          .isEqualTo("000");
    }
  }

  @Test
  void plainHttpIsHungUpOn() throws Exception {
    try (AdminApi api = serve(Optional.empty());
        Socket plain = api.socket()) {
      plain
          .getOutputStream()
          .write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".getBytes(UTF_8));
      assertThat(new String(plain.getInputStream().readAllBytes(), UTF_8)).doesNotContain("HTTP");
      assertThat(curl(api, "/healthz")).isEqualTo("200");
    }
  }

  @Test
  void withAClientCaNobodyWithoutItsCertificateGetsInAndATokenSaysMoreThanACertificate()
      throws Exception {
    authority.issue("client", "/O=Test/CN=alice\nb");
    Path others = Files.createDirectory(folder.resolve("others"));
    Authority strangers = new Authority(others);
    strangers.issue("client", "/CN=mallory");
    try (AdminApi api = serve(Optional.of(authority.file("ca.pem")))) {
      assertThat(curl(api, "/healthz")).isEqualTo("000");
      assertThat(curl(api, "/healthz", by(strangers))).isEqualTo("000");
      assertThat(curl(api, "/v1/status", by(authority))).isEqualTo("200");
      assertThat(curl(api, "/v1/workers", and(by(authority), "-X", "PUT"))).isEqualTo("403");
      String[] put =
          and(
              by(authority),
              "-X",
              "PUT",
              "-H",
              "Content-Type: application/json",
              "-d",
              "{\"count\":2}");
      assertThat(curl(api, "/v1/workers", and(put, "-H", "Authorization: Bearer sluice_ops")))
          .isEqualTo("200");
      assertThat(curl(api, "/v1/workers", and(put, "-H", "Authorization: Bearer wrong")))
          .isEqualTo("401");
      assertThat(api.appliance.journal.after(0))
          .extracting(Journal.Event::what)
          .containsExactly("REFUSED", "setWorkers", "REFUSED");
      assertThat(api.appliance.journal.after(0).getFirst().why()).endsWith(": alice?b is no admin");
    }
  }

  @Test
  void filesThatHaveChangedAreInForceSoonAndBrokenOnesAreNot() throws Exception {
    try (AdminApi api = serve(Optional.empty())) {
      String before = serial(api);
      Files.writeString(authority.file("server.pem"), "broken");
      authority.issue("next", "/CN=sluice", "-newkey", "rsa:2048");
      move("next.key", "server.key");
      // between the two: a key without its certificate
      assertThat(serial(api)).isEqualTo(before);
      move("next.pem", "server.pem");
      await()
          .atMost(Duration.ofSeconds(60))
          .untilAsserted(() -> assertThat(serial(api)).isNotEqualTo(before));
      assertThat(curl(api, "/healthz")).isEqualTo("200");
    }
  }

  @Test
  void whatIsWrongWithTheFilesIsSaidAtStart() throws Exception {
    authority.issue("other", "/CN=other");
    Files.writeString(authority.file("garbage"), "-----BEGIN NOTHING-----\n");
    assertRefused("server.pem", "missing", "missing is not there: give the path of a PEM file");
    assertRefused("missing", "server.key", "admin.tls.certificate: ");
    assertRefused("server.pem", "garbage", "the key PKCS#8 without a password");
    assertRefused("garbage", "server.key", "are to be PEM");
    assertRefused("server.pem", "other.key", "other.key is not the key of ");
  }

  private void assertRefused(String certificate, String key, String message) {
    Tls tls =
        new Tls(authority.file(certificate), authority.file(key), Optional.empty(), Role.VIEWER);
    assertThatThrownBy(
            () -> new VertxAdminServer().serve(new CannedAppliance(), admin(tls)).close())
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("admin.tls")
        .hasMessageContaining(message);
  }

  private AdminApi serve(Optional<Path> clientCa) {
    return new AdminApi(
        admin(
            new Tls(
                authority.file("server.pem"),
                authority.file("server.key"),
                clientCa,
                Role.VIEWER)));
  }

  private static Admin admin(Tls tls) {
    return new Admin(
        CannedAppliance.address("127.0.0.1", 0), List.of(OPS), Optional.of(tls), Optional.empty());
  }

  private void move(String from, String to) throws IOException {
    Files.move(authority.file(from), authority.file(to), StandardCopyOption.REPLACE_EXISTING);
  }

  private static String[] by(Authority authority) {
    return new String[] {
      "--cert",
      authority.file("client.pem").toString(),
      "--key",
      authority.file("client.key").toString()
    };
  }

  private static String[] and(String[] some, String... more) {
    List<String> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  /** Returns the status; 000: none came. */
  private String curl(AdminApi api, String path, String... more) throws Exception {
    String[] command =
        and(
            new String[] {"curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}"},
            "--cacert",
            authority.file("ca.pem").toString(),
            "https://127.0.0.1:" + api.port() + path);
    return Ended.run(new ProcessBuilder(and(command, more))).out();
  }

  /** Of the certificate that is shown. */
  private String serial(AdminApi api) throws Exception {
    Ended ended =
        Ended.run(
            new ProcessBuilder(
                "sh",
                "-c",
                "openssl s_client -connect 127.0.0.1:%d </dev/null 2>/dev/null | openssl x509 -noout -serial"
                    .formatted(api.port())));
    assertThat(ended.out()).as(ended.err()).startsWith("serial=");
    return ended.out();
  }
}
