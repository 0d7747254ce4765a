package io.sluice.net;

import io.netty.util.NetUtil;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A local address that links begin at: binds them, so that none shares a port with a socket that is
 * not ours.
 *
 * <p>A port that no link holds is bound without SO_REUSEADDR, which the kernel refuses if anybody
 * has it, and made sharable at once. One that a link to another backend holds is bound with
 * SO_REUSEADDR. As long as a link holds it nobody can bind it as a first one; but the last may go
 * while another is being bound beside it, and then what was bound is worth nothing. So each time
 * the last one goes a new <em>reign</em> begins, and whoever binds beside others looks whether it
 * is still the same one afterwards.
 */
final class Source {
  /** What {@link #bind} answers when the port's other links have gone meanwhile. */
  static final int DESERTED = 1;

  private final Address address;
  private final int lowest;

  /** Of each port from the lowest: the reign in the upper 16 bits, and how many links hold it. */
  private final AtomicIntegerArray holders;

  private final Map<Address, Outlet> outlets = new ConcurrentHashMap<>();

  /**
   * @param address of port 0; the wildcard to let the route decide
   */
  Source(Address address, int lowest, int highest) {
    this.address = address;
    this.lowest = lowest;
    holders = new AtomicIntegerArray(highest - lowest + 1);
  }

  /** What operators read. */
  String name() {
    return address.isWildcard()
        ? "any"
        : NetUtil.toAddressString(address.toInetSocketAddress().getAddress());
  }

  Address address() {
    return address;
  }

  /** Its outlets, by backend. */
  Map<Address, Outlet> outlets() {
    return outlets;
  }

  /**
   * Binds a new socket to a port; 0, {@link #DESERTED} or minus errno: then it is good for nothing.
   */
  int bind(UdpSocket socket, int port) {
    int before = holders.get(port - lowest);
    boolean shared = links(before) > 0;
    if (shared) {
      socket.shareAddress();
    }
    int result = socket.tryBind(address.withPort(port));
    if (result < 0) {
      return result;
    }
    if (shared) {
      return join(port - lowest, before) ? 0 : DESERTED;
    }
    socket.shareAddress();
    holders.incrementAndGet(port - lowest);
    return 0;
  }

  private boolean join(int index, int before) {
    while (true) {
      int now = holders.get(index);
      if (now >>> 16 != before >>> 16) {
        return false;
      }
      if (holders.compareAndSet(index, now, now + 1)) {
        return true;
      }
    }
  }

  /** A link is about to be closed: nobody may rely on it from now on. */
  void leave(int port) {
    holders.updateAndGet(
        port - lowest, now -> links(now) == 1 ? ((now >>> 16) + 1) << 16 : now - 1);
  }

  private static int links(int holders) {
    return holders & 0xFFFF;
  }
}
