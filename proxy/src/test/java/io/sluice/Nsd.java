package io.sluice;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** A real name server (the Debian package nsd) on 127.0.0.1 with the zone {@code sluice.test}. */
public final class Nsd implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/nsd");

  private final Path folder;
  private final int port = freePort();
  private final Process process;
  private int serial;

  /**
   * @param records of the zone, as in a zone file
   */
  public Nsd(Path folder, String records) throws Exception {
    assumeTrue(Files.isExecutable(PROGRAM), "needs nsd: install the package nsd");
    this.folder = folder;
    write(records);
    Path conf =
        Files.writeString(
            folder.resolve("nsd.conf"),
            """
            server:
              ip-address: 127.0.0.1@%d
              username: ""
              rrl-ratelimit: 0
              zonesdir: "%s"
              xfrdir: "%2$s"
              xfrdfile: ""
              zonelistfile: "%2$s/zones"
              database: ""
              pidfile: ""
            remote-control:
              control-enable: no
            zone:
              name: sluice.test
              zonefile: zone
            """
                .formatted(port, folder));
    process =
        new ProcessBuilder(PROGRAM.toString(), "-d", "-c", conf.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("nsd.log").toFile())
            .start();
  }

  private void write(String records) throws IOException {
    String zone =
        """
        $ORIGIN sluice.test.
        $TTL 1
        @ SOA ns admin %d 3600 600 86400 1
        @ NS ns
        ns A 127.0.0.1
        """
            .formatted(++serial);
    Path fresh = Files.writeString(folder.resolve("zone.fresh"), zone + records);
    Files.move(fresh, folder.resolve("zone"), StandardCopyOption.REPLACE_EXISTING);
  }

  /** Serves another zone from some moment after this on. */
  public void becomes(String records) throws Exception {
    write(records);
    signal("HUP");
  }

  /** Neither answers nor refuses, until {@link #goesOn}. */
  public void stands() throws Exception {
    everyProcess("STOP");
  }

  public void goesOn() throws Exception {
    everyProcess("CONT");
  }

  /** It has children that answer. */
  private void everyProcess(String signal) throws Exception {
    for (ProcessHandle child : process.descendants().toList()) {
      signal(signal, child.pid());
    }
    signal(signal);
  }

  private void signal(String signal) throws Exception {
    signal(signal, process.pid());
  }

  private static void signal(String signal, long pid) throws Exception {
    int status = new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor();
    if (status != 0) {
      throw new IOException("kill -" + signal + " " + pid + " ended with " + status);
    }
  }

  public InetSocketAddress address() {
    return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
  }

  /** Below the ports that the kernel gives to sockets which do not ask for one. */
  public static int freePort() throws IOException {
    while (true) {
      int port = ThreadLocalRandom.current().nextInt(20_000, 30_000);
      var address = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port);
      try (var _ = new DatagramSocket(address);
          var tcp = new ServerSocket()) {
        tcp.bind(address);
        return port;
      } catch (IOException taken) {
        // the next one
      }
    }
  }

  @Override
  public void close() throws IOException {
    try {
      goesOn();
    } catch (Exception e) {
      throw new IOException(e);
    } finally {
      process.destroy();
      process.onExit().orTimeout(10, TimeUnit.SECONDS).join();
    }
  }
}
