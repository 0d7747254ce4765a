package io.sluice.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.sluice.Nsd;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Each probe against a server that others have written, from a Debian package. */
@Timeout(120)
class RealServersIT {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final Duration STARTS = Duration.ofSeconds(30);

  @TempDir Path folder;

  private final int port = Nsd.freePort();
  private final InetSocketAddress target =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  private @Nullable Process server;

  RealServersIT() throws IOException {}

  @BeforeEach
  void foldersAreForAll() {
    // nginx and NSD may give up root
    assertThat(folder.toFile().setExecutable(true, false)).isTrue();
  }

  @AfterEach
  void stop() throws Exception {
    Process running = server;
    if (running != null) {
      running.destroy();
      if (!running.waitFor(10, TimeUnit.SECONDS)) {
        running.destroyForcibly().waitFor();
      }
    }
  }

  @Test
  void nsd_answers_for_its_zone_and_refuses_others() throws Exception {
    try (Nsd nsd = new Nsd(folder, "")) {
      Probe soa = Probes.dns("sluice.test", "SOA", false);
      await().atMost(STARTS).untilAsserted(() -> soa.check(nsd.address(), PATIENCE));
      Probes.dns("no-such.sluice.test.", "AAAA", true).check(nsd.address(), PATIENCE);
      assertThatThrownBy(() -> Probes.dns(".", "NS", true).check(nsd.address(), PATIENCE))
          .hasMessage("answered REFUSED");
    }
  }

  @Test
  void freeradius_answers_whoever_knows_the_secret() throws Exception {
    write(
        "radiusd.conf",
        """
        name = radiusd
        logdir = %2$s
        run_dir = %2$s
        log {
          destination = stdout
        }
        security {
          status_server = yes
        }
        modules {
          always ok {
            rcode = ok
          }
        }
        client localhost {
          ipaddr = 127.0.0.1
          secret = "not told"
        }
        server default {
          listen {
            type = auth
            ipaddr = 127.0.0.1
            port = %1$d
          }
          authorize {
            ok
          }
        }
        """
            .formatted(port, folder));
    start(
        "freeradius",
        "/usr/sbin/freeradius",
        "-f",
        "-l",
        "stdout",
        "-n",
        "radiusd",
        "-d",
        folder.toString());
    awaitPass(Probes.radius("not told"));
    assertThatThrownBy(() -> Probes.radius("guessed").check(target, Duration.ofMillis(300)))
        .hasMessage("no answer within 300 ms");
  }

  @Test
  void coturn_tells_how_it_sees_us() throws Exception {
    start(
        "coturn",
        "/usr/bin/turnserver",
        "-n",
        "-S",
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "-L",
        "127.0.0.1",
        "-p",
        "" + port,
        "--log-file",
        "stdout",
        "--pidfile",
        folder.resolve("pid").toString());
    awaitPass(Probes.stun());
  }

  @Test
  void sipp_answers_options() throws Exception {
    Path scenario =
        write(
            "options.xml",
            """
            <?xml version="1.0" encoding="ISO-8859-1" ?>
            <scenario name="options">
              <recv request="OPTIONS"/>
              <send><![CDATA[

                SIP/2.0 200 OK
                [last_Via:]
                [last_From:]
                [last_To:];tag=[call_number]
                [last_Call-ID:]
                [last_CSeq:]
                Content-Length: 0

              ]]></send>
            </scenario>
            """);
    start(
        "sip-tester",
        "/usr/bin/sipp",
        "-sf",
        scenario.toString(),
        "-i",
        "127.0.0.1",
        "-p",
        "" + port,
        "-nostdin");
    awaitPass(Probes.sipOptions());
  }

  @Test
  void ngtcp2_lists_its_versions() throws Exception {
    Path key = folder.resolve("key");
    Path certificate = folder.resolve("certificate");
    start(
        "openssl",
        "/usr/bin/openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=quic",
        "-keyout",
        key.toString(),
        "-out",
        certificate.toString());
    assertThat(running().waitFor()).isZero();
    start(
        "ngtcp2-server",
        "/usr/sbin/gtlsserver",
        "-q",
        "-d",
        folder.toString(),
        "127.0.0.1",
        "" + port,
        key.toString(),
        certificate.toString());
    awaitPass(Probes.quic());
  }

  @Test
  void chrony_is_synchronised_only_with_a_source() throws Exception {
    String conf =
        """
        port %d
        cmdport 0
        bindaddress 127.0.0.1
        allow 127.0.0.1
        user root
        pidfile %s/pid
        """
            .formatted(port, folder);
    Path with = write("with.conf", conf + "local stratum 5\n");
    start("chrony", "/usr/sbin/chronyd", "-x", "-d", "-f", with.toString());
    awaitPass(Probes.ntp());
    stop();

    Path without = write("without.conf", conf);
    start("chrony", "/usr/sbin/chronyd", "-x", "-d", "-f", without.toString());
    await()
        .atMost(STARTS)
        .ignoreExceptionsInstanceOf(IOException.class) // it is still starting
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> Probes.ntp().check(target, PATIENCE))
                    .hasMessage("is not synchronised (stratum 0)"));
  }

  @Test
  void nginx_accepts_and_answers() throws Exception {
    Path conf =
        write(
            "nginx.conf",
            """
            daemon off; pid %2$s/pid; error_log stderr; user root;
            events {}
            http {
              access_log off;
              server {
                listen 127.0.0.1:%1$d;
                server_name health.test;
                location /up { return 200 "fine"; }
                location /ill { return 503 "draining"; }
              }
              server { listen 127.0.0.1:%1$d default_server; return 404; }
            }
            """
                .formatted(port, folder));
    start("nginx", "/usr/sbin/nginx", "-p", folder.toString(), "-c", conf.toString());
    awaitPass(Probes.tcp());
    Probes.http("/up", "health.test", 200, 200, null).check(target, PATIENCE);
    assertThatThrownBy(() -> Probes.http("/up", "", 200, 399, null).check(target, PATIENCE))
        .hasMessage("answered status 404");
    var drain = Pattern.compile("draining");
    assertThatThrownBy(
            () -> Probes.http("/ill", "health.test", 200, 399, drain).check(target, PATIENCE))
        .isInstanceOf(LameDuck.class);
  }

  /** And once it has stopped, its port refuses. */
  private void awaitPass(Probe probe) throws Exception {
    await()
        .atMost(STARTS)
        .untilAsserted(
            () -> {
              assertThat(running().isAlive()).as("%s", running().info()).isTrue();
              probe.check(target, PATIENCE);
            });
  }

  private Process running() {
    return Objects.requireNonNull(server, "started");
  }

  private void start(String debianPackage, String... command) throws IOException {
    assumeTrue(
        Files.isExecutable(Path.of(command[0])),
        () -> "needs %s: install the package %s".formatted(command[0], debianPackage));
    server =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }
}
