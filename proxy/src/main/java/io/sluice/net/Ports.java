package io.sluice.net;

import static java.util.stream.Collectors.toSet;

import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The local ports that links leave from, all flows' together: each once for every pair of a local
 * address and a backend's address, and never twice, however many pools name that backend
 * (docs/adr/0010-port-budget.md).
 */
public final class Ports {
  private final char[] ports;
  private final Fds fds;
  private final ConcurrentHashMap<Address, Source> sources = new ConcurrentHashMap<>();

  /**
   * @param ports at least one
   * @param fds each link takes one
   */
  public Ports(BitSet ports, Fds fds) {
    this.ports = new char[ports.cardinality()];
    int n = 0;
    for (int port = ports.nextSetBit(0); port >= 0; port = ports.nextSetBit(port + 1)) {
      this.ports[n++] = (char) port;
    }
    this.fds = fds;
  }

  /**
   * Opens links from any of a host's addresses; where none is of the backend's family, from
   * whichever the route says.
   *
   * @param sources of port 0
   * @param peers the backends known now, for which it makes ready
   */
  public Dialer dialer(List<Address> sources, List<Address> peers) {
    Dialer dialer = new Dialer(this, sources);
    dialer.makeReady(peers);
    return dialer;
  }

  /**
   * Forgets outlets that none of these dialers has, once all of their links have been closed; while
   * nobody opens any by them.
   */
  public void tidy(Collection<Dialer> dialers) {
    Set<Outlet> wanted = dialers.stream().flatMap(Dialer::outlets).collect(toSet());
    for (Source source : sources.values()) {
      source
          .outlets()
          .values()
          .removeIf(outlet -> !wanted.contains(outlet) && outlet.isIdle(ports.length));
    }
    sources.values().removeIf(source -> source.outlets().isEmpty());
  }

  /**
   * Heap that links from these to these would take; most of what a backend takes.
   *
   * @param sources none: as the route says
   */
  public long bytes(List<Address> sources, List<Address> peers) {
    long outlets = 0;
    for (Address peer : peers) {
      outlets +=
          Math.max(1, sources.stream().filter(from -> from.isIpv6() == peer.isIpv6()).count());
    }
    return outlets * ports.length * PortQueue.BYTES_A_PORT;
  }

  /** How many there are, from one local address to one backend. */
  public int count() {
    return ports.length;
  }

  /** The outlet from a local address to a backend, whoever asks. */
  Outlet outlet(Address from, Address peer) {
    Source source =
        sources.computeIfAbsent(from, at -> new Source(at, ports[0], ports[ports.length - 1]));
    return source.outlets().computeIfAbsent(peer, to -> new Outlet(source, to, ports, fds));
  }

  /** The budget that each link takes one of. */
  public Fds fds() {
    return fds;
  }
}
