package io.sluice.admin;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.vertx.core.json.JsonObject;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Four hosts, each a network namespace, around the appliance's: cables of their own join the client
 * and two hosts for backends to it.
 *
 * <pre>
 *   client ---------------- appliance ---------------- a
 *   10.1.0.2   10.1.0.1     |      10.2.0.1     10.2.0.2
 *   fd01::2    fd01::1      |      fd02::1      fd02::2
 *                           `------------------------- b
 *                                  10.3.0.1     10.3.0.2
 *                                  fd03::1      fd03::2
 * </pre>
 */
final class Lab implements AutoCloseable {
  private final List<AutoCloseable> open = new ArrayList<>();
  final Netns client;
  final Netns appliance;
  final Netns a;
  final Netns b;

  Lab() {
    try {
      client = add(Netns.create("client"));
      appliance = add(Netns.create("sluice"));
      cable(1, client, "front");
      a = attach("a", 2);
      b = attach("b", 3);
    } catch (RuntimeException | Error e) { // among them that it may not, which skips the test
      close();
      throw e;
    } catch (Exception e) {
      close();
      throw new AssertionError(e);
    }
  }

  /**
   * One more host, on a cable of its own: 10.SUBNET.0.2.
   *
   * @param role at most 8 letters
   */
  Netns attach(String role, int subnet) throws Exception {
    Netns host = add(Netns.create(role));
    cable(subnet, host, "to" + role);
    return host;
  }

  private void cable(int subnet, Netns host, String onAppliance) throws Exception {
    Netns.join(host, "eth0", appliance, onAppliance);
    appliance.address(
        onAppliance, "10.%d.0.1/24".formatted(subnet), "fd0%d::1/64".formatted(subnet));
    host.address("eth0", "10.%d.0.2/24".formatted(subnet), "fd0%d::2/64".formatted(subnet));
    host.ip("route", "add", "default", "via", "10.%d.0.1".formatted(subnet));
    host.ip("route", "add", "default", "via", "fd0%d::1".formatted(subnet));
  }

  /** Closes it with the lab, before what was added earlier. */
  <T extends AutoCloseable> T add(T closeable) {
    open.add(closeable);
    return closeable;
  }

  /**
   * Starts the appliance.
   *
   * @param and what to start it by, besides
   */
  ApplianceProcess start(Path folder, String config, String... and) throws Exception {
    return add(ApplianceProcess.start(folder, config, appliance.prefix(and)));
  }

  /** What was lost anywhere for want of room: on cables and in receive buffers. */
  long lost() throws Exception {
    long lost = client.lostFrom("eth0") + a.lostFrom("eth0") + b.lostFrom("eth0");
    for (String cable : List.of("front", "toa", "tob")) {
      lost += appliance.lostFrom(cable);
    }
    for (Netns host : List.of(client, appliance, a, b)) {
      lost += host.refusedByUdp();
    }
    return lost;
  }

  static InetSocketAddress at(String ip, int port) throws UnknownHostException {
    return new InetSocketAddress(InetAddress.getByName(ip), port);
  }

  /** Waits until one side of a front's ledger reads so: {@code received 3, forwarded 2, ...}. */
  static void awaitLedger(ApplianceProcess sluice, String front, String side, String expected) {
    await()
        .atMost(Duration.ofSeconds(20))
        .untilAsserted(() -> assertThat(ledger(sluice, front, side)).isEqualTo(expected));
  }

  private static String ledger(ApplianceProcess sluice, String front, String side)
      throws Exception {
    JsonObject entry = side(sluice, front, side);
    Stream<String> drops =
        entry.getJsonObject("dropped").stream()
            .filter(drop -> !drop.getValue().equals(0))
            .map(drop -> drop.getKey() + " " + drop.getValue());
    return Stream.concat(
            Stream.of(
                "received " + entry.getLong("received"), "forwarded " + entry.getLong("forwarded")),
            drops)
        .collect(joining(", "));
  }

  /** One side of a front's ledger. */
  static JsonObject side(ApplianceProcess sluice, String front, String side) throws Exception {
    return named(sluice.json("/v1/drops"), "fronts", "front", front).getJsonObject(side);
  }

  static JsonObject front(ApplianceProcess sluice, String front) throws Exception {
    return sluice.json("/v1/fronts/" + front);
  }

  static JsonObject backend(ApplianceProcess sluice, String pool, String backend) throws Exception {
    return named(sluice.json("/v1/pools/" + pool), "backends", "name", backend);
  }

  static JsonObject named(JsonObject all, String array, String key, String name) {
    return all.getJsonArray(array).stream()
        .map(JsonObject.class::cast)
        .filter(each -> each.getString(key).equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Override
  public void close() {
    AssertionError failed = new AssertionError("not everything could be closed");
    for (AutoCloseable each : open.reversed()) {
      try {
        each.close();
      } catch (Exception | AssertionError e) {
        failed.addSuppressed(e); // the others all the same: no namespace is to stay
      }
    }
    assertThat(failed).hasNoSuppressedExceptions();
  }
}
