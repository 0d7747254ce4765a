package io.sluice.admin;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Scanner;
import java.util.concurrent.ThreadLocalRandom;

/** A real DNS server on 127.0.0.1, as a process, with a zone that tells which server answered. */
final class NameServer implements AutoCloseable {
  private static final Path PORT_RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");

  /** The default probe of type dns asks a resolver for it. */
  private static final String ROOT =
      """
      . 60 SOA ns.sluice.test. admin.sluice.test. 1 3600 600 86400 60
      . 60 NS ns.sluice.test.
      """;

  private final String name;
  private final int port;
  private final ProcessBuilder builder;
  private Process process;

  /**
   * NSD, of the Debian package nsd. By default it answers one network 200 times a second at most,
   * and all that Sluice asks comes from one.
   */
  static NameServer nsd(Path folder) throws Exception {
    int port = freePort();
    String conf =
        """
        server:
          ip-address: 127.0.0.1@%2$d
          ipv4-edns-size: 4096
          rrl-ratelimit: 0
          username: ""
          zonesdir: "%1$s"
          xfrdir: "%1$s"
          xfrdfile: ""
          zonelistfile: "%1$s/nsd.zones"
          database: ""
          pidfile: ""
        remote-control:
          control-enable: no
        zone:
          name: sluice.test
          zonefile: nsd.zone
        zone:
          name: .
          zonefile: root.zone
        """;
    return new NameServer(folder, "nsd", port, conf, "/usr/sbin/nsd", "-d", "-c");
  }

  /** Knot DNS, of the Debian package knot. */
  static NameServer knot(Path folder) throws Exception {
    int port = freePort();
    String conf =
        """
        server:
          listen: 127.0.0.1@%2$d
          udp-max-payload: 4096
          rundir: "%1$s"
        database:
          storage: "%1$s"
        log:
          - target: stderr
            any: info
        zone:
          - domain: sluice.test
            storage: "%1$s"
            file: knot.zone
          - domain: .
            storage: "%1$s"
            file: root.zone
        """;
    return new NameServer(folder, "knot", port, conf, "/usr/sbin/knotd", "-c");
  }

  /**
   * @param conf takes the folder and the port
   * @param command to run it in the foreground, but for the file's name at the end
   */
  private NameServer(Path folder, String name, int port, String conf, String... command)
      throws Exception {
    this.name = name;
    this.port = port;
    Files.writeString(folder.resolve(name + ".zone"), zone());
    Files.writeString(folder.resolve("root.zone"), ROOT);
    Path file = Files.writeString(folder.resolve(name + ".conf"), conf.formatted(folder, port));
    builder = new ProcessBuilder(command);
    builder.command().add(file.toString());
    var log = ProcessBuilder.Redirect.appendTo(folder.resolve(name + ".log").toFile());
    builder.redirectErrorStream(true).redirectOutput(log);
    process = start();
  }

  /** The answers to {@code big TXT} fill 2,600 bytes. */
  private String zone() {
    var zone =
        new StringBuilder(
            """
            $ORIGIN sluice.test.
            $TTL 60
            @ SOA ns admin 1 3600 600 86400 60
            @ NS ns
            ns A 127.0.0.1
            www A 192.0.2.80
            whoami TXT "%s"
            """
                .formatted(name));
    for (int i = 10; i < 22; i++) {
      zone.append("big TXT ").repeat(Integer.toString(i), 100).append('\n');
    }
    return zone.toString();
  }

  String name() {
    return name;
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  /** Starts it again, on the same port. */
  void restart() throws Exception {
    process = start();
  }

  private Process start() throws Exception {
    Process started = builder.start();
    try {
      await(name + " answers: " + builder.command())
          .until(
              () -> {
                assertThat(started.isAlive()).as("%s runs", builder.command()).isTrue();
                return new Dig("127.0.0.1", port).who("127.0.0.1").isPresent();
              });
    } catch (Throwable e) {
      started.destroyForcibly();
      throw e;
    }
    return started;
  }

  /** Sends it a signal and returns when it has let go of its port. */
  void stop(String signal) throws Exception {
    assertThat(Ended.run("kill", "-" + signal, Long.toString(process.pid())).status()).isZero();
    assertThat(process.waitFor(20, SECONDS)).as("%s stops", name).isTrue();
    await(name + " closes its socket").until(() -> isFree(port));
  }

  @Override
  public void close() {
    process.destroy();
    process.onExit().orTimeout(20, SECONDS).join();
  }

  /**
   * For UDP and TCP, below the ports that the kernel gives to sockets which do not ask for one: no
   * flow can take it while the server is down.
   */
  static int freePort() throws IOException {
    int ephemeral;
    // Not Files.readString: it begins with a read of one byte, which is all that a sysctl then
    // says.
    try (var range = new Scanner(PORT_RANGE, US_ASCII)) {
      ephemeral = range.nextInt();
    }
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(ephemeral / 2, ephemeral);
      if (isFree(port)) {
        return port;
      }
    }
  }

  private static boolean isFree(int port) {
    var address = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
    try (var _ = new DatagramSocket(address);
        var tcp = new ServerSocket()) {
      tcp.bind(address);
      return true;
    } catch (IOException taken) {
      return false;
    }
  }
}
