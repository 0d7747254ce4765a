package io.sluice.admin;

import java.util.List;
import java.util.stream.Stream;

/**
 * A column of the failover matrix: who relays, which traffic, and whether backends are probed. Each
 * has a front and a pool of its own, and links that leave from an address of their own, because the
 * kernel limits ICMP errors by the address they go to.
 */
enum Cell {
  TWO_WAY(Relay.SLUICE, false),
  TWO_WAY_PROBED(Relay.SLUICE_PROBES, false),
  ONE_WAY(Relay.SLUICE, true),
  ONE_WAY_PROBED(Relay.SLUICE_PROBES, true),
  NGINX_SESSIONS(Relay.NGINX_SESSIONS, false),
  NGINX_REQUESTS(Relay.NGINX_REQUESTS, false),
  NGINX_ONE_WAY(Relay.NGINX_SESSIONS, true);

  enum Relay {
    SLUICE("sluice"),
    SLUICE_PROBES("sluice with probes"),
    NGINX_SESSIONS("nginx"),
    /** Each request a session of its own, which fails if there is no answer. */
    NGINX_REQUESTS("nginx per request");

    final String title;

    Relay(String title) {
      this.title = title;
    }
  }

  final Relay relay;
  final boolean oneWay;

  Cell(Relay relay, boolean oneWay) {
    this.relay = relay;
    this.oneWay = oneWay;
  }

  static List<Cell> ours() {
    return Stream.of(values()).filter(Cell::isOurs).toList();
  }

  static List<Cell> theirs() {
    return Stream.of(values()).filter(cell -> !cell.isOurs()).toList();
  }

  boolean isOurs() {
    return relay == Relay.SLUICE || isProbed();
  }

  boolean isProbed() {
    return relay == Relay.SLUICE_PROBES;
  }

  /** Its front's and its pool's. */
  String title() {
    return "c" + ordinal();
  }

  int frontPort() {
    return 5_000 + ordinal();
  }

  int backendPort() {
    return 7_000 + ordinal();
  }

  String source() {
    return "10.9.0." + (1 + ordinal());
  }
}
