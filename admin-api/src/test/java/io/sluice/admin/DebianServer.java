package io.sluice.admin;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A server of a Debian package, as a process on 127.0.0.1, named as the backend that it is. */
record DebianServer(String name, Path folder, int port, Process process) implements AutoCloseable {

  /** FreeRADIUS, which accepts everybody, and says in its replies who it is. */
  static DebianServer freeradius(Path parent, String name, int accounting, String secret)
      throws Exception {
    Path folder = Files.createDirectory(parent.resolve(name));
    int port = NameServer.freePort();
    String conf =
        """
        name = radiusd
        logdir = %1$s
        run_dir = %1$s
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
        client sluice {
          ipaddr = 127.0.0.1
          secret = "%2$s"
        }
        server default {
          listen {
            type = auth
            ipaddr = 127.0.0.1
            port = %3$d
          }
          listen {
            type = acct
            ipaddr = 127.0.0.1
            port = %4$d
          }
          authorize {
            update control {
              Auth-Type := Accept
            }
            update reply {
              Reply-Message := "server %5$s"
            }
          }
          preacct {
            ok
          }
          accounting {
            ok
          }
        }
        """
            .formatted(folder, secret, port, accounting, name);
    Files.writeString(folder.resolve("radiusd.conf"), conf);
    String program = "/usr/sbin/freeradius";
    return start(
        name, folder, port, program, "-f", "-l", "stdout", "-n", "radiusd", "-d", "" + folder);
  }

  /** rsyslogd, which writes what it is told by UDP to the file {@code lines}. */
  static DebianServer rsyslog(Path parent, String name) throws Exception {
    Path folder = Files.createDirectory(parent.resolve(name));
    int port = NameServer.freePort();
    String conf =
        """
        global(workDirectory="%1$s")
        module(load="imudp")
        module(load="imtcp")
        template(name="line" type="string" string="%%msg%%\\n")
        ruleset(name="collect") {
          action(type="omfile" file="%1$s/lines" template="line")
        }
        input(type="imudp" address="127.0.0.1" port="%2$d" rcvbufSize="4m" ruleset="collect")
        input(type="imtcp" address="127.0.0.1" port="%2$d" ruleset="collect")
        """
            .formatted(folder, port);
    Path file = Files.writeString(folder.resolve("rsyslog.conf"), conf);
    String program = "/usr/sbin/rsyslogd";
    return start(name, folder, port, program, "-n", "-f", "" + file, "-i", folder + "/pid");
  }

  /** Chocolate Doom's, for one match at a time; announces itself to nobody. */
  static DebianServer doom(Path parent, String name) throws Exception {
    Path folder = Files.createDirectory(parent.resolve(name));
    int port = NameServer.freePort();
    return start(
        name, folder, port, "/usr/games/chocolate-server", "-port", "" + port, "-privateserver");
  }

  /** ngtcp2's, which serves its folder, and there its name as {@code who}, over HTTP/3. */
  static DebianServer http3(Path parent, String name, byte[] page) throws Exception {
    Path folder = Files.createDirectory(parent.resolve(name));
    Files.writeString(folder.resolve("who"), name);
    Files.write(folder.resolve("page"), page);
    Path key = folder.resolve("key");
    Path certificate = folder.resolve("certificate");
    String request = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=sluice.test";
    String to = " -keyout %s -out %s".formatted(key, certificate);
    Ended openssl = Ended.run((request + to).split(" "));
    assertThat(openssl.status()).as(openssl.err()).isZero();
    int port = NameServer.freePort();
    return start(
        name,
        folder,
        port,
        "/usr/sbin/gtlsserver",
        "-q",
        "-d",
        folder.toString(),
        "127.0.0.1",
        "" + port,
        key.toString(),
        certificate.toString());
  }

  private static DebianServer start(String name, Path folder, int port, String... command)
      throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("log").toFile())
            .start();
    return new DebianServer(name, folder, port, process);
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  List<String> lines() throws IOException {
    Path lines = folder.resolve("lines");
    return Files.exists(lines) ? Files.readAllLines(lines) : List.of();
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().orTimeout(20, SECONDS).join();
  }
}
