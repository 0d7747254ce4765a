package io.sluice.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code sluice ctl} over TLS: whom it believes, and how it proves who it is. */
class CtlTlsTest {
  private static final String PASSWORD = "changeit";

  @TempDir static Path folder;

  /** Made once: it takes a program of its own. */
  @SuppressWarnings("NullAway.Init")
  private static KeyStore store;

  @SuppressWarnings("NullAway.Init") // by the set-up
  private HttpsServer server;

  private volatile boolean wantsCertificate;

  @BeforeAll
  static void makeFiles() throws Exception {
    store = selfSigned();
    Files.writeString(
        folder.resolve("ca.pem"), pem("CERTIFICATE", store.getCertificate("us").getEncoded()));
    Files.writeString(
        folder.resolve("key.pem"),
        pem("PRIVATE KEY", store.getKey("us", PASSWORD.toCharArray()).getEncoded()));
  }

  @BeforeEach
  void serve() throws Exception {
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(store, PASSWORD.toCharArray());
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    KeyStore believed = KeyStore.getInstance("PKCS12");
    believed.load(null, null);
    believed.setCertificateEntry("us", store.getCertificate("us"));
    trust.init(believed);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(
        new HttpsConfigurator(context) {
          @Override
          public void configure(HttpsParameters parameters) {
            SSLParameters wanted = context.getDefaultSSLParameters();
            wanted.setNeedClientAuth(wantsCertificate);
            parameters.setSSLParameters(wanted);
          }
        });
    server.createContext(
        "/",
        exchange -> {
          try (exchange) {
            byte[] answer = "{\"fronts\":[]}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
          }
        });
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private static KeyStore selfSigned() throws Exception {
    Path file = folder.resolve("store.p12");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of("-genkeypair", "-alias", "us", "-keyalg", "EC"));
    command.addAll(List.of("-dname", "CN=sluice", "-ext", "san=ip:127.0.0.1"));
    command.addAll(List.of("-keystore", file.toString(), "-storepass", PASSWORD));
    Ended keytool = Ended.run(command.toArray(String[]::new));
    assertThat(keytool.status()).as(keytool.out() + keytool.err()).isZero();
    KeyStore made = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(file)) {
      made.load(in, PASSWORD.toCharArray());
    }
    return made;
  }

  private static String pem(String what, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %1$s-----\n"
        .formatted(what, Base64.getMimeEncoder().encodeToString(der));
  }

  private CtlRun ctl(String host, String... options) {
    String url = "https://" + host + ":" + server.getAddress().getPort();
    return CtlRun.of(
        Map.of("SLUICE_ADMIN", url),
        Stream.concat(Stream.of(options), Stream.of("fronts")).toArray(String[]::new));
  }

  private String file(String name) {
    return folder.resolve(name).toString();
  }

  @Test
  void anApplianceOfAnAuthorityOfOursIsBelieved() {
    CtlRun run = ctl("127.0.0.1", "--ca", file("ca.pem"));
    assertThat(run.status()).as(run.err()).isZero();
    assertThat(run.out()).startsWith("FRONT ");
  }

  @Test
  void anybodyElseIsNot() {
    CtlRun run = ctl("127.0.0.1");
    assertThat(run.status()).isEqualTo(3);
    assertThat(run.err()).contains("TLS failed", "--ca FILE");
  }

  @Test
  void aCertificateForAnotherNameIsNot() {
    assertThat(ctl("localhost", "--ca", file("ca.pem")).status()).isEqualTo(3);
  }

  @Test
  void whoIsAskedForACertificateShowsIt() {
    wantsCertificate = true;
    assertThat(ctl("127.0.0.1", "--ca", file("ca.pem")).status()).isEqualTo(3);
    CtlRun run =
        ctl(
            "127.0.0.1",
            "--ca",
            file("ca.pem"),
            "--certificate",
            file("ca.pem"),
            "--key",
            file("key.pem"));
    assertThat(run.status()).as(run.err()).isZero();
  }

  @Test
  void aFileOfAnotherKindIsWrongUsage() {
    CtlRun run = ctl("127.0.0.1", "--certificate", file("ca.pem"), "--key", file("ca.pem"));
    assertThat(run.status()).isEqualTo(2);
    assertThat(run.err()).contains("--key", "BEGIN PRIVATE KEY");
  }
}
