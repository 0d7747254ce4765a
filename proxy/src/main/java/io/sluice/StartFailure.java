package io.sluice;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.Locale;

/** Why Sluice cannot start: one line for a person, ending in what to do about it. */
final class StartFailure extends Exception {
  private static final long serialVersionUID = 1;

  StartFailure(String message) {
    super(message);
  }

  StartFailure(String message, Throwable cause) {
    super(message, cause);
  }

  /**
   * A socket that cannot be bound.
   *
   * @param what what wanted the address, e.g. {@code front 'dns'}
   */
  static StartFailure bind(String what, String protocol, InetSocketAddress at, IOException cause) {
    String where = at.getAddress().getHostAddress() + " port " + at.getPort() + "/" + protocol;
    return new StartFailure(
        "%s: cannot bind %s: %s".formatted(what, where, remedy(protocol, at, cause)), cause);
  }

  /** A pool's source address that no socket can be bound to. */
  static StartFailure source(String pool, InetAddress source, IOException cause) {
    String remedy = remedy("udp", new InetSocketAddress(source, 0), cause);
    return new StartFailure(
        "%s: cannot send from source address %s: %s"
            .formatted(pool, source.getHostAddress(), remedy),
        cause);
  }

  /** More backends, by as many source addresses, than there is heap for their local ports. */
  static StartFailure memory(long bytes, long most) {
    return new StartFailure(
        ("the local ports of all backends would take %d MiB of heap, and %d MiB, a quarter of it,"
                + " are for them: fewer backends or source-addresses, a narrower"
                + " net.ipv4.ip_local_port_range, or more memory (-Xmx in SLUICE_JAVA_OPTS)")
            .formatted(Math.ceilDiv(bytes, 1L << 20), most >> 20));
  }

  /** The kernel's words tell these apart; Java has one exception for all of them. */
  private static String remedy(String protocol, InetSocketAddress at, IOException cause) {
    String said = String.valueOf(cause.getMessage());
    String key = said.toLowerCase(Locale.ROOT);
    if (key.contains("in use")) {
      return "something else has it; `ss -ln%sp 'sport = :%d'` shows what: stop that, or change the port"
          .formatted(protocol.substring(0, 1), at.getPort());
    }
    if (key.contains("permission denied")) {
      return "not permitted; ports below net.ipv4.ip_unprivileged_port_start (usually 1024) need"
          + " CAP_NET_BIND_SERVICE or root: grant it, or use a higher port";
    }
    if (key.contains("cannot assign") || key.contains("unsupported address")) {
      return "no interface of this machine has that address; `ip address` lists those it has";
    }
    if (cause instanceof BindException || cause instanceof SocketException) {
      return said + "; check the address in the configuration";
    }
    return said;
  }
}
