package io.sluice.admin;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A network namespace: a host of its own, as far as addresses, routes and ports go. */
final class Netns implements AutoCloseable {
  private static final AtomicInteger COUNT = new AtomicInteger();
  private static final int O_RDONLY = 0;
  private static final int CLONE_NEWNET = 0x4000_0000;

  private static final MethodHandle OPEN =
      call("open", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  private static final MethodHandle SETNS =
      call("setns", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle CLOSE =
      call("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));

  private final String name;

  private Netns(String name) {
    this.name = name;
  }

  /**
   * Skips the test where it may not make namespaces.
   *
   * @param role what it is in the test, at most 8 letters
   */
  static Netns create(String role) throws Exception {
    String name =
        "sluice-%d-%d-%s".formatted(ProcessHandle.current().pid(), COUNT.incrementAndGet(), role);
    Ended add;
    try {
      add = Ended.run("ip", "netns", "add", name);
    } catch (IOException e) {
      add = new Ended(1, "", String.valueOf(e.getMessage()));
    }
    Assumptions.assumeTrue(
        add.status() == 0,
        "NOT TESTED: needs root, network namespaces and iproute2, but: " + add.err().strip());
    Netns netns = new Netns(name);
    netns.ip("link", "set", "lo", "up");
    netns.sysctl("net/ipv4/conf/all/rp_filter", 0); // inherited from the machine
    netns.sysctl("net/ipv4/conf/default/rp_filter", 0);
    netns.sysctl("net/ipv6/conf/default/accept_dad", 0); // or every address waits for a second
    return netns;
  }

  /** Joins two hosts by a cable, with an interface of that name on either. */
  static void join(Netns one, String inOne, Netns other, String inOther) throws Exception {
    one.ip("link", "add", inOne, "type", "veth", "peer", "name", inOther, "netns", other.name);
    one.ip("link", "set", inOne, "up");
    other.ip("link", "set", inOther, "up");
  }

  /** Runs {@code ip} in here; it must succeed. */
  String ip(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("ip", "-n", name));
    command.addAll(List.of(arguments));
    Ended ip = Ended.run(command.toArray(String[]::new));
    assertThat(ip.status()).as("%s: %s", command, ip.err()).isZero();
    return ip.out();
  }

  void address(String interfaceName, String... withPrefix) throws Exception {
    for (String address : withPrefix) {
      ip("address", "add", address, "dev", interfaceName);
    }
  }

  void sysctl(String path, int value) throws Exception {
    sysctl(path, Integer.toString(value));
  }

  void sysctl(String path, String value) throws Exception {
    inside(() -> Files.writeString(Path.of("/proc/sys", path), value));
  }

  /** Datagrams for which its UDP sockets had no room, or no trust. */
  long refusedByUdp() throws Exception {
    List<String[]> udp = stats("snmp", "Udp:"); // the names, and the numbers (proc_net(5))
    return Long.parseLong(udp.getLast()[List.of(udp.getFirst()).indexOf("InErrors")]);
  }

  /** Packets that got lost in a cable: the other end had no room for them. */
  long lostFrom(String interfaceName) throws Exception {
    return Long.parseLong(stats("dev", interfaceName + ":").getFirst()[12]); // tx: after 8 of rx
  }

  private List<String[]> stats(String file, String row) throws Exception {
    return inside(() -> Files.readAllLines(Path.of("/proc/thread-self/net", file))).stream()
        .map(line -> line.strip().split("\\s+", -1))
        .filter(fields -> fields[0].equals(row))
        .toList();
  }

  /** Calls in here what opens sockets: where a socket is opened, there it stays. */
  <T> T inside(Callable<T> call) throws Exception {
    var task =
        new FutureTask<>(
            () -> {
              enter();
              return call.call();
            });
    Thread thread = Thread.ofPlatform().name(name).start(task); // setns(2) moves a thread, for good
    thread.join();
    return task.get();
  }

  /** What to start a program with, so that it runs in here. */
  String[] prefix(String... and) {
    return Stream.concat(Stream.of("ip", "netns", "exec", name), Stream.of(and))
        .toArray(String[]::new);
  }

  /** The same for what needs the machine's own /sys, which {@link #prefix} hides. */
  String[] network(String... and) {
    return Stream.concat(Stream.of("nsenter", "--net=/run/netns/" + name), Stream.of(and))
        .toArray(String[]::new);
  }

  private void enter() {
    try (Arena arena = Arena.ofConfined()) {
      int fd = (int) OPEN.invokeExact(arena.allocateFrom("/run/netns/" + name), O_RDONLY);
      int moved = (int) SETNS.invokeExact(fd, CLONE_NEWNET);
      int closed = (int) CLOSE.invokeExact(fd);
      assertThat(List.of(moved, closed)).as("entering %s", name).containsExactly(0, 0);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /** Deletes it; its cables go too, once the last socket in it is closed. */
  @Override
  public void close() {
    try {
      Ended.run("ip", "netns", "delete", name);
    } catch (Exception e) {
      throw new AssertionError("left behind: " + name, e);
    }
  }

  @SuppressWarnings("restricted") // the build grants tests native access
  static MethodHandle call(String function, FunctionDescriptor signature) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().find(function).orElseThrow(), signature);
  }
}
