package io.sluice.net;

import io.netty.channel.epoll.Epoll;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the running kernel offers beyond plain UDP, found by asking it. */
public final class KernelFeatures {
  private static final Path PORT_RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");

  private static final Path RESERVED_PORTS = Path.of("/proc/sys/net/ipv4/ip_local_reserved_ports");
  private static final Pattern MAJOR_MINOR = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})");

  private KernelFeatures() {}

  /**
   * Names of the features that work here, e.g. {@code UDP_GRO}; empty where Sluice does not run at
   * all.
   */
  public static List<String> found() {
    List<String> found = new ArrayList<>();
    if (!Linux.isSupported() || !Epoll.isAvailable()) {
      return found;
    }
    Map<String, int[]> options =
        new TreeMap<>(
            Map.of(
                "SO_REUSEPORT", new int[] {Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1},
                "IP_PKTINFO", new int[] {Linux.SOL_IP, Linux.IP_PKTINFO, 1},
                "UDP_SEGMENT", new int[] {Linux.SOL_UDP, Linux.UDP_SEGMENT, 1_200},
                "UDP_GRO", new int[] {Linux.SOL_UDP, Linux.UDP_GRO, 1}));
    try {
      UdpSocket socket = UdpSocket.open(false);
      options.forEach(
          (name, option) -> {
            if (Linux.setsockopt(socket.fd().intValue(), option[0], option[1], option[2]) >= 0) {
              found.add(name);
            }
          });
      socket.close();
      UdpSocket.open(true).close();
      found.add("IPv6");
    } catch (OsException without) {
      return found; // of which it then lacks the rest
    }
    return found;
  }

  /** Of the running kernel, e.g. {@code 6.18.44-generic}. */
  public static String version() {
    return System.getProperty("os.version");
  }

  /**
   * Whether connected UDP sockets are found by all four parts of their addresses, as since Linux
   * 6.13, rather than by walking all sockets on the local one.
   */
  public static boolean findsConnectedSocketsFast() {
    return isAtLeast(version(), 6, 13);
  }

  /** False for what is no version at all. */
  static boolean isAtLeast(String version, int major, int minor) {
    Matcher numbers = MAJOR_MINOR.matcher(version);
    return numbers.lookingAt()
        && (Integer.parseInt(numbers.group(1)) << 16 | Integer.parseInt(numbers.group(2)))
            >= (major << 16 | minor);
  }

  /**
   * Local ports the kernel chooses from for sockets that ask for none: {@code
   * net.ipv4.ip_local_port_range} (for IPv6 too) less {@code ip_local_reserved_ports}.
   */
  public static BitSet localPorts() {
    return localPorts(read(PORT_RANGE), read(RESERVED_PORTS));
  }

  /**
   * @param range as in {@code 32768 60999}; empty where it is hidden
   * @param reserved as in {@code 8080,9148-9150}
   */
  static BitSet localPorts(String range, String reserved) {
    BitSet ports = new BitSet();
    if (range.isEmpty()) {
      ports.set(32_768, 61_000); // the kernel's default
    } else {
      String[] firstAndLast = range.split("\\s+", 2);
      ports.set(Integer.parseInt(firstAndLast[0]), Integer.parseInt(firstAndLast[1]) + 1);
    }
    for (String span : reserved.split(",", -1)) {
      if (!span.isEmpty()) {
        String[] firstAndLast = span.split("-", 2);
        ports.clear(
            Integer.parseInt(firstAndLast[0]),
            Integer.parseInt(firstAndLast[firstAndLast.length - 1]) + 1);
      }
    }
    return ports;
  }

  private static String read(Path sysctl) {
    // By a reader with a buffer: a sysctl gives all it has to the first read, however short.
    try (BufferedReader file = Files.newBufferedReader(sysctl)) {
      String line = file.readLine();
      return line == null ? "" : line.strip();
    } catch (IOException e) {
      return "";
    }
  }
}
