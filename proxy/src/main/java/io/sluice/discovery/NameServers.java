package io.sluice.discovery;

import io.sluice.config.Origin;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;

/** Who answers questions about names. */
interface NameServers {

  /**
   * Asks, and waits for the answer.
   *
   * @throws NoSuchName when there is an answer, and it is that there are no such records
   * @throws IOException when nothing can be said; in words for a person
   */
  Answer ask(String name, Origin.Type type) throws IOException, InterruptedException;

  /**
   * At least one record.
   *
   * @param ttl the shortest of them
   */
  record Answer(List<Entry> entries, Duration ttl) {}

  /** What a record says. */
  sealed interface Entry {
    /** A or AAAA. */
    record Host(InetAddress ip) implements Entry {}

    /** SRV: RFC 2782. */
    record Service(int priority, int weight, int port, String target) implements Entry {}
  }

  /** NXDOMAIN, or a name without records of that type. */
  final class NoSuchName extends IOException {
    private static final long serialVersionUID = 1;

    NoSuchName(String message) {
      super(message);
    }
  }
}
