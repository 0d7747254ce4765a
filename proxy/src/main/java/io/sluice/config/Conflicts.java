package io.sluice.config;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What each section allows and all of them together do not. Sections tell what they hold as they
 * are read: fronts, then pools, then echo backends.
 *
 * <p>0.0.0.0:53 beside 192.0.2.1:53 is no conflict: the kernel gives a datagram to the most
 * specific socket.
 */
final class Conflicts {
  private record Reference(Value value, String pool) {}

  private final List<Reference> references = new ArrayList<>();
  private final Map<String, Integer> largestDatagram = new HashMap<>(); // by pool
  private final Map<String, Spot> listens = new HashMap<>(); // by address
  private final Map<String, Spot> echoes = new HashMap<>();

  void front(Value reference, String pool, int maxDatagram) {
    references.add(new Reference(reference, pool));
    largestDatagram.merge(pool, maxDatagram, Math::max);
  }

  void pools(Set<String> names) {
    for (Reference r : references) {
      if (!names.isEmpty() && !names.contains(r.pool)) { // no pool at all is reported already
        r.value.problem("there is no pool '" + r.pool + "'; " + Nearest.hint(r.pool, names));
      }
    }
  }

  void listen(Value at, InetSocketAddress address) {
    InetAddress ip = address.getAddress();
    if (ip.isMulticastAddress() || Endpoint.isBroadcast(ip)) {
      at.problem(at.shown() + " is no address of a host: listen on one of this machine's");
    }
    if (address.getPort() != 0) { // 0 is another port every time
      unique(listens, at, address, "fronts");
    }
  }

  /** A key beyond the largest datagram its pool ever sees would never be read. */
  void payload(String pool, Cursor affinity, int end) {
    int largest = largestDatagram.getOrDefault(pool, Integer.MAX_VALUE);
    if (end > largest) {
      affinity.problem(
          "length",
          "offset + length is " + end + ", beyond max-datagram = " + largest + " of its fronts");
    }
  }

  Backends backends() {
    return new Backends();
  }

  /** The backends of one pool. */
  final class Backends {
    private final Map<String, Spot> addresses = new HashMap<>();

    void add(Value at, InetSocketAddress address) {
      if (!Endpoint.isOneHost(address)) {
        at.problem(at.shown() + " is no address of one host");
        return;
      }
      unique(addresses, at, address, "backends of this pool");
      Spot front = listener(address);
      if (front != null) {
        at.problem(
            at.shown()
                + " is where "
                + front.path()
                + " listens (line "
                + front.line()
                + "): datagrams would go round in a circle");
      }
    }
  }

  void echo(Value at, InetSocketAddress address) {
    unique(echoes, at, address, "echo backends");
    Spot front = listens.get(Endpoint.print(address));
    if (front != null) {
      at.problem(at.shown() + " is where " + front.path() + " listens (line " + front.line() + ")");
    }
  }

  /** A wildcard front hears what is sent to loopback, too. */
  private @Nullable Spot listener(InetSocketAddress address) {
    Spot exact = listens.get(Endpoint.print(address));
    if (exact != null || !address.getAddress().isLoopbackAddress()) {
      return exact;
    }
    String wildcard = address.getAddress() instanceof Inet4Address ? "0.0.0.0" : "::";
    return listens.get(
        Endpoint.print(new InetSocketAddress(InetAddress.ofLiteral(wildcard), address.getPort())));
  }

  private static void unique(
      Map<String, Spot> taken, Value at, InetSocketAddress address, String whose) {
    Spot first = taken.putIfAbsent(Endpoint.print(address), at.spot());
    if (first != null) {
      at.problem(
          at.shown()
              + " is taken by "
              + first.path()
              + " (line "
              + first.line()
              + "): two "
              + whose
              + " cannot share an address");
    }
  }
}
