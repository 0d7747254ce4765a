package io.sluice.discovery;

import io.sluice.config.BackendFile;
import io.sluice.config.Origin;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The EndpointSlices of one service as they are now, and the backends they come to; knows no
 * network. After the API's reference, discovery.k8s.io/v1: a service has several slices, at least
 * one an address family; an endpoint may be in two of them for a moment; of its addresses the first
 * counts; one of whose readiness nothing is said is ready.
 */
final class EndpointSlices {
  private final Origin.Kubernetes wanted;
  private Map<String, Json> slices = new TreeMap<>();

  EndpointSlices(Origin.Kubernetes wanted) {
    this.wanted = wanted;
  }

  /** These are all there are. */
  void replace(List<Json> all) {
    slices = new TreeMap<>();
    all.forEach(slice -> slices.put(name(slice), slice));
  }

  /** A watch tells that one has come or changed, or is gone. */
  void changed(Json slice) {
    slices.put(name(slice), slice);
  }

  void deleted(Json slice) {
    slices.remove(name(slice));
  }

  private static String name(Json slice) {
    return slice.object("metadata").text("name").orElse("");
  }

  /** An endpoint that may be given flows. */
  private record Endpoint(InetSocketAddress address, String target) {
    boolean isIpv4() {
      return address.getAddress() instanceof Inet4Address;
    }
  }

  Finding finding() {
    Set<String> unclear = new TreeSet<>();
    List<Endpoint> endpoints =
        slices.values().stream()
            .flatMap(slice -> endpoints(slice, unclear))
            .sorted(
                Comparator.comparing(Endpoint::isIpv4)
                    .reversed()
                    .thenComparing(each -> BackendFile.nameOf(each.address())))
            .toList();
    if (!unclear.isEmpty()) {
      return failed(String.join(", ", unclear) + ": say which with port");
    }
    Map<String, Finding.Server> servers = new LinkedHashMap<>();
    Set<InetSocketAddress> addresses = new HashSet<>();
    for (Endpoint each : endpoints) {
      String name = isName(each.target) ? each.target : BackendFile.nameOf(each.address);
      if (!servers.containsKey(name) && addresses.add(each.address)) {
        servers.put(name, new Finding.Server(name, each.address, 1));
      }
    }
    if (servers.size() > BackendFile.MOST) {
      return failed(servers.size() + " endpoints, and " + BackendFile.MOST + " is the most");
    }
    return servers.isEmpty()
        ? failed("no endpoint with such a UDP port is ready")
        : new Finding.Found(List.copyOf(servers.values()), List.of(), Optional.empty());
  }

  private Finding failed(String why) {
    return new Finding.Failed("service " + wanted.wanted() + ": " + why, Optional.empty());
  }

  /** Of a pod's names some are longer than a backend's may be. */
  private static boolean isName(String target) {
    return target.matches("[a-z0-9][a-z0-9.-]{0,62}");
  }

  private Stream<Endpoint> endpoints(Json slice, Set<String> unclear) {
    List<Json> ports = slice.objects("ports").filter(this::isWanted).toList();
    if (ports.size() > 1) {
      unclear.add("several UDP ports");
    }
    if (ports.size() != 1 || !slice.text("addressType").orElse("").startsWith("IP")) {
      return Stream.of();
    }
    int port = ports.getFirst().number("port").orElse(0);
    return slice
        .objects("endpoints")
        .filter(EndpointSlices::isReady)
        .flatMap(each -> endpoint(each, port).stream());
  }

  private boolean isWanted(Json port) {
    return port.text("protocol").orElse("TCP").equals("UDP")
        && port.number("port").orElse(0) > 0
        && wanted
            .port()
            .map(
                by ->
                    port.text("name").orElse("").equals(by)
                        || String.valueOf(port.number("port").orElse(0)).equals(by))
            .orElse(true);
  }

  private static boolean isReady(Json endpoint) {
    Json conditions = endpoint.object("conditions");
    return conditions.flag("ready", true) && !conditions.flag("terminating", false);
  }

  private static Optional<Endpoint> endpoint(Json endpoint, int port) {
    try {
      return endpoint
          .texts("addresses")
          .findFirst()
          .map(
              first ->
                  new Endpoint(
                      new InetSocketAddress(InetAddress.ofLiteral(first), port),
                      endpoint.object("targetRef").text("name").orElse("")));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // no address of an IP
    }
  }
}
