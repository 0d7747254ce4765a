package io.sluice.net;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Opens the links of one pool: connected sockets to its backends. */
public final class Dialer {
  private final Ports ports;
  private final List<Address> sources;
  private final ConcurrentHashMap<Address, Outlet[]> outlets = new ConcurrentHashMap<>();

  Dialer(Ports ports, List<Address> sources) {
    this.ports = ports;
    this.sources = List.copyOf(sources);
  }

  /**
   * Opens a link: from its own port to one peer, from which alone it receives and of whose ICMP
   * errors it hears. Closing it gives the port back.
   *
   * @throws OsException when there is no port, descriptor or route for it
   */
  public UdpSocket dial(Address peer) throws OsException {
    fds().takeFor("a flow");
    UdpSocket link = null;
    try {
      link = from(outlets(peer));
    } finally {
      if (link == null) {
        fds().giveBack();
      }
    }
    if (link == null) {
      throw new OsException("no local port is left for a flow", Errno.EADDRNOTAVAIL);
    }
    return link;
  }

  /** From where most ports are left; should that not work (is the address gone?), from the next. */
  private static @Nullable UdpSocket from(Outlet[] outlets) throws OsException {
    int first = 0;
    for (int i = 1; i < outlets.length; i++) {
      if (outlets[i].free() > outlets[first].free()) {
        first = i;
      }
    }
    OsException refusal = null;
    for (int i = 0; i < outlets.length; i++) {
      try {
        UdpSocket link = outlets[(first + i) % outlets.length].dial();
        if (link != null) {
          return link;
        }
      } catch (OsException e) {
        refusal = e;
      }
    }
    if (refusal != null) {
      throw refusal;
    }
    return null;
  }

  /** Before the first link to any of these, so that no loop has to. */
  public void makeReady(Collection<Address> peers) {
    peers.forEach(this::outlets);
  }

  /** From now on there will be links to these only. */
  public void retain(Collection<Address> peers) {
    outlets.keySet().retainAll(peers);
  }

  /** Those it has made ready. */
  Stream<Outlet> outlets() {
    return outlets.values().stream().flatMap(Arrays::stream);
  }

  Outlet[] outlets(Address peer) {
    Outlet[] known = outlets.get(peer);
    return known != null ? known : outlets.computeIfAbsent(peer, this::makeOutlets);
  }

  private Outlet[] makeOutlets(Address peer) {
    List<Address> ofFamily =
        sources.stream().filter(source -> source.isIpv6() == peer.isIpv6()).toList();
    return (ofFamily.isEmpty() ? List.of(Address.any(peer.isIpv6())) : ofFamily)
        .stream().map(source -> ports.outlet(source, peer)).toArray(Outlet[]::new);
  }

  /** The budget that each link takes one of. */
  public Fds fds() {
    return ports.fds();
  }

  /** Local ports left for links to one peer. */
  public int freeTo(Address peer) {
    Outlet[] known = outlets.get(peer);
    return known == null ? ports.count() : Arrays.stream(known).mapToInt(Outlet::free).sum();
  }

  /**
   * Ports left, by local address ({@code any}: as the route says): those to the backend that has
   * fewest.
   */
  public Map<String, Integer> free() {
    Map<String, Integer> free = new TreeMap<>();
    for (Outlet[] toOne : outlets.values()) {
      for (Outlet outlet : toOne) {
        free.merge(outlet.source().name(), outlet.free(), Math::min);
      }
    }
    return free;
  }
}
